/** @module When a node counts as level with its peers. */

import type { Chain } from '../chain/index.ts'
import type { Clock, Logger } from '../util/index.ts'
import type { PeerState } from './peer-state.ts'
import { FAR_BEHIND_BLOCKS } from './sync-progress.ts'

/**
 * How long claims of any peers hold a node up while the best header does not change: whoever comes back
 * under ever new names has more than one peer's patience.
 */
export const MAX_CLAIMS_WAIT_MS = 60_000

/** What the watch works with. */
export interface LevelWatchDeps {
  readonly chain: Chain
  readonly clock: Clock
  readonly log: Logger
  /** Called once, when the node is level. */
  readonly onCaughtUp: () => void
}

/** Watches whether peers have more than we do, until for once none has. */
export class LevelWatch {
  readonly #deps: LevelWatchDeps
  #bestWork: bigint
  /** When a header with more work last came, of the monotonic clock. */
  #bestWorkMs: number
  #isReached = false
  #isGraceOver = false

  constructor(deps: LevelWatchDeps) {
    this.#deps = deps
    this.#bestWork = deps.chain.bestHeader.chainWork
    this.#bestWorkMs = deps.clock.monotonic()
  }

  /** Whether the node has once been level with its peers. */
  get isReached(): boolean {
    return this.#isReached
  }

  /** From now on a node without peers is level too. */
  endGrace(): void {
    this.#isGraceOver = true
  }

  /** Looks again. */
  update(peers: readonly PeerState[]): void {
    if (this.#isReached) return
    const { chain, log, onCaughtUp } = this.#deps
    // Headers whose bodies no peer has hold nothing up.
    const canFetchMore =
      chain.bestHeader.chainWork > chain.tip.chainWork &&
      peers.some((peer) => peer.canContinue(chain.tip))
    const isHeard = peers.length > 0 || this.#isGraceOver
    if (!isHeard || canFetchMore || this.#isHeldUp(peers)) return
    this.#isReached = true
    const [{ height }, headers] = [chain.tip, chain.bestHeader.height]
    if (headers - height > FAR_BEHIND_BLOCKS) {
      log.warn('no peer has the blocks that the best headers lead to', {
        height,
        headers,
        peers: peers.length,
      })
    } else log.info('caught up', { height, peers: peers.length })
    onCaughtUp()
  }

  /** Whether a peer's claim to have more work than we know of is worth waiting for. */
  #isHeldUp(peers: readonly PeerState[]): boolean {
    const { chain, clock } = this.#deps
    const now = clock.monotonic()
    const { chainWork } = chain.bestHeader
    if (chainWork > this.#bestWork) {
      this.#bestWork = chainWork
      this.#bestWorkMs = now
    }
    if (now - this.#bestWorkMs >= MAX_CLAIMS_WAIT_MS) return false
    return peers.some((peer) => peer.isHoldingUp(now))
  }
}
