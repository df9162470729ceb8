/** @module Peers that are refused for a while, and the libp2p hooks that refuse them. */

import type { ConnectionGater, PeerId as Libp2pPeerId } from '@libp2p/interface'
import type { PeerId } from '../sync/index.ts'
import { type Clock, LruMap } from '../util/index.ts'
import { MAX_BANS } from './limits.ts'

/** Bans by peer id, in memory, each with an end. */
export class BanList {
  readonly #clock: Clock
  /** When each ban ends, in the clock's monotonic milliseconds. */
  readonly #endsAt = new LruMap<PeerId, number>(MAX_BANS)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Refuses a peer for `durationMs`; never shortens a ban that runs already. */
  ban(id: PeerId, durationMs: number): void {
    const end = this.#clock.monotonic() + durationMs
    this.#endsAt.set(id, Math.max(end, this.#endsAt.get(id) ?? end))
  }

  isBanned(id: PeerId): boolean {
    const end = this.#endsAt.get(id)
    if (end === undefined) return false
    if (end > this.#clock.monotonic()) return true
    this.#endsAt.delete(id)
    return false
  }

  /**
   * The hooks that libp2p asks before a connection counts. A peer's id is known once the connection is
   * encrypted, so that is where most of them bite; the dialler of a refused connection sees it close.
   */
  toConnectionGater(): ConnectionGater {
    const isBanned = (peerId: Libp2pPeerId): boolean => this.isBanned(peerId.toString())
    return {
      denyDialPeer: isBanned,
      denyInboundEncryptedConnection: isBanned,
      denyOutboundEncryptedConnection: isBanned,
      // The browser build of libp2p would refuse loopback and private addresses, which a devnet lives on.
      denyDialMultiaddr: () => false,
    }
  }
}
