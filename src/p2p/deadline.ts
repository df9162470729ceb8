/** @module Time limits for whatever waits on another node. */

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
  for (const signal of signals) signal?.addEventListener('abort', onAbort)
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
    else signal.addEventListener('abort', onAbort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
