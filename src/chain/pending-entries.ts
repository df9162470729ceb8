/** @module What has changed in the block tree and is not stored yet. */

import { Mutex } from '../util/index.ts'
import type { BlockEntry } from './block-entry.ts'
import type { BlockTree } from './block-tree.ts'
import type { ChainStore, StoredEntry, TipChange } from './chain-store.ts'

/** An entry as the store keeps it. */
export function toStored(entry: BlockEntry): StoredEntry {
  const { hash, header, height, validity, wasConnected, hasBody } = entry
  const { transactionCount, sequence, firstSeenMs } = entry
  return {
    hash,
    header,
    height,
    validity,
    wasConnected,
    hasBody,
    transactionCount,
    sequence,
    firstSeenMs,
  }
}

/**
 * Collects entries that the store does not know in their present form, and writes them.
 *
 * Mere headers cost nobody a body, so they are not stored, and fetched again after a restart. Writes take
 * turns: otherwise a child could reach the disk without its parent, or an entry's older form after its
 * newer one.
 */
export class PendingEntries {
  readonly #store: ChainStore
  readonly #tree: BlockTree
  readonly #entries = new Set<BlockEntry>()
  readonly #writing = new Mutex()

  constructor(store: ChainStore, tree: BlockTree) {
    this.#store = store
    this.#tree = tree
  }

  /** Takes an entry that has changed, unless nobody would miss it. */
  add(entry: BlockEntry): void {
    if (entry.isStored || !entry.isMereHeader) this.keep(entry)
  }

  /** Takes an entry, with those of its ancestors that are not stored. */
  keep(entry: BlockEntry): void {
    for (const changed of this.#tree.markStored(entry)) this.#entries.add(changed)
    this.#entries.add(entry)
  }

  addAll(entries: Iterable<BlockEntry>): void {
    for (const entry of entries) this.add(entry)
  }

  /** Writes all that has changed. */
  flush(): Promise<void> {
    return this.#writeNext((entries) =>
      entries.length === 0 ? undefined : this.#store.writeEntries(entries),
    )
  }

  /** Moves the stored tip, and writes all that has changed in the same step. */
  writeTip(change: Omit<TipChange, 'entries'>): Promise<void> {
    return this.#writeNext((entries) => this.#store.writeTip({ ...change, entries }))
  }

  /** Has entries up to a height stored closer together, where there are many. */
  pack(height: number): Promise<void> {
    return this.#writing.run(() => this.#store.packEntries(height))
  }

  #writeNext(write: (entries: readonly StoredEntry[]) => Promise<void> | undefined): Promise<void> {
    return this.#writing.run(async () => {
      const taken = [...this.#entries]
      // Emptied before the write: what changes while it runs has to be written again.
      this.#entries.clear()
      try {
        await write(taken.map(toStored))
      } catch (error) {
        this.addAll(taken)
        throw error
      }
    })
  }
}
