import '../../../src/platform/nodejs/polyfills.ts'
import { readFile } from 'node:fs/promises'
import { generate } from 'protons'
import { describe, expect, it } from 'vitest'
import {
  MAX_DATA_REPLY_SIZE,
  MAX_DATA_SIZE,
  MAX_GET_DATA_SIZE,
  MAX_GOSSIP_BLOCK_MESSAGE_SIZE,
  MAX_INV_SIZE,
  MAX_SYNC_REQUEST_SIZE,
  MAX_SYNC_RESPONSE_SIZE,
} from '../../../src/p2p/limits.ts'
import {
  decodeBlockTransactions,
  decodeDataReply,
  decodeGetData,
  decodeGossipBlock,
  decodeHeadersResponse,
  decodeInv,
  decodeStatusResponse,
  decodeSyncRequest,
  encodeBlockTransactions,
  encodeDataReply,
  encodeGetData,
  encodeGossipBlock,
  encodeInv,
  encodeSyncRequest,
  encodeSyncResponse,
} from '../../../src/p2p/message-codec.ts'
import {
  DataReply,
  GetData,
  GossipBlock,
  Inv,
  ItemKind,
  SyncRequest,
  SyncResponse,
} from '../../../src/p2p/messages.ts'
import {
  type BlockHeader,
  encodeHeader,
  encodeTransaction,
  type Txid,
} from '../../../src/primitives/index.ts'
import {
  type DataItem,
  MAX_ANNOUNCED_BLOCKS,
  MAX_BLOCK_TRANSACTIONS,
  MAX_GOSSIP_BLOCK_SIZE,
  MAX_HEADERS,
  MAX_INV_ITEMS,
  MAX_LOCATOR_HASHES,
  MAX_REQUESTED_INDEXES,
  type PeerStatus,
} from '../../../src/sync/index.ts'
import { DecodeError } from '../../../src/util/index.ts'
import { filledHash } from '../../compliance/peer-network-recorder.ts'

const SALT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const ANNOUNCER = new Uint8Array(38).fill(3)
const HEADER: BlockHeader = {
  version: -1,
  prevBlockHash: filledHash(1),
  merkleRoot: filledHash(2),
  time: 0xffff_ffff,
  bits: 0x1d00ffff,
  nonce: 0xffff_fffe,
}
const STATUS: PeerStatus = {
  genesisHash: filledHash(1),
  tipHash: filledHash(2),
  tipHeight: 123_456,
  chainWork: 2n ** 255n + 7n,
  userAgent: '/quarry:0.1.0/',
}

function many<Value>(count: number, value: Value): Value[] {
  return Array.from({ length: count }, () => value)
}

function encodeItems(items: readonly DataItem[]): Uint8Array {
  return encodeGetData({ type: 'items', items })
}

describe('INV', () => {
  it('comes back as it went', () => {
    const items = [
      { kind: 'block', hash: filledHash(7), header: HEADER },
      { kind: 'tx', hash: filledHash(8) },
    ] as const
    expect(decodeInv(encodeInv(ANNOUNCER, SALT, items))).toEqual({ announcer: ANNOUNCER, items })
  })

  it('fits its limit when full, and has no room for one item more', () => {
    const block = { kind: 'block', hash: filledHash(7), header: HEADER } as const
    const tx = { kind: 'tx', hash: filledHash(8) } as const
    const blocks = many(MAX_ANNOUNCED_BLOCKS, block)
    const transactions = many(MAX_INV_ITEMS - MAX_ANNOUNCED_BLOCKS, tx)
    const full = encodeInv(ANNOUNCER, SALT, [...blocks, ...transactions])
    expect(full.length).toBeLessThanOrEqual(MAX_INV_SIZE)
    expect(decodeInv(full).items).toHaveLength(MAX_INV_ITEMS)
    for (const items of [
      [...blocks, ...transactions, tx],
      [...blocks, block],
    ]) {
      expect(() => decodeInv(encodeInv(ANNOUNCER, SALT, items))).toThrow(DecodeError)
    }
  })

  const good = { kind: ItemKind.TX, hash: filledHash(1) as Uint8Array<ArrayBuffer> }
  const salt = SALT as Uint8Array<ArrayBuffer>
  const announcer = ANNOUNCER as Uint8Array<ArrayBuffer>
  it.each([
    ['no announcer', { salt, items: [good] }],
    ['a long announcer', { announcer: new Uint8Array(65), salt, items: [good] }],
    ['no salt', { announcer, items: [good] }],
    ['a short salt', { announcer, salt: new Uint8Array(7), items: [good] }],
    ['no items', { announcer, salt, items: [] }],
    ['no kind', { announcer, salt, items: [{ hash: good.hash }] }],
    ['kind zero', { announcer, salt, items: [{ ...good, kind: ItemKind.UNSPECIFIED }] }],
    ['a txid', { announcer, salt, items: [{ ...good, kind: ItemKind.TXID }] }],
    ['no hash', { announcer, salt, items: [{ kind: ItemKind.TX }] }],
    ['a hash of 31 bytes', { announcer, salt, items: [{ ...good, hash: new Uint8Array(31) }] }],
    ['a hash of 33 bytes', { announcer, salt, items: [{ ...good, hash: new Uint8Array(33) }] }],
    [
      'a header of 79 bytes',
      { announcer, salt, items: [{ ...good, kind: ItemKind.BLOCK, header: new Uint8Array(79) }] },
    ],
    [
      'a header of 81 bytes',
      { announcer, salt, items: [{ ...good, kind: ItemKind.BLOCK, header: new Uint8Array(81) }] },
    ],
    [
      'a header on a transaction',
      { announcer, salt, items: [{ ...good, header: new Uint8Array(80) }] },
    ],
  ])('is refused with %s', (_, message) => {
    expect(() => decodeInv(Inv.encode(message))).toThrow(DecodeError)
  })

  it('is refused when it is no protobuf, an unknown kind, or cut anywhere', () => {
    const whole = encodeInv(ANNOUNCER, SALT, [
      { kind: 'block', hash: filledHash(7), header: HEADER },
    ])
    for (let size = 0; size < whole.length; size++) {
      expect(() => decodeInv(whole.subarray(0, size)), `${size} bytes`).toThrow(DecodeError)
    }
    expect(() => decodeInv(Uint8Array.of(0xff, 0xff, 0xff))).toThrow(DecodeError)
    // Groups within groups, which a careless decoder follows until its stack is full.
    expect(() => decodeInv(new Uint8Array(200_000).fill(0x1b))).toThrow(DecodeError)
    const kindNine = encodeItems([{ kind: 'tx', hash: filledHash(1) }]).map((byte) =>
      byte === 2 ? 9 : byte,
    )
    expect(() => decodeGetData(kindNine)).toThrow(DecodeError)
  })
})

describe('GETDATA and its replies', () => {
  it('come back as they went', () => {
    const items = [
      { kind: 'block', hash: filledHash(1) },
      { kind: 'tx', hash: filledHash(2) },
      { kind: 'txid', hash: filledHash(3) },
    ] as const
    expect(decodeGetData(encodeItems(items))).toEqual({ type: 'items', items })
    const found = { kind: 'block', hash: filledHash(1), bytes: Uint8Array.of(1, 2) } as const
    expect(decodeDataReply(encodeDataReply(found))).toEqual(found)
    const missing = { kind: 'tx', hash: filledHash(1), bytes: undefined } as const
    expect(decodeDataReply(encodeDataReply(missing))).toEqual(missing)
  })

  it('fit their limits when full and are refused beyond', () => {
    const item = { kind: 'tx', hash: filledHash(7) } as const
    const full = encodeItems(many(MAX_INV_ITEMS, item))
    expect(full.length).toBeLessThanOrEqual(MAX_GET_DATA_SIZE)
    expect(decodeGetData(full)).toEqual({ type: 'items', items: many(MAX_INV_ITEMS, item) })
    expect(() => decodeGetData(encodeItems(many(MAX_INV_ITEMS + 1, item)))).toThrow(DecodeError)
    expect(() => decodeGetData(GetData.encode({ items: [] }))).toThrow(DecodeError)
    const largest = encodeDataReply({ ...item, bytes: new Uint8Array(MAX_DATA_SIZE) })
    expect(largest.length).toBeLessThanOrEqual(MAX_DATA_REPLY_SIZE)
    expect(decodeDataReply(largest).bytes).toHaveLength(MAX_DATA_SIZE)
    const larger = encodeDataReply({ ...item, bytes: new Uint8Array(MAX_DATA_SIZE + 1) })
    expect(() => decodeDataReply(larger)).toThrow(DecodeError)
    const empty = DataReply.encode({
      kind: ItemKind.TX,
      hash: new Uint8Array(32),
      data: new Uint8Array(0),
    })
    expect(() => decodeDataReply(empty)).toThrow(DecodeError)
  })
})

describe('the sync stream', () => {
  it('carries STATUS both ways', () => {
    expect(decodeSyncRequest(encodeSyncRequest({ type: 'status', status: STATUS }))).toEqual({
      type: 'status',
      status: STATUS,
    })
    expect(decodeStatusResponse(encodeSyncResponse({ type: 'status', status: STATUS }))).toEqual(
      STATUS,
    )
    const status = { ...STATUS, prunedHeight: 1_000 }
    expect(decodeStatusResponse(encodeSyncResponse({ type: 'status', status }))).toEqual(status)
  })

  it('makes a user agent harmless and short', () => {
    const told = (userAgent: string): PeerStatus =>
      decodeStatusResponse(encodeSyncResponse({ type: 'status', status: { ...STATUS, userAgent } }))
    expect(told('/a\u001b[31m\n\u00e9/').userAgent).toBe('/a?[31m??/')
    expect(told('x'.repeat(300)).userAgent).toHaveLength(256)
  })

  it('carries GETHEADERS and HEADERS within their limits', () => {
    const locator = many(MAX_LOCATOR_HASHES, filledHash(4))
    const request = { type: 'getHeaders', locator, stop: filledHash(5) } as const
    const encoded = encodeSyncRequest(request)
    expect(encoded.length).toBeLessThanOrEqual(MAX_SYNC_REQUEST_SIZE)
    expect(decodeSyncRequest(encoded)).toEqual(request)
    const open = { type: 'getHeaders', locator: [], stop: undefined } as const
    expect(decodeSyncRequest(encodeSyncRequest(open))).toEqual(open)
    const longer = encodeSyncRequest({ ...request, locator: [...locator, filledHash(4)] })
    expect(() => decodeSyncRequest(longer)).toThrow(DecodeError)

    const headers = many(MAX_HEADERS, encodeHeader(HEADER))
    const response = encodeSyncResponse({ type: 'headers', headers })
    expect(response.length).toBeLessThanOrEqual(MAX_SYNC_RESPONSE_SIZE)
    expect(decodeHeadersResponse(response)).toEqual(many(MAX_HEADERS, HEADER))
    const more = encodeSyncResponse({
      type: 'headers',
      headers: [...headers, encodeHeader(HEADER)],
    })
    expect(() => decodeHeadersResponse(more)).toThrow(DecodeError)
  })

  const hash = new Uint8Array(32)
  const status = {
    genesisHash: hash,
    tipHash: hash,
    tipHeight: 1,
    chainWork: new Uint8Array(32),
    userAgent: '',
  }
  it.each([
    ['nothing', {}],
    ['both kinds', { status, getHeaders: { locator: [] } }],
    ['an empty STATUS', { status: {} }],
    ['a short genesis hash', { status: { ...status, genesisHash: new Uint8Array(31) } }],
    ['a long tip hash', { status: { ...status, tipHash: new Uint8Array(33) } }],
    ['too much work', { status: { ...status, chainWork: new Uint8Array(33) } }],
    ['a long user agent', { status: { ...status, userAgent: 'x'.repeat(257) } }],
    ['a short locator hash', { getHeaders: { locator: [new Uint8Array(31)] } }],
    ['a long stop hash', { getHeaders: { locator: [], stop: new Uint8Array(33) } }],
  ])('refuses a request with %s', (_, message) => {
    expect(() => decodeSyncRequest(SyncRequest.encode(message))).toThrow(DecodeError)
  })

  it('refuses an answer to another question, and headers of a wrong size', () => {
    const ofStatus = encodeSyncResponse({ type: 'status', status: STATUS })
    const ofHeaders = encodeSyncResponse({ type: 'headers', headers: [] })
    expect(() => decodeHeadersResponse(ofStatus)).toThrow(DecodeError)
    expect(() => decodeStatusResponse(ofHeaders)).toThrow(DecodeError)
    const short = SyncResponse.encode({ headers: { headers: [new Uint8Array(79)] } })
    expect(() => decodeHeadersResponse(short)).toThrow(DecodeError)
  })
})

describe('messages.ts', () => {
  it('is what messages.proto generates', async () => {
    const { mkdtemp, rm } = await import('node:fs/promises')
    const { tmpdir } = await import('node:os')
    const { join } = await import('node:path')
    const folder = await mkdtemp(join(tmpdir(), 'quarry-messages-'))
    try {
      await generate('src/p2p/messages.proto', { output: folder })
      const [fresh, committed] = await Promise.all([
        readFile(join(folder, 'messages.ts'), 'utf8'),
        readFile('src/p2p/messages.ts', 'utf8'),
      ])
      expect(committed.endsWith(fresh)).toBe(true)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('a gossiped block', () => {
  const bytes = new Uint8Array(200).fill(5)

  it('comes back as it went, in either form', () => {
    for (const form of ['whole', 'compact'] as const) {
      expect(decodeGossipBlock(encodeGossipBlock({ form, bytes }))).toEqual({ form, bytes })
    }
  })

  it('fits its limit when full and is refused beyond', () => {
    const full = encodeGossipBlock({ form: 'whole', bytes: new Uint8Array(MAX_GOSSIP_BLOCK_SIZE) })
    expect(full.length).toBeLessThanOrEqual(MAX_GOSSIP_BLOCK_MESSAGE_SIZE)
    expect(decodeGossipBlock(full).bytes).toHaveLength(MAX_GOSSIP_BLOCK_SIZE)
    const larger = { form: 'whole', bytes: new Uint8Array(MAX_GOSSIP_BLOCK_SIZE + 1) } as const
    expect(() => decodeGossipBlock(encodeGossipBlock(larger))).toThrow(DecodeError)
  })

  const block = bytes as Uint8Array<ArrayBuffer>
  it.each([
    ['no form', {}],
    ['both forms', { whole: block, compact: block }],
    ['no room for a header', { compact: new Uint8Array(79) }],
  ])('is refused with %s', (_, message) => {
    expect(() => decodeGossipBlock(GossipBlock.encode(message))).toThrow(DecodeError)
  })
})

describe('GETDATA for transactions of a block and its reply', () => {
  const blockHash = filledHash(7)
  const hash = blockHash as Uint8Array as Uint8Array<ArrayBuffer>
  const tx = encodeTransaction({
    version: 2,
    inputs: [
      {
        prevout: { txid: filledHash(1) as Uint8Array as Txid, vout: 3 },
        scriptSig: Uint8Array.of(1),
        sequence: 0,
        witness: [],
      },
    ],
    outputs: [],
    lockTime: 9,
  })

  it('come back as they went', () => {
    const request = { type: 'transactions', blockHash, indexes: [0, 3, 900] } as const
    expect(decodeGetData(encodeGetData(request))).toEqual(request)
    const reply = encodeBlockTransactions(blockHash, [tx, tx])
    expect(decodeBlockTransactions(reply, blockHash, 2)?.map(encodeTransaction)).toEqual([tx, tx])
    const notFound = encodeBlockTransactions(blockHash, undefined)
    expect(decodeBlockTransactions(notFound, blockHash, 2)).toBeUndefined()
  })

  it('fits its limit when full and is refused beyond', () => {
    const first = MAX_BLOCK_TRANSACTIONS - MAX_REQUESTED_INDEXES
    const indexes = Array.from({ length: MAX_REQUESTED_INDEXES }, (_, index) => first + index)
    const full = encodeGetData({ type: 'transactions', blockHash, indexes })
    expect(full.length).toBeLessThanOrEqual(MAX_GET_DATA_SIZE)
    expect(decodeGetData(full)).toEqual({ type: 'transactions', blockHash, indexes })
    const more = encodeGetData({ type: 'transactions', blockHash, indexes: [0, ...indexes] })
    expect(() => decodeGetData(more)).toThrow(DecodeError)
  })

  it.each([
    ['no indexes', { blockHash: hash, indexes: [] }],
    ['one index twice', { blockHash: hash, indexes: [1, 1] }],
    ['falling indexes', { blockHash: hash, indexes: [2, 1] }],
    ['an index beyond any block', { blockHash: hash, indexes: [MAX_BLOCK_TRANSACTIONS] }],
    ['no hash', { indexes: [1] }],
    ['a short hash', { blockHash: new Uint8Array(31), indexes: [1] }],
  ])('is refused with %s', (_, transactions) => {
    const message = GetData.encode({ items: [], transactions })
    expect(() => decodeGetData(message)).toThrow(DecodeError)
  })

  it('is refused with items beside it', () => {
    const items = [{ kind: ItemKind.TX, hash }]
    const message = GetData.encode({ items, transactions: { blockHash: hash, indexes: [1] } })
    expect(() => decodeGetData(message)).toThrow(DecodeError)
  })

  it.each([
    ['of another block', encodeBlockTransactions(filledHash(8), [tx])],
    ['with too few', encodeBlockTransactions(blockHash, [tx])],
    ['with too many', encodeBlockTransactions(blockHash, [tx, tx, tx])],
    ['with what is no transaction', encodeBlockTransactions(blockHash, [tx, tx.subarray(1)])],
  ])('a reply %s is refused', (_, reply) => {
    expect(() => decodeBlockTransactions(reply, blockHash, 2)).toThrow(DecodeError)
  })
})
