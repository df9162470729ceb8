/** @module A network under an operator's hands. */

import type { Connection } from '@libp2p/interface'
import type {
  Ban,
  BanControl,
  KnownAddress,
  PeerControl,
  PeerDetails,
  PeerId,
} from '../sync/index.ts'
import type { Logger } from '../util/index.ts'
import type { AddressBook } from './address-book.ts'
import type { BanList } from './ban-list.ts'
import type { DialLoops } from './dial-loops.ts'
import type { Peer, PeerTable } from './peer-table.ts'

/** What is controlled. */
export interface NetworkControlDeps {
  readonly table: PeerTable
  readonly bans: BanList
  readonly loops: DialLoops
  readonly book: AddressBook
  readonly log: Logger
  /** Cuts connections, peers' or not. */
  disconnect(isMeant: (connection: Connection) => boolean, reason: string): void
  ping(peer: Peer): void
}

/** The control of one network, from before its start until after its end. */
export class NetworkControl implements PeerControl {
  readonly #deps: NetworkControlDeps
  readonly bans: BanControl
  #isActive = true

  constructor(deps: NetworkControlDeps) {
    this.#deps = deps
    this.bans = {
      events: deps.bans.events,
      list: () => deps.bans.list(),
      add: (subject, endsAtMs, reason) => this.#ban(subject, endsAtMs, reason),
      remove: (subject) => this.#unban(subject),
      clear: () => this.#clearBans(),
    }
  }

  get isActive(): boolean {
    return this.#isActive
  }

  setActive(isActive: boolean): void {
    if (this.#isActive === isActive) return
    this.#isActive = isActive
    this.#deps.log.info('Network switched', { isActive })
    if (!isActive) this.#deps.disconnect(() => true, 'the network is off')
  }

  keptAddresses(): readonly string[] {
    return this.#deps.loops.addresses
  }

  knownAddresses(): readonly KnownAddress[] {
    return this.#deps.book.list()
  }

  details(id: PeerId): PeerDetails | undefined {
    const peer = this.#deps.table.get(id)
    if (peer === undefined) return undefined
    return {
      connectionType: peer.connectionType,
      minPingMs: peer.minPingMs,
      bytesSentByMessage: peer.sent.toRecord(),
      bytesReceivedByMessage: peer.received.toRecord(),
      exchangesAddresses: peer.exchangesAddresses,
      addressesProcessed: peer.addressesProcessed,
      addressesRefused: peer.addressesRefused,
      lastBanReason: this.#deps.bans.lastReason(id),
    }
  }

  totals(): { readonly bytesSent: number; readonly bytesReceived: number } {
    const { sent, received } = this.#deps.table.totals
    return { bytesSent: sent.total, bytesReceived: received.total }
  }

  pingAll(): void {
    for (const peer of this.#deps.table.values()) this.#deps.ping(peer)
  }

  async #ban(subject: string, endsAtMs: number, reason: string): Promise<void> {
    const { bans, disconnect, log } = this.#deps
    bans.banByHand(subject, endsAtMs, reason)
    log.info('Banned', { subject, endsAtMs, reason } satisfies Partial<Ban>)
    disconnect(
      ({ remotePeer, remoteAddr }) =>
        bans.isBanned(remotePeer.toString()) || bans.isAddressBanned(remoteAddr.toString()),
      reason,
    )
    await bans.flush()
  }

  async #unban(subject: string): Promise<boolean> {
    const wasBanned = this.#deps.bans.remove(subject)
    await this.#deps.bans.flush()
    return wasBanned
  }

  async #clearBans(): Promise<void> {
    this.#deps.bans.clear()
    await this.#deps.bans.flush()
  }
}
