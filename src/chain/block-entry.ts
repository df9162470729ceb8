/** @module An element of the block tree: a header, its place, and what is known of its block. */

import { type ChainLink, computeMedianTimePast, computeWork } from '../consensus/index.ts'
import {
  type BlockHash,
  type BlockHashHex,
  type BlockHeader,
  toDisplayHex,
} from '../primitives/index.ts'

/**
 * How far validation of a block has come. `failed` is for the block itself, `failed-child` for its
 * descendants.
 */
export type EntryValidity = 'header' | 'connected' | 'failed' | 'failed-child'

const NO_CHILDREN: readonly BlockEntry[] = []

/** What a new entry is made from. */
export interface BlockEntryInit {
  readonly header: BlockHeader
  readonly hash: BlockHash
  readonly prev: BlockEntry | undefined
  /** Milliseconds since the Unix epoch at which the header was first seen. */
  readonly firstSeenMs: number
}

/** Expected hashes of one block. Most have the bits of their parent, whose work is known. */
function computeOwnWork({ header, prev }: BlockEntryInit): bigint {
  if (prev?.bits !== header.bits) return computeWork(header.bits)
  return prev.chainWork - (prev.prev?.chainWork ?? 0n)
}

/** Clears the lowest set bit. */
function clearLowestBit(height: number): number {
  return height & (height - 1)
}

/** The height that an entry's skip link goes to. @see Bitcoin Core `GetSkipHeight` */
function computeSkipHeight(height: number): number {
  if (height < 2) return 0
  return (height & 1) === 1
    ? clearLowestBit(clearLowestBit(height - 1)) + 1
    : clearLowestBit(height)
}

/**
 * A header in the tree. Its place never changes; what is known of its body and validity does, and only
 * `Chain` changes it.
 */
export class BlockEntry implements ChainLink {
  readonly hash: BlockHash
  readonly header: BlockHeader
  readonly prev: BlockEntry | undefined
  readonly height: number
  /** Expected hashes of the whole chain up to and with this block. */
  readonly chainWork: bigint
  readonly firstSeenMs: number
  readonly #skip: BlockEntry | undefined
  /** Undefined as long as there are none, as with the last ones. */
  #children: BlockEntry[] | undefined
  /** Whether the store has the block's body. */
  hasBody = false
  /** Whether the store has, or had, its body and those of all ancestors, so that this block could be connected. */
  hasChainOfBodies = false
  /**
   * Whether the store has the entry, or gets it with its next write: it has a body, broke a rule itself, or
   * leads to a block that has or did. Of others only the header is known, in memory alone.
   */
  isStored = false
  validity: EntryValidity = 'header'
  /** Whether it was on the active chain at any time; so its undo data are stored. */
  wasConnected = false
  /** Number of transactions; 0 while the body is unknown. */
  transactionCount = 0
  /** Order in which chains of bodies became complete: of equal work, the lower one stays. */
  sequence = 0
  #medianTimePast: number | undefined
  #hashHex: BlockHashHex | undefined

  constructor(init: BlockEntryInit) {
    this.hash = init.hash
    this.header = init.header
    this.prev = init.prev
    this.firstSeenMs = init.firstSeenMs
    this.height = init.prev === undefined ? 0 : init.prev.height + 1
    this.chainWork = (init.prev?.chainWork ?? 0n) + computeOwnWork(init)
    this.#skip = init.prev?.getAncestor(computeSkipHeight(this.height))
  }

  /** Written when it is first asked for: most are never. */
  get hashHex(): BlockHashHex {
    this.#hashHex ??= toDisplayHex(this.hash)
    return this.#hashHex
  }

  /** In the order in which they came. */
  get children(): readonly BlockEntry[] {
    return this.#children ?? NO_CHILDREN
  }

  /** For the tree alone. */
  addChild(child: BlockEntry): void {
    if (this.#children === undefined) this.#children = [child]
    else this.#children.push(child)
  }

  /** For the tree alone. */
  keepChildren(isKept: (child: BlockEntry) => boolean): void {
    const left = this.children.filter(isKept)
    this.#children = left.length === 0 ? undefined : left
  }

  /** Unix seconds. */
  get time(): number {
    return this.header.time
  }

  get bits(): number {
    return this.header.bits
  }

  /** Unix seconds; the parent of the next block is compared with it. */
  get medianTimePast(): number {
    this.#medianTimePast ??= computeMedianTimePast(this)
    return this.#medianTimePast
  }

  /** Whether the block or an ancestor broke a rule. */
  get isFailed(): boolean {
    return this.validity === 'failed' || this.validity === 'failed-child'
  }

  /** Whether its body was verified and then deleted to save room. */
  get isPruned(): boolean {
    return this.wasConnected && !this.hasBody
  }

  /** Whether nothing is known of it but its header, or nothing that does not follow from its ancestors. */
  get isMereHeader(): boolean {
    return !(this.hasBody || this.validity === 'failed')
  }

  /**
   * The ancestor at a height, this entry included, in logarithmic time.
   *
   * @see Bitcoin Core `CBlockIndex::GetAncestor`
   */
  getAncestor(height: number): BlockEntry | undefined {
    if (height < 0 || height > this.height) return undefined
    let entry: BlockEntry = this
    while (entry.height > height) {
      const skip = entry.#skip
      const skipHeight = computeSkipHeight(entry.height)
      const prevSkipHeight = computeSkipHeight(entry.height - 1)
      // Takes the skip unless the parent's own skip would land nearer without overshooting.
      const isSkipBest =
        skip !== undefined &&
        (skipHeight === height ||
          (skipHeight > height && !(prevSkipHeight < skipHeight - 2 && prevSkipHeight >= height)))
      const next: BlockEntry | undefined = isSkipBest ? skip : entry.prev
      if (next === undefined) return undefined
      entry = next
    }
    return entry
  }
}

/** The last entry that two entries have in common. Both must be of one tree. */
export function findForkPoint(a: BlockEntry, b: BlockEntry): BlockEntry | undefined {
  let left = a.getAncestor(Math.min(a.height, b.height))
  let right = b.getAncestor(Math.min(a.height, b.height))
  while (left !== right) {
    left = left?.prev
    right = right?.prev
  }
  return left
}

/** Milliseconds in a second, for the one place where program time becomes consensus time. */
const MS_PER_SECOND = 1_000

/** Program time as consensus time: Unix seconds, rounded down. */
export function toUnixSeconds(nowMs: number): number {
  return Math.floor(nowMs / MS_PER_SECOND)
}
