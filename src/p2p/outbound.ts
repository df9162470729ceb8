/** @module The connect loop: keeps a number of outbound peers, chosen from the address book. */

import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { PeerId } from '../sync/index.ts'
import { type KeyValueStore, type RandomSource, type Timer, toErrorMessage } from '../util/index.ts'
import type { AddrProtocol } from './addr-protocol.ts'
import type { AddressBook } from './address-book.ts'
import { hostOf, originOf, reachOf } from './host.ts'
import {
  ADDR_INTERVAL_MAX_MS,
  ADDR_INTERVAL_MS,
  FEELER_INTERVAL_MS,
  MAX_ANCHORS,
  OUTBOUND_INTERVAL_MS,
} from './limits.ts'
import type { NetworkContext } from './network-context.ts'
import type { Peer } from './peer-table.ts'
import { RecordWriter } from './record-writer.ts'
import type { PeerLimits } from './sync-protocol.ts'

/** What the connect loop works with. */
export interface OutboundDeps {
  readonly context: NetworkContext
  readonly book: AddressBook
  readonly addr: Pick<AddrProtocol, 'ask'>
  readonly limits: PeerLimits
  readonly random: RandomSource
  /** How much shorter than usual its pauses are: 1 for not at all. */
  readonly pace: number
  /** Keeps anchors over restarts. Key: their number; value: a multiaddr with the peer id, UTF-8. */
  readonly anchorStore: KeyValueStore | undefined
  isActive(): boolean
  /** Dials and waits for the handshake. */
  dial(address: string): Promise<Peer>
  /** Dials, shakes hands and leaves again. Rejects if nobody of ours is there. */
  feel(id: PeerId, address: string): Promise<void>
}

/** A peer that is asked for addresses, and when. */
interface Asked {
  nextMs: number
  intervalMs: number
}

/**
 * What peers have in common that one must not have twice: the network, on the internet; the host, within one's own
 * network; nothing on loopback, where all nodes of a devnet are.
 */
export function neighbourhoodOf(address: string): string | undefined {
  const host = hostOf(address)
  const reach = host === undefined ? 'public' : reachOf(host)
  if (reach === 'loopback') return undefined
  const origin = originOf(address)
  return reach === 'private' ? origin.host : origin.group
}

/** The connect loop of one running network. */
export class Outbound {
  readonly #deps: OutboundDeps
  readonly #context: NetworkContext
  readonly #asked = new WeakMap<Peer, Asked>()
  readonly #anchorWriter: RecordWriter
  /** To be dialled before anybody else. */
  #oldAnchors: string[] = []
  #savedAnchors: readonly string[] = []
  #nextFeelerMs = 0
  #timer: Timer | undefined
  #isDialling = false

  constructor(deps: OutboundDeps) {
    this.#deps = deps
    this.#context = deps.context
    this.#anchorWriter = new RecordWriter(deps.anchorStore, deps.context.log)
  }

  /** Reads the anchors and begins. */
  async start(): Promise<void> {
    for await (const [, value] of this.#deps.anchorStore?.entries() ?? []) {
      if (this.#oldAnchors.length < MAX_ANCHORS) this.#oldAnchors.push(fromUtf8(value))
    }
    this.#savedAnchors = [...this.#oldAnchors]
    this.#planFeeler()
    this.#schedule()
  }

  /** Whether there were outbound peers in an earlier run. */
  get hasAnchors(): boolean {
    return this.#savedAnchors.length > 0
  }

  /** Ends the loop; settles when the anchors are stored. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    await this.#anchorWriter.flush()
  }

  #schedule(): void {
    const { clock, stopping } = this.#context
    if (stopping.aborted) return
    // Jittered, so that nodes that were started together do not dial each other in step.
    this.#timer = clock.schedule(OUTBOUND_INTERVAL_MS * this.#jitter(), () => {
      this.#tick()
      this.#schedule()
    })
  }

  #tick(): void {
    if (!this.#deps.isActive()) return
    this.#askForAddresses()
    this.#saveAnchors()
    if (this.#isDialling) return
    const { table } = this.#context
    const { maxPeers, outboundTarget } = this.#deps.limits
    const outboundCount = table.count((peer) => peer.isOutbound)
    if (outboundCount < outboundTarget && table.size < maxPeers) this.#dialNext()
    else this.#feelNext()
  }

  #dialNext(): void {
    const anchor = this.#oldAnchors.shift()
    if (anchor !== undefined) {
      this.#inBackground(this.#deps.dial(anchor))
      return
    }
    const { book, pace } = this.#deps
    const chosen = book.choose(this.#createFilter(), pace)
    if (chosen === undefined) return
    const { id, address } = chosen
    this.#inBackground(this.#noting(id, this.#deps.dial(`${address}/p2p/${id}`)))
  }

  /** Looks whether somebody in the book is there, so that the book holds nodes to fall back on. */
  #feelNext(): void {
    const { book, pace } = this.#deps
    if (this.#context.clock.monotonic() < this.#nextFeelerMs) return
    this.#planFeeler()
    const chosen = book.chooseFeeler(this.#createFilter(), pace)
    if (chosen === undefined) return
    const { id, address } = chosen
    this.#inBackground(this.#noting(id, this.#deps.feel(id, address)))
  }

  async #noting(id: PeerId, dial: Promise<unknown>): Promise<void> {
    try {
      await dial
      this.#deps.book.noteDial(id, true)
    } catch (error) {
      if (!this.#context.stopping.aborted) this.#deps.book.noteDial(id, false)
      throw error
    }
  }

  /** Judges whether another outbound peer may be there. */
  #createFilter(): (id: PeerId, address: string) => boolean {
    const { table, bans } = this.#context
    const taken = new Set(
      table
        .values()
        .map(({ outboundAddress }) => outboundAddress && neighbourhoodOf(outboundAddress)),
    )
    return (id, address) => {
      if (table.get(id) !== undefined || bans.isBanned(id)) return false
      if (bans.isAddressBanned(address)) return false
      const neighbourhood = neighbourhoodOf(address)
      return neighbourhood === undefined || !taken.has(neighbourhood)
    }
  }

  /** Those whom we dialled are asked, ever less often. */
  #askForAddresses(): void {
    const now = this.#context.clock.monotonic()
    for (const peer of this.#context.table.values()) {
      if (!peer.isOutbound || peer.isEvicted) continue
      const asked = this.#asked.get(peer) ?? { nextMs: 0, intervalMs: ADDR_INTERVAL_MS }
      if (now < asked.nextMs) continue
      const maxMs = Math.max(ADDR_INTERVAL_MS, ADDR_INTERVAL_MAX_MS * this.#deps.pace)
      const nextMs = now + asked.intervalMs * this.#jitter()
      this.#asked.set(peer, { nextMs, intervalMs: Math.min(2 * asked.intervalMs, maxMs) })
      this.#askOne(peer).catch((error: unknown) => this.#logFailure(error))
    }
  }

  async #askOne(peer: Peer): Promise<void> {
    await this.#deps.addr.ask(peer)
    // It has just told its record: if that has the very address that we dialled, it is as good as tried.
    const address = peer.outboundAddress?.replace(/\/p2p\/\w+$/, '')
    if (address === undefined || !this.#deps.book.has(peer.id, address)) return
    this.#deps.book.noteDial(peer.id, true)
  }

  /** Notes who has been with us longest. Not those that we are told to keep: they are dialled anyway. */
  #saveAnchors(): void {
    const anchors = this.#context.table
      .values()
      .filter(({ connectionType }) => connectionType === 'outbound-full-relay')
      .sort((a, b) => a.number - b.number)
      .flatMap(({ outboundAddress }) => outboundAddress ?? [])
      .slice(0, MAX_ANCHORS)
    const isSame = anchors.every((anchor) => this.#savedAnchors.includes(anchor))
    // Who is left alone keeps those that it had.
    if (isSame && anchors.length <= this.#savedAnchors.length) return
    this.#savedAnchors = anchors
    for (let index = 0; index < MAX_ANCHORS; index++) {
      const anchor = anchors[index]
      const value = anchor === undefined ? undefined : utf8ToBytes(anchor)
      this.#anchorWriter.put(Uint8Array.of(index), value)
    }
  }

  #planFeeler(): void {
    const pauseMs = FEELER_INTERVAL_MS * this.#deps.pace * 2 * this.#deps.random.float()
    this.#nextFeelerMs = this.#context.clock.monotonic() + pauseMs
  }

  /** One dial at a time. */
  #inBackground(dial: Promise<unknown>): void {
    this.#isDialling = true
    dial
      .catch((error: unknown) => this.#logFailure(error))
      .finally(() => {
        this.#isDialling = false
      })
  }

  #logFailure(error: unknown): void {
    if (this.#context.stopping.aborted) return
    const reason = toErrorMessage(error)
    this.#context.hostileLog.write('Looking for peers failed', { reason })
  }

  #jitter(): number {
    return 0.5 + this.#deps.random.float()
  }
}

function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
