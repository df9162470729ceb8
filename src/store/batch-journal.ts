/**
 * @module A number in every batch, so that one that is missing is noticed.
 *
 * LevelDB opens without a word when its log is damaged in the middle: the batches there are gone, later ones are not.
 * So each batch of the state database leaves its number, and numbers that do not follow each other tell of a hole.
 * What was opened once has been moved from the log into tables, and of a running database no more than two write
 * buffers stand in logs; so the numbers of batches beyond that need not be kept.
 */

import { StoreError } from '../chain/index.ts'
import { openValue, sealValue } from './checksum.ts'
import { journalKey, sequenceOfJournalKey } from './key-map.ts'

/** Numbers are kept while their batches may stand in a log: more than two write buffers of any platform. */
const KEPT_BYTES = 64 * 1_048_576
/** What one operation takes in a log beside its key and value, at the most. */
const OPERATION_OVERHEAD_BYTES = 16
const SIZE_SIZE = 4

/** A change to the journal. */
export type JournalOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

/** What the journal reads at the start. */
type JournalRecords = AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>

/** The numbers of the newest batches. */
export class BatchJournal {
  /** Sizes in bytes by number. */
  readonly #sizes = new Map<number, number>()
  #bytes = 0
  #first: number
  #last: number
  #isForgettable = true

  private constructor(first: number, last: number) {
    this.#first = first
    this.#last = last
  }

  /**
   * Reads the stored journal.
   *
   * @throws {@link StoreError} `corrupt` if a batch is missing.
   */
  static async read(records: JournalRecords): Promise<BatchJournal> {
    let first = 1
    let last = 0
    for await (const [key, sealed] of records) {
      const sequence = sequenceOfJournalKey(key)
      openValue(sealed, { what: `journal entry ${sequence}`, part: 'state', key })
      if (last === 0) first = sequence
      else if (sequence !== last + 1) {
        throw new StoreError(
          'corrupt',
          `the state database lacks what was written between its batches ${last} and ${sequence}: its log is ` +
            'damaged. Start again, and it is rebuilt from the stored blocks',
          { part: 'state' },
        )
      }
      last = sequence
    }
    return new BatchJournal(first, last)
  }

  /** The number of the newest batch; 0 before the first. */
  get last(): number {
    return this.#last
  }

  /** How many numbers are kept. */
  get size(): number {
    return this.#last - this.#first + 1
  }

  /** Lets the next batch forget all numbers: everything so far stands in tables. So it is after opening. */
  release(): void {
    this.#isForgettable = true
  }

  /**
   * What has to stand in the next batch beside its own operations.
   *
   * @param bytes - Of its keys and values.
   * @param count - Of its operations.
   * @returns The operations, and what to call once the batch is written.
   */
  prepare(
    bytes: number,
    count: number,
  ): { readonly operations: readonly JournalOperation[]; readonly commit: () => void } {
    const sequence = this.#last + 1
    const size = bytes + count * OPERATION_OVERHEAD_BYTES
    const value = new Uint8Array(SIZE_SIZE)
    new DataView(value.buffer).setUint32(0, size, true)
    const key = journalKey(sequence)
    const operations: JournalOperation[] = [{ type: 'put', key, value: sealValue(value, key) }]
    let first = this.#first
    let left = this.#bytes
    for (; first < sequence; first++) {
      left -= this.#sizes.get(first) ?? 0
      if (!this.#isForgettable && left < KEPT_BYTES) break
      operations.push({ type: 'del', key: journalKey(first) })
    }
    return { operations, commit: () => this.#commit(first, sequence, size) }
  }

  #commit(first: number, sequence: number, size: number): void {
    for (; this.#first < first; this.#first++) {
      this.#bytes -= this.#sizes.get(this.#first) ?? 0
      this.#sizes.delete(this.#first)
    }
    this.#sizes.set(sequence, size)
    this.#bytes += size
    this.#last = sequence
    this.#isForgettable = false
  }
}
