/** @module The stream protocol `addr`: GETADDR, with the asker's own record, and ADDR. */

import type { Connection, PrivateKey, Stream } from '@libp2p/interface'
import type { PeerId } from '../sync/index.ts'
import { DecodeError, type RandomSource, sleep, toErrorMessage } from '../util/index.ts'
import { decodeAddr, decodeGetAddr, encodeAddr, encodeGetAddr } from './addr-codec.ts'
import type { AddressBook } from './address-book.ts'
import { FrameStream } from './frame-stream.ts'
import { hostOf, type Reach, reachOf } from './host.ts'
import {
  ADDR_REQUEST_TIMEOUT_MS,
  ADDR_SAMPLE_MS_PER_RECORD,
  MAX_ADDR_RECORDS,
  MAX_ADDR_SIZE,
  MAX_GET_ADDR_SIZE,
  MISBEHAVIOUR_BAN_MS,
  RECORDS_PER_TURN,
  REQUEST_READ_TIMEOUT_MS,
} from './limits.ts'
import { inTime, type NetworkContext, trafficOf } from './network-context.ts'
import { P2pError } from './p2p-error.ts'
import { type CertifiedRecord, certifyPeerRecord, sealPeerRecord } from './peer-records.ts'
import type { Peer } from './peer-table.ts'
import { openStream } from './sync-protocol.ts'

/** What the exchange of addresses needs beside the shared context. */
export interface AddrProtocolDeps {
  readonly context: NetworkContext
  readonly book: AddressBook
  readonly privateKey: PrivateKey
  readonly random: RandomSource
  /** How much shorter than usual its pauses are: 1 for not at all. */
  readonly pace: number
  /** Where we can be dialled. */
  addresses(): readonly string[]
  /** The peer at the other end, once the handshake has ended. */
  whenPeer(connection: Connection): Promise<Peer>
}

/** What one kind of askers is told for a while. */
interface Sample {
  readonly records: readonly Uint8Array[]
  /** In monotonic milliseconds. */
  readonly endsAt: number
}

/**
 * Asks for addresses and tells them.
 *
 * Only those who dialled are told, so that nobody can dial all nodes to see who knows whom; and all of them are told the
 * same random part for a long while, so that asking often shows no more, nor when an address came.
 *
 * @see Bitcoin Core `CConnman::GetAddressesUnsafe`, and `ProcessMessage` on `getaddr`
 */
export class AddrProtocol {
  readonly #deps: AddrProtocolDeps
  readonly #context: NetworkContext
  readonly #samples = new Map<Reach, Sample>()

  constructor(deps: AddrProtocolDeps) {
    this.#deps = deps
    this.#context = deps.context
  }

  /** Asks a peer for addresses, tells it our own, and takes what it tells into the book. */
  async ask(peer: Peer): Promise<void> {
    const { stopping } = this.#context
    const own = await this.#ownRecord()
    const bytes = await inTime(this.#context, ADDR_REQUEST_TIMEOUT_MS, (signal) =>
      this.#request(peer, encodeGetAddr(own), signal),
    )
    peer.exchangesAddresses = true
    const address = peer.outboundAddress ?? ''
    try {
      const records = decodeAddr(bytes)
      for (const [index, record] of records.entries()) {
        stopping.throwIfAborted()
        // Each costs a signature, and blocks have to be verified, too.
        if (index % RECORDS_PER_TURN === RECORDS_PER_TURN - 1) await sleep(this.#context.clock, 0)
        this.#take(peer, await this.#certify(record), address)
      }
    } catch (error) {
      if (error instanceof DecodeError) this.#punish(peer.id, error)
      throw error
    }
  }

  /** Answers one stream. Never rejects. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const id = connection.remotePeer.toString()
    const traffic = trafficOf(this.#context, id, { sent: 'addr', received: 'getaddr' })
    const frames = new FrameStream(stream, MAX_GET_ADDR_SIZE, traffic)
    try {
      const peer = await this.#deps.whenPeer(connection)
      const bytes = await inTime(this.#context, REQUEST_READ_TIMEOUT_MS, (signal) =>
        frames.read(signal),
      )
      if (bytes === undefined) throw new P2pError('stream-failed', 'no request')
      const record = decodeGetAddr(bytes)
      if (connection.direction !== 'inbound') throw new P2pError('too-busy', 'we dialled')
      // No waiting: an honest node asks far less often.
      if (!peer.quotas.addresses.tryTake(1)) throw new P2pError('too-busy', 'quota exceeded')
      await this.#learnAsker(peer, record, connection)
      await this.#answer(frames, connection)
      peer.exchangesAddresses = true
    } catch (error) {
      frames.abort(error)
      if (this.#context.stopping.aborted) return
      this.#context.hostileLog.write('Addr stream cut', { peer: id, reason: toErrorMessage(error) })
      if (error instanceof DecodeError) this.#punish(id, error)
    }
  }

  async #request(peer: Peer, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { names, clock, stopping } = this.#context
    // Over another connection, on which it dialled us, it would not answer.
    const dialled = peer.connections.find(
      ({ direction, status }) => direction === 'outbound' && status === 'open',
    )
    if (dialled === undefined) throw new P2pError('unknown-peer', 'no connection that we dialled')
    const stream = await openStream(dialled, names.addrProtocol, signal)
    const traffic = trafficOf(this.#context, peer.id, { sent: 'getaddr', received: 'addr' })
    const frames = new FrameStream(stream, MAX_ADDR_SIZE, traffic)
    try {
      await frames.write([request], signal)
      await frames.end(signal)
      const answer = await frames.read(signal)
      if (answer === undefined) throw new P2pError('stream-failed', 'no answer')
      frames.settle(clock, stopping)
      return answer
    } catch (error) {
      frames.abort(error)
      throw error
    }
  }

  /** The asker's word on itself: nobody else's has a place in a request. */
  async #learnAsker(
    peer: Peer,
    bytes: Uint8Array | undefined,
    { remoteAddr }: Connection,
  ): Promise<void> {
    if (bytes === undefined) return
    const record = await this.#certify(bytes)
    if (record.id !== peer.id) throw new DecodeError('bad-value', 0, 'record of somebody else')
    this.#take(peer, record, remoteAddr.toString())
  }

  async #answer(frames: FrameStream, { remoteAddr }: Connection): Promise<void> {
    const host = hostOf(remoteAddr.toString())
    const own = await this.#ownRecord()
    const told = this.#sampleFor(host === undefined ? 'public' : reachOf(host))
    const records = own === undefined ? told : [own, ...told].slice(0, MAX_ADDR_RECORDS)
    await inTime(this.#context, ADDR_REQUEST_TIMEOUT_MS, async (signal) => {
      await frames.write([encodeAddr(records)], signal)
      await frames.end(signal)
    })
  }

  #sampleFor(asker: Reach): readonly Uint8Array[] {
    const now = this.#context.clock.monotonic()
    const sample = this.#samples.get(asker)
    if (sample !== undefined && sample.endsAt > now) return sample.records
    const records = this.#deps.book.sample(asker)
    // A young network changes quickly, and there is little to find out about it.
    const lifeMs = ADDR_SAMPLE_MS_PER_RECORD * (records.length + 1) * this.#deps.pace
    const endsAt = now + lifeMs * (0.5 + this.#deps.random.float() / 2)
    this.#samples.set(asker, { records, endsAt })
    return records
  }

  #take(peer: Peer, record: CertifiedRecord, source: string): void {
    const outcome = this.#deps.book.add(record, source)
    if (outcome === 'refused') peer.addressesRefused++
    else peer.addressesProcessed++
  }

  #certify(bytes: Uint8Array): Promise<CertifiedRecord> {
    return certifyPeerRecord(bytes, this.#context.names.recordDomain)
  }

  /** Made afresh each time: others forget a node whose record grows old. */
  #ownRecord(): Promise<Uint8Array | undefined> {
    const { privateKey, addresses } = this.#deps
    const { clock, names } = this.#context
    return sealPeerRecord(privateKey, names.recordDomain, addresses(), clock.now())
  }

  #punish(id: PeerId, error: Error): void {
    this.#context.punish(id, MISBEHAVIOUR_BAN_MS, error.message)
  }
}
