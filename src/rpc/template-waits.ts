/** @module Miners that wait until there is something better to mine on: long polling (BIP-0022). */

import type { Chain } from '../chain/index.ts'
import type { Mempool } from '../mempool/index.ts'
import type { CancelSignal, Clock, Timer } from '../util/index.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

/** How many may wait at a time; half of that holds the largest templates, some eight megabytes each, in memory. */
export const MAX_TEMPLATE_WAITS = 32
/** New transactions are worth an answer after so long, and not before. @see Bitcoin Core `getblocktemplate` */
export const FIRST_MEMPOOL_CHECK_MS = 60_000
/** If there were none by then, so often is looked again. */
export const MEMPOOL_CHECK_INTERVAL_MS = 10_000

/** What waiting depends on. */
export interface TemplateWaitsDeps {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly clock: Clock
}

/** What a miner has already: a template on this tip, with what the mempool held at this point. */
export interface KnownTemplate {
  /** As people spell it. */
  readonly tipHash: string
  /** Of the mempool; see `Mempool.sequence`. */
  readonly sequence: number
}

/** Lets miners wait, no more than {@link MAX_TEMPLATE_WAITS} at a time. */
export class TemplateWaits {
  readonly #deps: TemplateWaitsDeps
  #count = 0

  constructor(deps: TemplateWaitsDeps) {
    this.#deps = deps
  }

  /** How many wait now. */
  get count(): number {
    return this.#count
  }

  /**
   * Waits until the tip is another than the known template's, at once if it is already; or, from
   * {@link FIRST_MEMPOOL_CHECK_MS} on, until the mempool has changed.
   *
   * @throws {@link RpcError} -9 when the signal is aborted, -1 if too many wait already.
   */
  async wait({ tipHash, sequence }: KnownTemplate, signal?: CancelSignal): Promise<void> {
    const { chain, mempool } = this.#deps
    if (chain.tip.hashHex !== tipHash) return
    if (signal?.aborted === true) throw createStopError()
    if (this.#count >= MAX_TEMPLATE_WAITS) {
      throw new RpcError(RPC_CODES.MISC_ERROR, 'Too many calls wait for a new template already')
    }
    this.#count += 1
    try {
      await this.#untilChanged(() => mempool.sequence !== sequence, signal)
    } finally {
      this.#count -= 1
    }
  }

  #untilChanged(hasMempoolChanged: () => boolean, signal?: CancelSignal): Promise<void> {
    const { chain, clock } = this.#deps
    return new Promise((resolve, reject) => {
      let timer: Timer
      const release = (): void => {
        stopListening()
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      const onAbort = (): void => {
        release()
        reject(createStopError())
      }
      const finish = (): void => {
        release()
        resolve()
      }
      const check = (): void => {
        if (hasMempoolChanged()) finish()
        else timer = clock.schedule(MEMPOOL_CHECK_INTERVAL_MS, check)
      }
      const stopListening = chain.events.on('tipChanged', finish)
      timer = clock.schedule(FIRST_MEMPOOL_CHECK_MS, check)
      signal?.addEventListener('abort', onAbort)
    })
  }
}

function createStopError(): RpcError {
  return new RpcError(RPC_CODES.CLIENT_NOT_CONNECTED, 'Shutting down')
}
