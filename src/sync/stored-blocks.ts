/** @module Stored blocks for peers, of whom none has to suffer for one that is damaged. */

import type { BlockEntry, Chain } from '../chain/index.ts'
import type { BlockHashHex } from '../primitives/index.ts'
import { type Logger, toErrorMessage } from '../util/index.ts'
import { isStoreFailure } from './block-download.ts'

/** The log tells of so many stored blocks that cannot be read. */
const MAX_TOLD_DAMAGES = 100

/** Reads stored blocks. */
export class StoredBlocks {
  readonly #chain: Chain
  readonly #log: Logger
  /** Blocks whose bodies could not be read, as far as the log has told of them. */
  readonly #damaged = new Set<BlockHashHex>()

  constructor(chain: Chain, log: Logger) {
    this.#chain = chain
    this.#log = log
  }

  /** The encoded block, or undefined if there is none that can be read. */
  async read({ hash, hashHex, hasBody }: BlockEntry): Promise<Uint8Array | undefined> {
    if (!hasBody) return undefined
    try {
      return await this.#chain.readBlockBytes(hash)
    } catch (error) {
      if (!isStoreFailure(error)) throw error
      // One damaged block is no reason to keep the others from peers; but the operator has to know.
      if (!this.#damaged.has(hashHex) && this.#damaged.size < MAX_TOLD_DAMAGES) {
        this.#damaged.add(hashHex)
        const reason = toErrorMessage(error)
        this.#log.error('a stored block cannot be read', { hash: hashHex, reason })
      }
      return undefined
    }
  }
}
