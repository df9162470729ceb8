/** @module Calls that wait until there is something better to mine on: long polling (BIP-0022). */

import type { KnownTemplate, TemplateFeed } from '../mining/index.ts'
import type { CancelSignal } from '../util/index.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

/** How many may wait at a time; half of that holds the largest templates, some eight megabytes each, in memory. */
export const MAX_TEMPLATE_WAITS = 32

/** Lets calls wait, no more than {@link MAX_TEMPLATE_WAITS} at a time. */
export class TemplateWaits {
  readonly #feed: Pick<TemplateFeed, 'isOnTip' | 'waitForChange'>
  #count = 0

  constructor(feed: Pick<TemplateFeed, 'isOnTip' | 'waitForChange'>) {
    this.#feed = feed
  }

  /** How many wait now. */
  get count(): number {
    return this.#count
  }

  /**
   * Waits as {@link TemplateFeed.waitForChange}.
   *
   * @throws {@link RpcError} -9 when the signal is aborted, -1 if too many wait already.
   */
  async wait(known: KnownTemplate, signal?: CancelSignal): Promise<void> {
    if (!this.#feed.isOnTip(known)) return
    if (this.#count >= MAX_TEMPLATE_WAITS) {
      throw new RpcError(RPC_CODES.MISC_ERROR, 'Too many calls wait for a new template already')
    }
    this.#count += 1
    try {
      const isChanged = await this.#feed.waitForChange(known, signal)
      if (!isChanged) throw new RpcError(RPC_CODES.CLIENT_NOT_CONNECTED, 'Shutting down')
    } finally {
      this.#count -= 1
    }
  }
}
