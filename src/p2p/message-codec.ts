/**
 * Turns the port's values into protobuf envelopes and back, with every count and size checked.
 *
 * The caller bounds the size of what it passes in; repeated fields are bounded while decoding, so
 * that nothing is built beyond its limit. All decoders throw `DecodeError`: the sender is to blame.
 *
 * @module
 */

import {
  type BlockHash,
  type BlockHeader,
  decodeHeader,
  decodeTransaction,
  encodeHeader,
  HASH_SIZE,
  type Hash256,
  HEADER_SIZE,
  type Transaction,
} from '../primitives/index.ts'
import {
  type Announcement,
  type DataItem,
  type DataReply,
  type GossipBlock,
  MAX_ANNOUNCED_BLOCKS,
  MAX_BLOCK_TRANSACTIONS,
  MAX_GOSSIP_BLOCK_SIZE,
  MAX_HEADERS,
  MAX_INV_ITEMS,
  MAX_LOCATOR_HASHES,
  MAX_REQUESTED_INDEXES,
  type PeerStatus,
  type RequestKind,
} from '../sync/index.ts'
import { DecodeError, equalBytes, toErrorMessage } from '../util/index.ts'
import {
  INV_SALT_SIZE,
  MAX_CHAIN_WORK_SIZE,
  MAX_DATA_SIZE,
  MAX_PEER_ID_SIZE,
  MAX_USER_AGENT_LENGTH,
} from './limits.ts'
import {
  BlockTransactions,
  DataReply as DataReplyMessage,
  GetData,
  GossipBlock as GossipBlockMessage,
  Inv,
  ItemKind,
  type Status,
  SyncRequest as SyncRequestMessage,
  SyncResponse as SyncResponseMessage,
} from './messages.ts'

const ITEM_KINDS = {
  block: ItemKind.BLOCK,
  tx: ItemKind.TX,
  txid: ItemKind.TXID,
} as const satisfies Record<RequestKind, ItemKind>

/** An INV as it came: who says to hold what. */
export interface DecodedInv {
  /** Multihash bytes of the announcer's peer id. */
  readonly announcer: Uint8Array
  readonly items: readonly Announcement[]
}

/** What the data stream is asked: items, or some transactions of one block. */
export type DataRequest =
  | { readonly type: 'items'; readonly items: readonly DataItem[] }
  | {
      readonly type: 'transactions'
      readonly blockHash: BlockHash
      /** Strictly increasing. */
      readonly indexes: readonly number[]
    }

/** What the sync stream is asked. */
export type SyncRequest =
  | { readonly type: 'status'; readonly status: PeerStatus }
  | {
      readonly type: 'getHeaders'
      readonly locator: readonly BlockHash[]
      readonly stop: BlockHash | undefined
    }

/** What the sync stream answers. Headers are 80 bytes each. */
export type SyncResponse =
  | { readonly type: 'status'; readonly status: PeerStatus }
  | { readonly type: 'headers'; readonly headers: readonly Uint8Array[] }

/** Encodes an INV. `salt` makes it unlike any earlier one. */
export function encodeInv(
  announcer: Uint8Array,
  salt: Uint8Array,
  items: readonly Announcement[],
): Uint8Array {
  return Inv.encode({
    announcer: toBuffer(announcer),
    salt: toBuffer(salt),
    items: items.map((item) => ({
      ...toItemMessage(item),
      ...(item.header === undefined ? {} : { header: toBuffer(encodeHeader(item.header)) }),
    })),
  })
}

/** @throws {@link DecodeError} */
export function decodeInv(bytes: Uint8Array): DecodedInv {
  const message = decoding(() => Inv.decode(bytes, { limits: { items: MAX_INV_ITEMS } }))
  const announcer = required(message.announcer, 'announcer')
  if (announcer.length > MAX_PEER_ID_SIZE) throw new DecodeError('too-long', 0, 'announcer')
  if (required(message.salt, 'salt').length !== INV_SALT_SIZE) throw bad('salt')
  if (message.items.length === 0) throw bad('items')
  const blocks = message.items.filter(({ kind }) => kind === ItemKind.BLOCK)
  if (blocks.length > MAX_ANNOUNCED_BLOCKS) throw new DecodeError('too-long', 0, 'announced blocks')
  const items = message.items.map((item): Announcement => {
    const { kind, hash } = fromItemMessage(item)
    if (kind === 'txid') throw bad('kind')
    if (kind === 'tx' && item.header !== undefined) throw bad('header of a transaction')
    if (item.header === undefined) return { kind, hash }
    return { kind, hash, header: decodeHeader(item.header) }
  })
  return { announcer: Uint8Array.from(announcer), items }
}

/** Encodes a block that is gossiped. */
export function encodeGossipBlock({ form, bytes }: GossipBlock): Uint8Array {
  return GossipBlockMessage.encode({ [form]: toBuffer(bytes) })
}

/**
 * Decodes a block that was gossiped, as far as its form.
 *
 * @param bytes - Kept: the block's bytes are a view of them.
 * @throws {@link DecodeError}
 */
export function decodeGossipBlock(bytes: Uint8Array): GossipBlock {
  const { whole, compact } = decoding(() => GossipBlockMessage.decode(bytes))
  if ((whole === undefined) === (compact === undefined)) throw bad('block')
  const form = whole === undefined ? 'compact' : 'whole'
  const block = required(whole ?? compact, 'block')
  if (block.length < HEADER_SIZE) throw bad('block')
  if (block.length > MAX_GOSSIP_BLOCK_SIZE) throw new DecodeError('too-long', 0, 'block')
  return { form, bytes: block }
}

/** Encodes a GETDATA. */
export function encodeGetData(request: DataRequest): Uint8Array {
  if (request.type === 'items') return GetData.encode({ items: request.items.map(toItemMessage) })
  const { blockHash, indexes } = request
  return GetData.encode({
    items: [],
    transactions: { blockHash: toBuffer(blockHash), indexes: [...indexes] },
  })
}

/** @throws {@link DecodeError} */
export function decodeGetData(bytes: Uint8Array): DataRequest {
  const limits = { items: MAX_INV_ITEMS, transactions: { indexes: MAX_REQUESTED_INDEXES } }
  const { items, transactions } = decoding(() => GetData.decode(bytes, { limits }))
  if ((items.length === 0) === (transactions === undefined)) throw bad('items')
  if (transactions === undefined) return { type: 'items', items: items.map(fromItemMessage) }
  const { indexes } = transactions
  let previous = -1
  for (const index of indexes) {
    if (index <= previous || index >= MAX_BLOCK_TRANSACTIONS) throw bad('indexes')
    previous = index
  }
  if (indexes.length === 0) throw bad('indexes')
  const blockHash = toHash(transactions.blockHash, 'block hash') as BlockHash
  return { type: 'transactions', blockHash, indexes }
}

/** Encodes transactions of a block; without any it is a NOTFOUND. */
export function encodeBlockTransactions(
  blockHash: BlockHash,
  transactions: readonly Uint8Array[] | undefined,
): Uint8Array {
  return BlockTransactions.encode({
    blockHash: toBuffer(blockHash),
    transactions: (transactions ?? []).map(toBuffer),
  })
}

/**
 * Decodes transactions of a block; undefined is a NOTFOUND.
 *
 * @param count - How many were asked for.
 * @throws {@link DecodeError} also if they are of another block, or not so many.
 */
export function decodeBlockTransactions(
  bytes: Uint8Array,
  blockHash: BlockHash,
  count: number,
): readonly Transaction[] | undefined {
  const limits = { transactions: count }
  const message = decoding(() => BlockTransactions.decode(bytes, { limits }))
  if (!equalBytes(toHash(message.blockHash, 'block hash'), blockHash)) throw bad('block hash')
  const { transactions } = message
  if (transactions.length === 0) return undefined
  if (transactions.length !== count) throw bad('transactions')
  return transactions.map(decodeTransaction)
}

/** Encodes the answer to one item; without bytes it is a NOTFOUND. */
export function encodeDataReply(reply: DataReply): Uint8Array {
  return DataReplyMessage.encode({
    ...toItemMessage(reply),
    ...(reply.bytes === undefined ? {} : { data: toBuffer(reply.bytes) }),
  })
}

/**
 * Decodes the answer to one item.
 *
 * @param bytes - Kept: the reply's bytes are a view of them.
 * @throws {@link DecodeError}
 */
export function decodeDataReply(bytes: Uint8Array): DataReply {
  const message = decoding(() => DataReplyMessage.decode(bytes))
  const item = fromItemMessage(message)
  const { data } = message
  if (data?.length === 0) throw bad('data')
  if (data !== undefined && data.length > MAX_DATA_SIZE)
    throw new DecodeError('too-long', 0, 'data')
  return { ...item, bytes: data }
}

/** Encodes what the sync stream is asked. */
export function encodeSyncRequest(request: SyncRequest): Uint8Array {
  if (request.type === 'status') {
    return SyncRequestMessage.encode({ status: toStatusMessage(request.status) })
  }
  const { locator, stop } = request
  return SyncRequestMessage.encode({
    getHeaders: {
      locator: locator.map(toBuffer),
      ...(stop === undefined ? {} : { stop: toBuffer(stop) }),
    },
  })
}

/** @throws {@link DecodeError} */
export function decodeSyncRequest(bytes: Uint8Array): SyncRequest {
  const limits = { getHeaders: { locator: MAX_LOCATOR_HASHES } }
  const { status, getHeaders } = decoding(() => SyncRequestMessage.decode(bytes, { limits }))
  if ((status === undefined) === (getHeaders === undefined)) throw bad('request')
  if (status !== undefined) return { type: 'status', status: fromStatusMessage(status) }
  const { locator, stop } = required(getHeaders, 'request')
  return {
    type: 'getHeaders',
    locator: locator.map((hash) => toHash(hash, 'locator') as BlockHash),
    stop: stop === undefined ? undefined : (toHash(stop, 'stop') as BlockHash),
  }
}

/** Encodes what the sync stream answers. */
export function encodeSyncResponse(response: SyncResponse): Uint8Array {
  if (response.type === 'status') {
    return SyncResponseMessage.encode({ status: toStatusMessage(response.status) })
  }
  return SyncResponseMessage.encode({ headers: { headers: response.headers.map(toBuffer) } })
}

/** @throws {@link DecodeError} unless it is a STATUS. */
export function decodeStatusResponse(bytes: Uint8Array): PeerStatus {
  const { status, headers } = decodeSyncResponse(bytes)
  if (headers !== undefined) throw bad('response')
  return fromStatusMessage(required(status, 'status'))
}

/** @throws {@link DecodeError} unless it is a HEADERS. */
export function decodeHeadersResponse(bytes: Uint8Array): readonly BlockHeader[] {
  const { status, headers } = decodeSyncResponse(bytes)
  if (status !== undefined) throw bad('response')
  return required(headers, 'headers').headers.map((header) => {
    if (header.length !== HEADER_SIZE) throw bad('header')
    return decodeHeader(header)
  })
}

function decodeSyncResponse(bytes: Uint8Array): SyncResponseMessage {
  const limits = { headers: { headers: MAX_HEADERS } }
  return decoding(() => SyncResponseMessage.decode(bytes, { limits }))
}

function toStatusMessage(status: PeerStatus): Status {
  return {
    genesisHash: toBuffer(status.genesisHash),
    tipHash: toBuffer(status.tipHash),
    tipHeight: status.tipHeight,
    chainWork: encodeWork(status.chainWork),
    userAgent: status.userAgent.slice(0, MAX_USER_AGENT_LENGTH),
    ...(status.prunedHeight !== undefined && { prunedHeight: status.prunedHeight }),
  }
}

function fromStatusMessage(message: Status): PeerStatus {
  const userAgent = required(message.userAgent, 'user agent')
  if (userAgent.length > MAX_USER_AGENT_LENGTH) throw new DecodeError('too-long', 0, 'user agent')
  return {
    genesisHash: toHash(message.genesisHash, 'genesis hash') as BlockHash,
    tipHash: toHash(message.tipHash, 'tip hash') as BlockHash,
    tipHeight: required(message.tipHeight, 'tip height'),
    chainWork: decodeWork(required(message.chainWork, 'chain work')),
    // Operators read this in logs and terminals.
    userAgent: userAgent.replaceAll(/[^\x20-\x7e]/g, '?'),
    ...(message.prunedHeight !== undefined && { prunedHeight: message.prunedHeight }),
  }
}

function encodeWork(work: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(MAX_CHAIN_WORK_SIZE)
  let rest = work
  for (let index = bytes.length - 1; index >= 0; index--) {
    bytes[index] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

function decodeWork(bytes: Uint8Array): bigint {
  if (bytes.length > MAX_CHAIN_WORK_SIZE) throw new DecodeError('too-long', 0, 'chain work')
  let work = 0n
  for (const byte of bytes) work = (work << 8n) | BigInt(byte)
  return work
}

function toItemMessage(item: DataItem): { kind: ItemKind; hash: Uint8Array<ArrayBuffer> } {
  return { kind: ITEM_KINDS[item.kind], hash: toBuffer(item.hash) }
}

function fromItemMessage(message: { kind?: ItemKind; hash?: Uint8Array }): DataItem {
  return { kind: toKind(message.kind), hash: toHash(message.hash, 'hash') }
}

function toKind(kind: ItemKind | undefined): RequestKind {
  if (kind === ItemKind.BLOCK) return 'block'
  if (kind === ItemKind.TX) return 'tx'
  if (kind === ItemKind.TXID) return 'txid'
  throw bad('kind')
}

/** Copies, so that 32 bytes do not keep a whole message alive. */
function toHash(bytes: Uint8Array | undefined, field: string): Hash256 {
  if (required(bytes, field).length !== HASH_SIZE) throw bad(field)
  return Uint8Array.from(required(bytes, field))
}

/** protons wants bytes over a plain ArrayBuffer, which all of ours are. */
function toBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}

function required<Value>(value: Value | undefined, field: string): Value {
  if (value === undefined) throw new DecodeError('bad-value', 0, `${field} is missing`)
  return value
}

function bad(field: string): DecodeError {
  return new DecodeError('bad-value', 0, field)
}

/** Runs a protobuf decoder; whatever it throws, the bytes are to blame. */
function decoding<Message>(decode: () => Message): Message {
  try {
    return decode()
  } catch (error) {
    throw new DecodeError('bad-value', 0, toErrorMessage(error))
  }
}
