/** @module Time limits for whatever waits on another node. */

import { setMaxListeners } from '@libp2p/interface'
import type { Clock } from '../util/index.ts'
import { P2pError } from './p2p-error.ts'

/**
 * Runs a task that must end within `timeoutMs` or when one of `signals` aborts, whichever comes first.
 * The task's own signal aborts then, and the promise rejects even if the task does not heed it.
 *
 * `AbortSignal.timeout` and `AbortSignal.any` would do the same and keep their timers and listeners
 * until they fire; here both go as soon as the task has ended.
 *
 * @throws {@link P2pError} `timeout`, or the reason of the signal
 */
export async function withDeadline<Result>(
  clock: Clock,
  timeoutMs: number,
  signals: readonly (AbortSignal | undefined)[],
  task: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  for (const signal of signals) signal?.throwIfAborted()
  const controller = new AbortController()
  const timer = clock.schedule(timeoutMs, () =>
    controller.abort(new P2pError('timeout', `no answer within ${timeoutMs} ms`)),
  )
  const onAbort = (event: Event): void => controller.abort((event.target as AbortSignal).reason)
  for (const signal of signals) if (signal !== undefined) listen(signal, onAbort)
  try {
    return await orAborted(task(controller.signal), controller.signal)
  } finally {
    timer.cancel()
    for (const signal of signals) signal?.removeEventListener('abort', onAbort)
  }
}

/** Settles as `promise` does, or rejects with the signal's reason if that aborts first. */
export function orAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) onAbort()
    else listen(signal, onAbort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** All that is at work listens to the signal of its owner: that many is no leak, and Node.js would warn. */
function listen(signal: AbortSignal, onAbort: (event: Event) => void): void {
  setMaxListeners(Number.POSITIVE_INFINITY, signal)
  signal.addEventListener('abort', onAbort)
}
