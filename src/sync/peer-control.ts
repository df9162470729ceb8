/** @module What an operator may ask of the network beside what `sync/` needs of it. `p2p/` implements it. */

import type { EventEmitter } from '../util/index.ts'
import type { PeerId } from './peer-network.ts'

/** Somebody who is refused. */
export interface Ban {
  /** A peer id, or a network of IP addresses with its prefix: `10.0.0.0/8`. */
  readonly subject: string
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number
  readonly endsAtMs: number
  readonly reason: string
  /** Whether an operator set it; the node itself bans peer ids alone. */
  readonly isManual: boolean
}

/** What the list of bans tells. That a ban has come to its end is not told. */
export interface BanEvents extends Record<string, unknown> {
  banned: Ban
  /** The subject of a ban that an operator has ended. */
  unbanned: string
}

/** The list of those who are refused. Kept over restarts. */
export interface BanControl {
  readonly events: EventEmitter<BanEvents>
  list(): readonly Ban[]
  /**
   * Refuses a peer id, an IP address or a network, and disconnects whom it hits.
   *
   * @param subject - `10.1.2.3`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, or a peer id.
   * @param endsAtMs - Milliseconds since the Unix epoch.
   * @throws `P2pError` `invalid-address`; `banned` if it is already; `too-many-bans`.
   */
  add(subject: string, endsAtMs: number, reason: string): Promise<void>
  /** Tells whether there was such a ban. @throws `P2pError` `invalid-address` */
  remove(subject: string): Promise<boolean>
  clear(): Promise<void>
}

/** A node that others have told of. */
export interface KnownAddress {
  readonly id: PeerId
  /** Multiaddr without the peer id. */
  readonly address: string
  /** When its record was made, in milliseconds since the Unix epoch; as it says itself. */
  readonly recordedAtMs: number
  /** Whether we have been connected to it. */
  readonly isTried: boolean
}

/** How a peer came to be one. @see Bitcoin Core `ConnectionType` */
export type ConnectionType = 'inbound' | 'outbound-full-relay' | 'manual'

/** Bytes by name of message. */
export type BytesByMessage = Readonly<Record<string, number>>

/** What is known of a peer beside its `PeerInfo`. */
export interface PeerDetails {
  readonly connectionType: ConnectionType
  /** The shortest round trip in milliseconds, if any was measured. */
  readonly minPingMs: number | undefined
  readonly bytesSentByMessage: BytesByMessage
  readonly bytesReceivedByMessage: BytesByMessage
  /** Whether addresses are exchanged with it. */
  readonly exchangesAddresses: boolean
  /** Addresses of its that were taken, and those that there was no room for. */
  readonly addressesProcessed: number
  readonly addressesRefused: number
  /** Why the peer was banned last, if we remember that. */
  readonly lastBanReason: string | undefined
}

/** The network under an operator's hands. */
export interface PeerControl {
  readonly bans: BanControl
  /** Whether the network is on. */
  readonly isActive: boolean
  /** Turns the network on or off: off, nobody is dialled, nobody let in, and all peers are disconnected. */
  setActive(isActive: boolean): void
  /** Multiaddrs that are kept: see `PeerNetwork.connect`. */
  keptAddresses(): readonly string[]
  /** Every node that could be dialled, in random order. */
  knownAddresses(): readonly KnownAddress[]
  /** Undefined if the peer has gone. */
  details(id: PeerId): PeerDetails | undefined
  /** Bytes of our protocols' messages, of all peers that there ever were. */
  totals(): { readonly bytesSent: number; readonly bytesReceived: number }
  /** Pings every peer; how long each took shows later. */
  pingAll(): void
}
