/** @module The stream protocol `data`: GETDATA and one frame for each item asked. */

import type { Connection, Stream } from '@libp2p/interface'
import type { BlockHash, Transaction } from '../primitives/index.ts'
import {
  type DataItem,
  type DataReply,
  MAX_INV_ITEMS,
  MAX_REQUESTED_INDEXES,
  type PeerId,
} from '../sync/index.ts'
import { assertInvariant, DecodeError, equalBytes, toErrorMessage } from '../util/index.ts'
import { FrameStream } from './frame-stream.ts'
import {
  DATA_FRAME_TIMEOUT_MS,
  MAX_DATA_REPLY_SIZE,
  MAX_DATA_SIZE,
  MAX_GET_DATA_SIZE,
  MISBEHAVIOUR_BAN_MS,
  REQUEST_READ_TIMEOUT_MS,
} from './limits.ts'
import {
  type DataRequest,
  decodeBlockTransactions,
  decodeDataReply,
  decodeGetData,
  encodeBlockTransactions,
  encodeDataReply,
  encodeGetData,
} from './message-codec.ts'
import {
  connectionOf,
  inTime,
  type NetworkContext,
  payQuota,
  trafficOf,
} from './network-context.ts'
import { P2pError } from './p2p-error.ts'
import type { Peer } from './peer-table.ts'
import { openStream } from './sync-protocol.ts'

/** So many bytes of replies are sent at a time, unless one alone is larger. */
const REPLY_BATCH_SIZE = 32_768

/** Gathers replies that are small. */
class ReplyBatch {
  readonly #write: (replies: readonly Uint8Array[]) => Promise<void>
  #replies: Uint8Array[] = []
  #size = 0

  constructor(write: (replies: readonly Uint8Array[]) => Promise<void>) {
    this.#write = write
  }

  async add(reply: Uint8Array): Promise<void> {
    this.#replies.push(reply)
    this.#size += reply.length
    if (this.#size >= REPLY_BATCH_SIZE) await this.flush()
  }

  /** Sends what is there. */
  async flush(): Promise<void> {
    if (this.#replies.length === 0) return
    const replies = this.#replies
    this.#replies = []
    this.#size = 0
    await this.#write(replies)
  }
}

/** Asking for blocks and transactions, and serving them. */
export class DataProtocol {
  readonly #context: NetworkContext
  readonly #whenPeer: (connection: Connection) => Promise<Peer>

  constructor(context: NetworkContext, whenPeer: (connection: Connection) => Promise<Peer>) {
    this.#context = context
    this.#whenPeer = whenPeer
  }

  /**
   * Asks a peer for items and yields one reply for each, in the order asked. The peer is held back
   * while the caller is busy with a reply, and gives up on a caller that is busy for too long.
   */
  async *request(
    peer: Peer,
    items: readonly DataItem[],
    signal?: AbortSignal,
  ): AsyncGenerator<DataReply> {
    assertInvariant(items.length <= MAX_INV_ITEMS, 'callers ask for at most MAX_INV_ITEMS')
    if (items.length === 0) return
    const endTurn = await peer.dataTurn.take(signal)
    let frames: FrameStream | undefined
    try {
      frames = await this.#ask(peer, { type: 'items', items }, signal)
      for (const item of items) yield await this.#readReply(frames, item, signal)
      frames.settle(this.#context.clock, this.#context.stopping)
      frames = undefined
    } catch (error) {
      this.#punishMalformed(peer.id, error)
      throw error
    } finally {
      frames?.abort(new P2pError('stream-failed', 'request abandoned'))
      endTurn()
    }
  }

  /** Asks a peer for some transactions of a block; undefined is NOTFOUND. */
  async requestTransactions(
    peer: Peer,
    blockHash: BlockHash,
    indexes: readonly number[],
    signal?: AbortSignal,
  ): Promise<readonly Transaction[] | undefined> {
    assertInvariant(
      indexes.length > 0 && indexes.length <= MAX_REQUESTED_INDEXES,
      'callers ask for at least one and at most MAX_REQUESTED_INDEXES',
    )
    const endTurn = await peer.dataTurn.take(signal)
    let frames: FrameStream | undefined
    try {
      frames = await this.#ask(peer, { type: 'transactions', blockHash, indexes }, signal)
      const bytes = await this.#readFrame(frames, signal)
      const transactions = decodeBlockTransactions(bytes, blockHash, indexes.length)
      frames.settle(this.#context.clock, this.#context.stopping)
      frames = undefined
      return transactions
    } catch (error) {
      this.#punishMalformed(peer.id, error)
      throw error
    } finally {
      frames?.abort(new P2pError('stream-failed', 'request abandoned'))
      endTurn()
    }
  }

  /** Answers one stream. Never rejects. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const id = connection.remotePeer.toString()
    const traffic = trafficOf(this.#context, id, { sent: 'data', received: 'getdata' })
    const frames = new FrameStream(stream, MAX_GET_DATA_SIZE, traffic)
    try {
      const peer = await this.#whenPeer(connection)
      const bytes = await inTime(this.#context, REQUEST_READ_TIMEOUT_MS, (signal) =>
        frames.read(signal),
      )
      if (bytes === undefined) throw new P2pError('stream-failed', 'no request')
      const request = decodeGetData(bytes)
      const endTurn = await peer.servingDataTurn.take(this.#context.stopping)
      try {
        await payQuota(this.#context, peer.quotas.requests.take(1))
        if (request.type === 'items') await this.#serveItems(frames, peer, request.items)
        else await this.#serveTransactions(frames, peer, request)
        await inTime(this.#context, DATA_FRAME_TIMEOUT_MS, (signal) => frames.end(signal))
      } finally {
        endTurn()
      }
    } catch (error) {
      frames.abort(error)
      this.#onServeError(id, error)
    }
  }

  async #serveItems(frames: FrameStream, peer: Peer, items: readonly DataItem[]): Promise<void> {
    const replies = new ReplyBatch((batch) =>
      inTime(this.#context, DATA_FRAME_TIMEOUT_MS, (signal) => frames.write(batch, signal)),
    )
    const pay = async (waitMs: number): Promise<void> => {
      // Whoever has to wait has what is ready.
      if (waitMs > 0) await replies.flush()
      await payQuota(this.#context, waitMs)
    }
    for (const item of items) {
      await pay(peer.quotas.items.take(1))
      // Our own store's answer: no deadline, which would cost more than a small block.
      const reply = encodeDataReply({ ...item, bytes: await this.#lookUp(item) })
      await replies.add(reply)
      await pay(peer.quotas.bytes.take(reply.length))
    }
    await replies.flush()
  }

  async #serveTransactions(
    frames: FrameStream,
    peer: Peer,
    { blockHash, indexes }: Extract<DataRequest, { type: 'transactions' }>,
  ): Promise<void> {
    await payQuota(this.#context, peer.quotas.items.take(indexes.length))
    const found = await this.#context.handlers.serveTransactions(blockHash, indexes)
    const reply = encodeBlockTransactions(blockHash, found)
    await payQuota(this.#context, peer.quotas.bytes.take(reply.length))
    await inTime(this.#context, DATA_FRAME_TIMEOUT_MS, (signal) => frames.write([reply], signal))
  }

  async #lookUp(item: DataItem): Promise<Uint8Array | undefined> {
    const bytes = await this.#context.handlers.serveData(item)
    if (bytes === undefined || bytes.length <= MAX_DATA_SIZE) return bytes
    this.#context.log.error('Item is too large to serve', { kind: item.kind, size: bytes.length })
    return undefined
  }

  /** Opens the stream and sends the request. */
  #ask(peer: Peer, request: DataRequest, signal: AbortSignal | undefined): Promise<FrameStream> {
    const ask = async (deadline: AbortSignal): Promise<FrameStream> => {
      const connection = connectionOf(peer)
      const stream = await openStream(connection, this.#context.names.dataProtocol, deadline)
      const traffic = trafficOf(this.#context, peer.id, { sent: 'getdata', received: 'data' })
      const frames = new FrameStream(stream, MAX_DATA_REPLY_SIZE, traffic)
      try {
        await frames.write([encodeGetData(request)], deadline)
        await frames.end(deadline)
        return frames
      } catch (error) {
        frames.abort(error)
        throw error
      }
    }
    return inTime(this.#context, DATA_FRAME_TIMEOUT_MS, ask, signal)
  }

  async #readReply(
    frames: FrameStream,
    item: DataItem,
    signal: AbortSignal | undefined,
  ): Promise<DataReply> {
    const reply = decodeDataReply(await this.#readFrame(frames, signal))
    if (reply.kind !== item.kind || !equalBytes(reply.hash, item.hash)) {
      throw new DecodeError('bad-value', 0, 'reply to another item')
    }
    return reply
  }

  async #readFrame(frames: FrameStream, signal: AbortSignal | undefined): Promise<Uint8Array> {
    signal?.throwIfAborted()
    const read = (deadline: AbortSignal): Promise<Uint8Array | undefined> => frames.read(deadline)
    const bytes =
      frames.takeReceived() ?? (await inTime(this.#context, DATA_FRAME_TIMEOUT_MS, read, signal))
    if (bytes === undefined) throw new P2pError('stream-failed', 'fewer replies than asked for')
    return bytes
  }

  /** Malformed answers and requests are no accident. */
  #punishMalformed(id: PeerId, error: unknown): void {
    if (error instanceof DecodeError) {
      this.#context.punish(id, MISBEHAVIOUR_BAN_MS, error.message)
    }
  }

  #onServeError(id: PeerId, error: unknown): void {
    if (this.#context.stopping.aborted) return
    this.#context.hostileLog.write('Data stream cut', { peer: id, reason: toErrorMessage(error) })
    this.#punishMalformed(id, error)
  }
}
