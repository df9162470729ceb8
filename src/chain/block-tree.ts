/** @module The tree of all known headers, and which of its branches could be the active chain. */

import type { BlockHashHex } from '../primitives/index.ts'
import { BlockEntry, type BlockEntryInit, type EntryValidity } from './block-entry.ts'
import { EntryMap } from './entry-map.ts'

/** What `getchaintips` calls the end of a branch. @see Bitcoin Core `getchaintips` */
export type ChainTipStatus = 'active' | 'valid-fork' | 'valid-headers' | 'headers-only' | 'invalid'

/** What the store remembers of an entry besides its place. */
export interface RestoredEntry extends Omit<BlockEntryInit, 'prev'> {
  readonly validity: EntryValidity
  readonly wasConnected: boolean
  readonly hasBody: boolean
  readonly transactionCount: number
  readonly sequence: number
}

/**
 * All known headers in memory, with the bookkeeping that finds the best of them. Does no I/O, checks
 * no rule; `Chain` alone changes it.
 */
export class BlockTree {
  readonly #entries = new EntryMap()
  /** Entries that are not stored. Closed under descendants. */
  readonly #loose = new Set<BlockEntry>()
  /** Blocks that could be connected and are no worse than the tip was. */
  readonly #candidates = new Set<BlockEntry>()
  #bestHeader: BlockEntry | undefined
  #lastSequence = 0
  /** Stand-ins for the sequence of entries that are preferred among those with the same work. */
  readonly #preferences = new Map<BlockEntry, number>()
  #nextPreference = 0
  /** The tip's work at the last preference: once it grows, older preferences mean nothing. */
  #preferredWork = 0n

  /** How many headers are known. */
  get size(): number {
    return this.#entries.size
  }

  /** How many of them are not stored. */
  get looseCount(): number {
    return this.#loose.size
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
    return entry.children
  }

  /** Ends of branches. */
  leaves(): readonly BlockEntry[] {
    return [...this.#entries].filter(({ children }) => children.length === 0)
  }

  /** Adds a header whose parent is in the tree, or the first of all. */
  add(init: BlockEntryInit): BlockEntry {
    return this.#insert(new BlockEntry(init))
  }

  #insert(entry: BlockEntry): BlockEntry {
    this.#entries.add(entry)
    if (!entry.isStored) this.#loose.add(entry)
    const { prev } = entry
    prev?.addChild(entry)
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
    const completed = [entry]
    // Grows while it is walked: parents before children, siblings in the order in which they came.
    for (const next of completed) {
      next.hasChainOfBodies = true
      next.sequence = ++this.#lastSequence
      // It may have been declared invalid while its body was being stored.
      this.#considerCandidate(next)
      for (const child of this.childrenOf(next)) if (child.hasBody) completed.push(child)
    }
    return completed
  }

  /** Entries up to a height, genesis left out, that have a body. */
  findBodies(height: number): readonly BlockEntry[] {
    const found: BlockEntry[] = []
    for (const entry of this.#entries) {
      if (entry.hasBody && entry.height > 0 && entry.height <= height) found.push(entry)
    }
    return found
  }

  /**
   * Notes that an entry's body is deleted. Of the active chain nothing else is lost; another branch would have to be
   * fetched again.
   *
   * @returns Everything that changed.
   */
  markPruned(entry: BlockEntry, isActive: boolean): readonly BlockEntry[] {
    entry.hasBody = false
    if (isActive) return [entry]
    entry.wasConnected = false
    if (entry.validity === 'connected') entry.validity = 'header'
    const bereft = [entry]
    for (const next of bereft) {
      next.hasChainOfBodies = false
      this.#candidates.delete(next)
      bereft.push(...this.childrenOf(next))
    }
    return [entry]
  }

  /**
   * Notes that somebody vouches for an entry and its ancestors: they count as connected, and as pruned where there is
   * no body.
   *
   * @returns Everything that changed.
   */
  markAssumed(entry: BlockEntry): readonly BlockEntry[] {
    const line: BlockEntry[] = []
    for (let next: BlockEntry | undefined = entry; next !== undefined; next = next.prev) {
      if (!(next.wasConnected && next.hasChainOfBodies)) line.push(next)
    }
    for (const next of line.reverse()) {
      next.validity = 'connected'
      next.wasConnected = true
      next.hasChainOfBodies = true
      if (next.sequence === 0) next.sequence = ++this.#lastSequence
    }
    this.#considerCandidate(entry)
    for (const next of line) this.#completeDescendants(next)
    return line
  }

  /** Blocks whose bodies came before those of an ancestor. */
  #completeDescendants(entry: BlockEntry): void {
    for (const child of this.childrenOf(entry)) {
      if (child.hasBody && !child.hasChainOfBodies) this.markBody(child, child.transactionCount)
    }
  }

  /**
   * Takes an entry over from the store as it was. Parents must come before children, and
   * {@link refillCandidates} after all.
   */
  restore(stored: RestoredEntry, prev: BlockEntry | undefined): BlockEntry {
    const { header, hash, firstSeenMs } = stored
    const entry = new BlockEntry({ header, hash, firstSeenMs, prev })
    entry.validity = stored.validity
    entry.wasConnected = stored.wasConnected
    entry.hasBody = stored.hasBody
    entry.hasChainOfBodies = (entry.hasBody || entry.isPruned) && (prev?.hasChainOfBodies ?? true)
    entry.transactionCount = stored.transactionCount
    entry.sequence = stored.sequence
    this.#lastSequence = Math.max(this.#lastSequence, stored.sequence)
    // Its ancestors are marked already, so that there is no more to it.
    entry.isStored = !entry.isMereHeader && prev?.isStored !== false
    this.#insert(entry)
    if (!entry.isMereHeader) this.markStored(entry)
    return entry
  }

  /**
   * Notes that an entry is to be stored, and its ancestors with it: without its parent it would be of no
   * use.
   *
   * @returns Every entry for which that is new.
   */
  markStored(entry: BlockEntry): readonly BlockEntry[] {
    if (entry.isStored) return []
    const changed: BlockEntry[] = []
    for (let next: BlockEntry | undefined = entry; next?.isStored === false; next = next.prev) {
      next.isStored = true
      this.#loose.delete(next)
      changed.push(next)
    }
    return changed
  }

  /** Forgets all entries that are not stored, but for the branches to some of them. */
  forgetLoose(ends: Iterable<BlockEntry>): void {
    const spared = new Set<BlockEntry>()
    for (const end of ends) {
      let next: BlockEntry | undefined = end
      for (; next?.isStored === false && !spared.has(next); next = next.prev) spared.add(next)
    }
    const bereft = new Set<BlockEntry>()
    for (const entry of this.#loose) {
      if (spared.has(entry)) continue
      this.#loose.delete(entry)
      this.#entries.delete(entry)
      if (entry.prev !== undefined) bereft.add(entry.prev)
    }
    for (const parent of bereft) this.#forgetChildren(parent)
    this.#findBestHeader()
  }

  /** Forgets those children of an entry that are not in the tree any more. */
  #forgetChildren(parent: BlockEntry): void {
    if (!this.#entries.has(parent)) return
    parent.keepChildren((child) => this.#entries.has(child))
  }

  #considerCandidate(entry: BlockEntry): void {
    if (entry.hasChainOfBodies && !entry.isFailed) this.#candidates.add(entry)
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

  /**
   * Forgets failures of an entry, of its descendants and of its ancestors; not those of its ancestors'
   * other descendants.
   *
   * @returns Everything that changed.
   */
  clearFailures(entry: BlockEntry): readonly BlockEntry[] {
    const line: BlockEntry[] = [entry]
    for (const next of line) line.push(...this.childrenOf(next))
    for (let { prev } = entry; prev !== undefined; prev = prev.prev) line.push(prev)
    const changed = line.filter((candidate) => candidate.isFailed)
    for (const next of changed) {
      next.validity = next.wasConnected ? 'connected' : 'header'
      this.#considerHeader(next)
      this.#considerCandidate(next)
    }
    return changed
  }

  /**
   * Finds all candidates again, those too that an earlier tip had overtaken.
   *
   * @param floor - The work below which nothing is wanted.
   */
  refillCandidates(floor = 0n): void {
    for (const entry of this.#entries) {
      if (entry.chainWork >= floor) this.#considerCandidate(entry)
    }
  }

  /**
   * Puts an entry before all others with the same work, those preferred earlier among them.
   *
   * @param tip - The present tip. The entry has at least as much work.
   */
  prefer(entry: BlockEntry, tip: BlockEntry): void {
    if (tip.chainWork > this.#preferredWork) {
      this.#preferences.clear()
      this.#nextPreference = 0
    }
    this.#preferredWork = tip.chainWork
    if (!entry.hasChainOfBodies) return
    // Sequences begin with 1, so whatever is preferred comes first.
    this.#preferences.set(entry, this.#nextPreference--)
    this.#considerCandidate(entry)
  }

  /** Compares two ends of branches: more work first, then the preferred, then who was complete first. */
  #isBetter(a: BlockEntry, b: BlockEntry): boolean {
    if (a.chainWork !== b.chainWork) return a.chainWork > b.chainWork
    const orderOf = (entry: BlockEntry) => this.#preferences.get(entry) ?? entry.sequence
    return orderOf(a) < orderOf(b)
  }

  #findBestHeader(): void {
    this.#bestHeader = undefined
    for (const entry of this.#entries) this.#considerHeader(entry)
  }

  /**
   * The connectable block with the most work. Of equal work, the one whose bodies were complete first:
   * "first seen".
   */
  findBestCandidate(tip: BlockEntry): BlockEntry {
    let best = tip.isFailed ? undefined : tip
    for (const candidate of this.#candidates) {
      if (best === undefined || this.#isBetter(candidate, best)) best = candidate
    }
    return best ?? tip
  }

  /** Does not consider an entry any more, until something new is known of it. */
  dropCandidate(entry: BlockEntry): void {
    this.#candidates.delete(entry)
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
