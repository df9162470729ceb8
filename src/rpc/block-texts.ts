/** @module The transactions of blocks as JSON, for those who ask again and for the many who ask at a time. */

import type { BlockEntry, Chain } from '../chain/index.ts'
import type { ConsensusParams } from '../consensus/index.ts'
import { computeBlockSize, decodeBlock } from '../primitives/index.ts'
import { type Clock, sleep } from '../util/index.ts'
import { encodeJson, JsonText } from './json-text.ts'
import { describeTransactionWithHex } from './methods/transaction-json.ts'

/** Memory for texts that may be asked for again: some dozen of the largest blocks. */
export const MAX_BLOCK_TEXTS_BYTES = 64 * 1_048_576
/** A text is kept as it is and, once it was sent, in bytes. */
const BYTES_PER_CHARACTER = 2
/** Others get their turn after so long. */
const TURN_MS = 5

/** What the texts are made of. */
export interface BlockTextsDeps {
  readonly chain: Chain
  readonly params: ConsensusParams
  readonly clock: Clock
}

/** A block in words, but for what changes with the tip. */
export interface BlockText {
  readonly strippedSize: number
  readonly size: number
  readonly weight: number
  /** An array of all transactions. */
  readonly transactions: JsonText
}

/** Bytes of memory. */
function measure({ transactions }: BlockText): number {
  return BYTES_PER_CHARACTER * transactions.text.length
}

/** Describing a large block takes a tenth of a second: it is done once, in turns with everybody else. */
export class BlockTexts {
  readonly #deps: BlockTextsDeps
  readonly #maxBytes: number
  /** The one that was asked for last comes last. */
  readonly #texts = new Map<string, BlockText>()
  readonly #making = new Map<string, Promise<BlockText>>()
  #bytes = 0

  constructor(deps: BlockTextsDeps, maxBytes = MAX_BLOCK_TEXTS_BYTES) {
    this.#deps = deps
    this.#maxBytes = maxBytes
  }

  /** Bytes of memory that are taken. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * The text of a block.
   *
   * @param read - Gives the encoded block.
   * @param showsPrevouts - Whether each input shows what it spends.
   */
  async get(
    entry: BlockEntry,
    read: () => Promise<Uint8Array>,
    showsPrevouts: boolean,
  ): Promise<BlockText> {
    // Fees and spent outputs are known of blocks that were connected; so a block may be told in two ways.
    const key = `${entry.hashHex} ${showsPrevouts} ${entry.wasConnected}`
    const known = this.#texts.get(key)
    if (known !== undefined) {
      this.#texts.delete(key)
      this.#texts.set(key, known)
      return known
    }
    let making = this.#making.get(key)
    if (making === undefined) {
      making = this.#make(entry, read, showsPrevouts)
      this.#making.set(key, making)
      const done = () => this.#making.delete(key)
      making
        .then((text) => this.#keep(key, text))
        .finally(done)
        .catch(() => undefined)
    }
    return making
  }

  #keep(key: string, text: BlockText): void {
    const size = measure(text)
    if (size > this.#maxBytes) return
    this.#texts.set(key, text)
    this.#bytes += size
    for (const [key, oldest] of this.#texts) {
      if (this.#bytes <= this.#maxBytes) break
      this.#texts.delete(key)
      this.#bytes -= measure(oldest)
    }
  }

  async #make(
    entry: BlockEntry,
    read: () => Promise<Uint8Array>,
    showsPrevouts: boolean,
  ): Promise<BlockText> {
    const { chain, params, clock } = this.#deps
    const bytes = await read()
    const undo = await chain.readUndo(entry.hash)
    const block = decodeBlock(bytes)
    const { strippedSize, weight } = computeBlockSize(block)
    const parts: string[] = []
    let turnMs = clock.monotonic()
    for (const [index, tx] of block.transactions.entries()) {
      if (clock.monotonic() - turnMs > TURN_MS) {
        await sleep(clock, 0)
        turnMs = clock.monotonic()
      }
      // The coinbase spends nothing, so undo data begin with the transaction after it.
      const spent = index === 0 ? undefined : undo?.[index - 1]
      parts.push(encodeJson(describeTransactionWithHex(tx, { params, spent, showsPrevouts })))
    }
    const transactions = new JsonText(`[${parts.join(',')}]`)
    return { strippedSize, size: bytes.length, weight, transactions }
  }
}
