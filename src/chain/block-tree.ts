/** @module The tree of all known headers, and which of its branches could be the active chain. */

import type { BlockHashHex } from '../primitives/index.ts'
import { BlockEntry, type BlockEntryInit } from './block-entry.ts'

/** What `getchaintips` calls the end of a branch. @see Bitcoin Core `getchaintips` */
export type ChainTipStatus = 'active' | 'valid-fork' | 'valid-headers' | 'headers-only' | 'invalid'

/** Compares two ends of branches: more work first, then who was complete first. */
function isBetter(a: BlockEntry, b: BlockEntry): boolean {
  if (a.chainWork !== b.chainWork) return a.chainWork > b.chainWork
  return a.sequence < b.sequence
}

/**
 * All known headers in memory, with the bookkeeping that finds the best of them. Does no I/O, checks
 * no rule; `Chain` alone changes it.
 */
export class BlockTree {
  readonly #entries = new Map<BlockHashHex, BlockEntry>()
  readonly #children = new Map<BlockEntry, BlockEntry[]>()
  readonly #leaves = new Set<BlockEntry>()
  /** Blocks that could be connected and are no worse than the tip was. */
  readonly #candidates = new Set<BlockEntry>()
  #bestHeader: BlockEntry | undefined
  #lastSequence = 0

  /** How many headers are known. */
  get size(): number {
    return this.#entries.size
  }

  /** The header with the most work whose chain is not known to be invalid. */
  get bestHeader(): BlockEntry | undefined {
    return this.#bestHeader
  }

  get(hashHex: BlockHashHex): BlockEntry | undefined {
    return this.#entries.get(hashHex)
  }

  /** The children of an entry, in the order in which they came. */
  childrenOf(entry: BlockEntry): readonly BlockEntry[] {
    return this.#children.get(entry) ?? []
  }

  /** Ends of branches. */
  leaves(): ReadonlySet<BlockEntry> {
    return this.#leaves
  }

  /** Adds a header whose parent is in the tree, or the first of all. */
  add(init: BlockEntryInit): BlockEntry {
    const entry = new BlockEntry(init)
    this.#entries.set(entry.hashHex, entry)
    this.#leaves.add(entry)
    const { prev } = entry
    if (prev !== undefined) {
      this.#leaves.delete(prev)
      const siblings = this.#children.get(prev)
      if (siblings === undefined) this.#children.set(prev, [entry])
      else siblings.push(entry)
    }
    this.#considerHeader(entry)
    return entry
  }

  #considerHeader(entry: BlockEntry): void {
    if (entry.isFailed) return
    const best = this.#bestHeader
    if (best === undefined || entry.chainWork > best.chainWork) this.#bestHeader = entry
  }

  /**
   * Notes that an entry's body is stored; its descendants may become connectable by it.
   *
   * @returns Every entry that has become connectable, parents first.
   */
  markBody(entry: BlockEntry, transactionCount: number): readonly BlockEntry[] {
    entry.hasBody = true
    entry.transactionCount = transactionCount
    if (entry.prev !== undefined && !entry.prev.hasChainOfBodies) return []
    const completed: BlockEntry[] = []
    const queue = [entry]
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      next.hasChainOfBodies = true
      next.sequence = ++this.#lastSequence
      completed.push(next)
      this.#candidates.add(next)
      for (const child of this.childrenOf(next)) if (child.hasBody) queue.push(child)
    }
    return completed
  }

  /** Takes an entry over from the store as it was. Parents must come before children. */
  restore(entry: BlockEntry, sequence: number): void {
    entry.sequence = sequence
    this.#lastSequence = Math.max(this.#lastSequence, sequence)
    entry.hasChainOfBodies = entry.hasBody && (entry.prev?.hasChainOfBodies ?? true)
    if (entry.hasChainOfBodies && !entry.isFailed) this.#candidates.add(entry)
    if (entry.isFailed && this.#bestHeader === entry) this.#findBestHeader()
  }

  /**
   * Marks an entry as breaking a rule, and all its descendants with it.
   *
   * @returns Everything that changed.
   */
  markFailed(entry: BlockEntry): readonly BlockEntry[] {
    const changed: BlockEntry[] = []
    const queue = [entry]
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      next.validity = next === entry ? 'failed' : 'failed-child'
      this.#candidates.delete(next)
      changed.push(next)
      queue.push(...this.childrenOf(next))
    }
    if (this.#bestHeader?.isFailed === true) this.#findBestHeader()
    return changed
  }

  #findBestHeader(): void {
    this.#bestHeader = undefined
    for (const entry of this.#entries.values()) this.#considerHeader(entry)
  }

  /**
   * The connectable block with the most work. Of equal work the tip stays, and otherwise the one whose
   * bodies were complete first: "first seen".
   */
  findBestCandidate(tip: BlockEntry): BlockEntry {
    let best = tip.isFailed ? undefined : tip
    for (const candidate of this.#candidates) {
      const isTie = best === tip && candidate.chainWork === tip.chainWork
      if (best === undefined || (!isTie && isBetter(candidate, best))) best = candidate
    }
    return best ?? tip
  }

  /** Forgets candidates that the new tip has overtaken. */
  pruneCandidates(tip: BlockEntry): void {
    for (const candidate of this.#candidates) {
      if (candidate !== tip && candidate.chainWork <= tip.chainWork) {
        this.#candidates.delete(candidate)
      }
    }
  }
}

/** The status of the end of a branch. @param isActive - Whether it is the tip of the active chain. */
export function chainTipStatus(entry: BlockEntry, isActive: boolean): ChainTipStatus {
  if (isActive) return 'active'
  if (entry.isFailed) return 'invalid'
  if (!entry.hasChainOfBodies) return 'headers-only'
  return entry.validity === 'connected' ? 'valid-fork' : 'valid-headers'
}
