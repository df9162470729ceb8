/** @module Who brings news of blocks first, and how far the others are behind. */

import type { BlockHashHex } from '../primitives/index.ts'
import { type Clock, LruMap } from '../util/index.ts'
import type { PeerId } from './peer-network.ts'

/** For how many blocks is remembered who has told of them. */
export const MAX_TIMED_BLOCKS = 256
/** How many peers are timed for each. */
export const MAX_TIMED_PEERS = 128
/** Of how many blocks a peer's delays are kept. */
export const MAX_DELAYS = 100
/** Who tells of a block later than this after the first has been behind itself. */
export const MAX_DELAY_MS = 60_000

/** How early a peer tells of blocks. */
export interface PropagationStats {
  /** Blocks of which it told first. */
  readonly firstCount: number
  /** Median time by which it was behind the first with the last blocks; undefined if it never was. */
  readonly medianDelayMs: number | undefined
}

interface PeerTimes {
  firstCount: number
  /** The oldest first. */
  readonly delays: number[]
}

/** A block of which it is known who has told of it. */
interface TimedBlock {
  /** Of the monotonic clock; undefined for a block of our own. */
  readonly firstMs: number | undefined
  readonly peers: Set<PeerId>
}

/** Times news of blocks: a block itself or, where gossip spares us a second copy, its announcement. */
export class BlockPropagation {
  readonly #clock: Clock
  readonly #blocks = new LruMap<BlockHashHex, TimedBlock>(MAX_TIMED_BLOCKS)
  readonly #times = new Map<PeerId, PeerTimes>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A block of our own, which nobody has to tell us of. */
  onOwn(hashHex: BlockHashHex): void {
    this.#blocks.set(hashHex, { firstMs: undefined, peers: new Set() })
  }

  /** A peer has told of a block. @param isNews - Whether we have lacked it until now. */
  onHeard(hashHex: BlockHashHex, from: PeerId, isNews: boolean): void {
    const nowMs = this.#clock.monotonic()
    const block = this.#blocks.get(hashHex)
    if (block === undefined) {
      if (!isNews) return
      this.#blocks.set(hashHex, { firstMs: nowMs, peers: new Set([from]) })
      this.#timesOf(from).firstCount += 1
      return
    }
    const { firstMs, peers } = block
    if (firstMs === undefined || peers.has(from) || peers.size >= MAX_TIMED_PEERS) return
    peers.add(from)
    if (nowMs - firstMs > MAX_DELAY_MS) return
    const { delays } = this.#timesOf(from)
    delays.push(nowMs - firstMs)
    if (delays.length > MAX_DELAYS) delays.shift()
  }

  of(id: PeerId): PropagationStats {
    const { firstCount, delays } = this.#times.get(id) ?? { firstCount: 0, delays: [] }
    const sorted = delays.toSorted((a, b) => a - b)
    return { firstCount, medianDelayMs: sorted[Math.floor(sorted.length / 2)] }
  }

  /** A peer has gone. */
  forget(id: PeerId): void {
    this.#times.delete(id)
  }

  #timesOf(id: PeerId): PeerTimes {
    const known = this.#times.get(id)
    if (known !== undefined) return known
    const times = { firstCount: 0, delays: [] }
    this.#times.set(id, times)
    return times
  }
}
