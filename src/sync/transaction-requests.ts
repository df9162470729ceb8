/** @module Who has announced which transaction, and whom to ask for it: one at a time. */

import type { TxidHex } from '../primitives/index.ts'
import { type RandomSource, shuffle } from '../util/index.ts'
import { compareStanding, type PeerState } from './peer-state.ts'

/** Transactions that one peer is known to have and that we lack. @see Bitcoin Core `MAX_PEER_TX_ANNOUNCEMENTS` */
export const MAX_WANTED_PER_PEER = 5_000
/** Transactions asked of one peer at a time. @see Bitcoin Core `MAX_PEER_TX_REQUEST_IN_FLIGHT` */
export const MAX_TRANSACTIONS_PER_REQUEST = 100

/** Names a transaction as it is asked for: by wtxid, or by txid where no wtxid was told. */
export interface TransactionName {
  readonly kind: 'tx' | 'txid'
  /** The id in display order. */
  readonly id: TxidHex
}

/** A transaction that we lack. */
interface Wanted extends TransactionName {
  /** Who may be asked, in the order in which they announced it, with the one who is being asked. */
  readonly announcers: PeerState[]
  askedOf: PeerState | undefined
}

/** What one peer has of what we lack. */
interface Offer {
  readonly all: Set<Wanted>
  /** Those of them that nobody is being asked for. */
  readonly ready: Set<Wanted>
}

function keyOf({ kind, id }: TransactionName): string {
  return kind === 'tx' ? id : `${kind} ${id}`
}

/**
 * Keeps account of announced transactions. Every step costs as much as there are announcers of the transactions that
 * it is about, however many others are wanted.
 *
 * @see Bitcoin Core `TxRequestTracker`
 */
export class TransactionRequests {
  readonly #wanted = new Map<string, Wanted>()
  readonly #offers = new Map<PeerState, Offer>()
  readonly #random: RandomSource

  constructor(random: RandomSource) {
    this.#random = random
  }

  /** Notes that a peer has a transaction. Returns false if it has announced too much. */
  add(peer: PeerState, name: TransactionName): boolean {
    const offer = this.#offers.get(peer) ?? { all: new Set(), ready: new Set() }
    const key = keyOf(name)
    const known = this.#wanted.get(key)
    if (known !== undefined && offer.all.has(known)) return true
    if (offer.all.size >= MAX_WANTED_PER_PEER) return false
    const { kind, id } = name
    const wanted = known ?? { kind, id, announcers: [], askedOf: undefined }
    this.#wanted.set(key, wanted)
    this.#offers.set(peer, offer)
    wanted.announcers.push(peer)
    offer.all.add(wanted)
    if (wanted.askedOf === undefined) offer.ready.add(wanted)
    return true
  }

  /** What a peer is to be asked now; until {@link settle}, {@link fail} or {@link release} nobody else is. */
  take(peer: PeerState): readonly TransactionName[] {
    const batch: Wanted[] = []
    for (const wanted of this.#offers.get(peer)?.ready ?? []) {
      if (batch.length === MAX_TRANSACTIONS_PER_REQUEST) break
      batch.push(wanted)
    }
    for (const wanted of batch) {
      wanted.askedOf = peer
      for (const announcer of wanted.announcers) this.#offers.get(announcer)?.ready.delete(wanted)
    }
    return batch
  }

  /** A transaction is no longer wanted: it has come, or we know enough of it. */
  settle(name: TransactionName): void {
    const wanted = this.#wanted.get(keyOf(name))
    if (wanted === undefined) return
    this.#wanted.delete(keyOf(name))
    for (const announcer of wanted.announcers) this.#withdraw(announcer, wanted)
  }

  /** A peer does not give what it has announced: that is for the other announcers. */
  fail(peer: PeerState, name: TransactionName): void {
    const wanted = this.#wanted.get(keyOf(name))
    if (wanted?.announcers.includes(peer) === true) this.#removeAnnouncer(peer, wanted)
  }

  /** A peer that is being asked for a transaction has not sent it yet: anybody may be asked, the peer again too. */
  release(peer: PeerState, name: TransactionName): void {
    const wanted = this.#wanted.get(keyOf(name))
    if (wanted?.askedOf === peer) this.#makeReady(wanted)
  }

  /** A peer has gone. */
  forget(peer: PeerState): void {
    const offer = this.#offers.get(peer)
    if (offer === undefined) return
    for (const wanted of offer.all) this.#removeAnnouncer(peer, wanted)
    this.#offers.delete(peer)
  }

  /** Who has announced a transaction that is still wanted. */
  announcersOf(name: TransactionName): readonly PeerState[] {
    return this.#wanted.get(keyOf(name))?.announcers ?? []
  }

  /**
   * Peers that have something for which nobody is being asked: those first that are likeliest to send it. Equals are in
   * random order: nobody is the next because it announces early.
   */
  peersToAsk(): readonly PeerState[] {
    const peers = [...this.#offers].filter(([, { ready }]) => ready.size > 0).map(([peer]) => peer)
    return shuffle(this.#random, peers).sort(compareStanding)
  }

  /** How many transactions a peer has announced that we lack. */
  countOf(peer: PeerState): number {
    return this.#offers.get(peer)?.all.size ?? 0
  }

  #removeAnnouncer(peer: PeerState, wanted: Wanted): void {
    this.#withdraw(peer, wanted)
    const index = wanted.announcers.indexOf(peer)
    if (index >= 0) wanted.announcers.splice(index, 1)
    if (wanted.announcers.length === 0) this.#wanted.delete(keyOf(wanted))
    else if (wanted.askedOf === peer) this.#makeReady(wanted)
  }

  #makeReady(wanted: Wanted): void {
    wanted.askedOf = undefined
    for (const announcer of wanted.announcers) this.#offers.get(announcer)?.ready.add(wanted)
  }

  #withdraw(peer: PeerState, wanted: Wanted): void {
    const offer = this.#offers.get(peer)
    offer?.all.delete(wanted)
    offer?.ready.delete(wanted)
    if (offer?.all.size === 0) this.#offers.delete(peer)
  }
}
