import '../../src/platform/nodejs/polyfills.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeUndo, encodeUndo } from '../../src/chain/coin-codec.ts'
import type { StoredEntry } from '../../src/chain/index.ts'
import { decodeCoin, encodeCoin } from '../../src/chain/index.ts'
import type { Coin } from '../../src/consensus/index.ts'
import {
  decodeGetData,
  decodeHeadersResponse,
  decodeInv,
  decodeStatusResponse,
  decodeSyncRequest,
  encodeGetData,
  encodeInv,
  encodeSyncRequest,
  encodeSyncResponse,
} from '../../src/p2p/message-codec.ts'
import type { BlockHash, BlockHeader, Hash256 } from '../../src/primitives/index.ts'
import { decodeEntry, decodePage, encodeEntry, encodePage } from '../../src/store/entry-codec.ts'
import { DecodeError } from '../../src/util/index.ts'

const RUNS = { numRuns: 300 }

const bytes = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max })
const hash = bytes(32, 32)
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const milliseconds = fc.integer({ min: 0, max: 2 ** 42 })

const header: fc.Arbitrary<BlockHeader> = fc.record({
  version: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  prevBlockHash: hash.map((value) => value as BlockHash),
  merkleRoot: hash,
  time: uint32,
  bits: uint32,
  nonce: uint32,
})

const coin: fc.Arbitrary<Coin> = fc.record({
  output: fc.record({
    value: fc.bigInt({ min: 0n, max: 2_100_000_000_000_000n }),
    scriptPubKey: bytes(0, 120),
  }),
  height: fc.integer({ min: 0, max: 0x7fff_ffff }),
  isCoinbase: fc.boolean(),
})

const entryHash = new Uint8Array(32).fill(5) as BlockHash
const entry: fc.Arbitrary<StoredEntry> = fc.record({
  hash: fc.constant(entryHash),
  header,
  height: fc.integer({ min: 0, max: 0x7fff_ffff }),
  validity: fc.constantFrom('header', 'connected', 'failed', 'failed-child'),
  // Whatever is connected was.
  wasConnected: fc.constant(true),
  hasBody: fc.boolean(),
  transactionCount: uint32,
  sequence: milliseconds,
  firstSeenMs: milliseconds,
})

const item = fc.record({
  kind: fc.constantFrom('block' as const, 'tx' as const),
  hash: hash.map((value) => value as Hash256),
})

/** A header with its fields as properties of its own, to be compared. */
function spell({ version, prevBlockHash, merkleRoot, time, bits, nonce }: BlockHeader) {
  return { version, prevBlockHash, merkleRoot, time, bits, nonce }
}

/** What each codec encodes, how it decodes, and what has to come out again. */
interface Codec {
  readonly name: string
  readonly encoded: fc.Arbitrary<{ readonly bytes: Uint8Array; readonly expected: unknown }>
  readonly decode: (input: Uint8Array) => unknown
}

function codec<Value>(
  name: string,
  values: fc.Arbitrary<Value>,
  encode: (value: Value) => Uint8Array,
  decode: (input: Uint8Array) => unknown,
  expectedOf: (value: Value) => unknown = (value) => value,
): Codec {
  const encoded = values.map((value) => ({ bytes: encode(value), expected: expectedOf(value) }))
  return { name, encoded, decode }
}

const ANNOUNCER = new Uint8Array(38).fill(3)
const SALT = new Uint8Array(8).fill(1)
const status = fc.record({
  genesisHash: hash.map((value) => value as BlockHash),
  tipHash: hash.map((value) => value as BlockHash),
  tipHeight: fc.integer({ min: 0, max: 0x7fff_ffff }),
  chainWork: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  userAgent: fc.string({ maxLength: 40 }),
})

const CODECS: readonly Codec[] = [
  codec('coins', coin, encodeCoin, decodeCoin),
  codec(
    'undo data',
    fc.array(fc.array(coin, { maxLength: 3 }), { maxLength: 3 }),
    encodeUndo,
    decodeUndo,
  ),
  codec('entries of the tree', entry, encodeEntry, (input) => decodeEntry(entryHash, input)),
  codec('pages of entries', fc.array(entry, { maxLength: 4, minLength: 1 }), encodePage, (input) =>
    decodePage(input).map((read) => ({ ...read, header: spell(read.header) })),
  ),
  codec(
    'INV',
    fc.array(item, { minLength: 1, maxLength: 10 }),
    (items) => encodeInv(ANNOUNCER, SALT, items),
    decodeInv,
    (items) => ({ announcer: ANNOUNCER, items }),
  ),
  codec(
    'GETDATA',
    fc.array(item, { minLength: 1, maxLength: 10 }),
    (items) => encodeGetData({ type: 'items', items }),
    decodeGetData,
    (items) => ({ type: 'items', items }),
  ),
  codec(
    'GETHEADERS',
    fc.array(
      hash.map((value) => value as BlockHash),
      { minLength: 1, maxLength: 10 },
    ),
    (locator) => encodeSyncRequest({ type: 'getHeaders', locator, stop: undefined }),
    decodeSyncRequest,
    (locator) => ({ type: 'getHeaders', locator, stop: undefined }),
  ),
  codec(
    'STATUS',
    status,
    (value) => encodeSyncResponse({ type: 'status', status: value }),
    decodeStatusResponse,
  ),
]

describe('stored and sent bytes', () => {
  it.each(CODECS)('$name come back as they went', ({ encoded, decode }) => {
    fc.assert(
      fc.property(encoded, ({ bytes: input, expected }) => {
        expect(decode(input)).toEqual(expected)
      }),
      RUNS,
    )
  })

  const decoders: readonly (readonly [string, (input: Uint8Array) => unknown])[] = [
    ...CODECS.map(({ name, decode }) => [name, decode] as const),
    ['HEADERS', decodeHeadersResponse],
  ]
  it.each(decoders)(
    '%s that are noise are refused with a DecodeError and nothing else',
    (_, decode) => {
      fc.assert(
        fc.property(bytes(0, 300), (noise) => expectRefusalOrValue(decode, noise)),
        RUNS,
      )
    },
  )

  it.each(CODECS)(
    '$name with a byte changed, or cut short, are values or refused',
    ({ encoded, decode }) => {
      fc.assert(
        fc.property(
          encoded,
          fc.nat(),
          fc.integer({ min: 1, max: 255 }),
          ({ bytes: input }, at, flip) => {
            const changed = Uint8Array.from(input)
            const place = at % changed.length
            changed[place] = (changed[place] ?? 0) ^ flip
            expectRefusalOrValue(decode, changed)
            expectRefusalOrValue(decode, input.subarray(0, place))
          },
        ),
        RUNS,
      )
    },
  )

  it('counts that nothing stands behind are refused before anything is made for them', () => {
    // A count of 2^32 - 1 transactions in undo data, of four billion bytes in a script.
    for (const claim of [
      [0xfe, 0xff, 0xff, 0xff, 0xff],
      [1, 0xfe, 0xff, 0xff, 0xff, 0xff],
    ]) {
      const before = process.memoryUsage().arrayBuffers
      expect(() => decodeUndo(Uint8Array.from(claim))).toThrow(DecodeError)
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
    }
  })
})

function expectRefusalOrValue(decode: (input: Uint8Array) => unknown, input: Uint8Array): void {
  try {
    decode(input)
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
  }
}
