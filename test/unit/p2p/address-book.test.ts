import '../../../src/platform/nodejs/polyfills.ts'
import { describe, expect, it } from 'vitest'
import { AddressBook } from '../../../src/p2p/address-book.ts'
import { decodeIdentity } from '../../../src/p2p/identity.ts'
import { generateIdentity } from '../../../src/p2p/index.ts'
import {
  ADDRESS_BUCKET_SIZE,
  ADDRESS_FAILURES_MAX_UNTRIED,
  ADDRESS_HORIZON_MS,
  ADDRESS_RETRY_MS,
  MAX_ADDR_RECORDS,
  NEW_BUCKETS_PER_SOURCE,
} from '../../../src/p2p/limits.ts'
import {
  type CertifiedRecord,
  decodePeerRecord,
  sealPeerRecord,
} from '../../../src/p2p/peer-records.ts'
import type { KeyValueStore, RandomSource } from '../../../src/util/index.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { createMemoryNodeStore } from '../../support/memory-store.ts'
import { createRecordingLog, systemRandom } from './libp2p-support.ts'

const NOW = 1_700_000_000_000
const SOURCE = '/ip4/198.51.100.1/tcp/18444'
/** What one network of sources can fill. */
const SOURCE_PLACES = NEW_BUCKETS_PER_SOURCE * ADDRESS_BUCKET_SIZE

function createBook(
  clock = new FakeClock(NOW),
  store?: KeyValueStore,
  random: RandomSource = systemRandom,
): AddressBook {
  return new AddressBook({ clock, random, log: createRecordingLog(), store }, 'self')
}

/** A record as if it were certified: signatures are not the book's business. */
function createRecord(index: number, changes: Partial<CertifiedRecord> = {}): CertifiedRecord {
  const host = `${20 + (index % 79)}.${(index >> 7) & 255}.${(index >> 15) & 255}.${index & 127}`
  return {
    id: `peer${index}`,
    addresses: [`/ip4/${host}/tcp/18444`],
    recordedAtMs: NOW,
    bytes: new Uint8Array(250),
    ...changes,
  }
}

function sourceOf(index: number): string {
  return `/ip4/${100 + (index % 60)}.${index % 250}.1.1/tcp/1`
}

const anybody = () => true

describe('AddressBook', () => {
  it('holds no more than its places, whatever one source tells', async () => {
    const store = createMemoryNodeStore().namespace('address')
    const book = createBook(undefined, store)
    await book.load()
    // A million of them, in test/unit/p2p/address-book.slow.test.ts.
    for (let index = 0; index < 20_000; index++) book.add(createRecord(index), SOURCE)
    expect(book.size).toBeLessThanOrEqual(SOURCE_PLACES)
    expect(book.size).toBeGreaterThan(SOURCE_PLACES / 2)
    await book.flush()
    let stored = 0
    for await (const [, value] of store.entries()) {
      stored++
      expect(value.length).toBeLessThan(1_000)
    }
    // The secret is there, too.
    expect(stored).toBe(book.size + 1)
    // Another network still finds room for what it tells.
    const others = [1, 2, 3, 4, 5, 6, 7, 8].map((index) =>
      book.add(createRecord(2 ** 21 + index), sourceOf(index)),
    )
    expect(others.filter((outcome) => outcome === 'taken').length).toBeGreaterThan(5)
  })

  it('gives a place to another only once its holder is of no use', async () => {
    const clock = new FakeClock(NOW)
    const book = createBook(clock)
    await book.load()
    // Fill what this source can reach, and find one that has no place.
    let refused: CertifiedRecord | undefined
    for (let index = 0; refused === undefined; index++) {
      const record = createRecord(index)
      if (book.add(record, SOURCE) === 'refused') refused = record
    }
    const holders = book.list().map(({ id }) => id)
    for (let round = 0; round < ADDRESS_FAILURES_MAX_UNTRIED - 1; round++) {
      for (const id of holders) book.noteDial(id, false)
    }
    expect(book.add(refused, SOURCE)).toBe('refused')
    for (const id of holders) book.noteDial(id, false)
    expect(book.add(refused, SOURCE)).toBe('taken')
    expect(book.size).toBe(holders.length)
  })

  it.each([
    ['our own machine', '/ip4/127.0.0.1/tcp/22'],
    ['our own machine over IPv6', '/ip6/::1/tcp/22'],
    ['our own machine in disguise', '/ip6/::ffff:127.0.0.1/tcp/22'],
    ['our own network', '/ip4/192.168.1.1/tcp/80'],
    ['everybody', '/ip4/224.0.0.1/tcp/80'],
    ['a name', '/dns4/example.org/tcp/80'],
    ['no port', '/ip4/1.2.3.4/tcp/0'],
    ['another transport', '/ip4/1.2.3.4/udp/1/quic-v1'],
    [
      'a relay',
      '/ip4/1.2.3.4/tcp/1/p2p/12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo/p2p-circuit',
    ],
  ])('does not take from the internet an address of %s', async (_, address) => {
    const book = createBook()
    expect(book.add(createRecord(1, { addresses: [address] }), SOURCE)).toBe('refused')
    expect(book.choose(anybody)).toBeUndefined()
  })

  it('takes private addresses from a private network, and loopback ones on loopback', async () => {
    const book = createBook()
    const addresses = ['/ip4/9.9.9.9/tcp/1', '/ip4/10.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/1']
    book.add(createRecord(1, { addresses }), '/ip4/192.168.0.1/tcp/5')
    expect(book.choose(anybody)?.address).toBe('/ip4/10.0.0.1/tcp/1')
    const local = createBook()
    local.add(createRecord(1, { addresses }), '/ip4/127.0.0.1/tcp/5')
    expect(local.choose(anybody)?.address).toBe('/ip4/127.0.0.1/tcp/1')
    // What is of no use to an asker out there is not told to it.
    expect([
      local.sample('public'),
      book.sample('private'),
      local.sample('loopback'),
    ]).toMatchObject([{ length: 0 }, { length: 1 }, { length: 1 }])
  })

  it('takes neither old records, nor those from the future, nor its own', () => {
    const book = createBook()
    const outcomes = [
      createRecord(1, { recordedAtMs: NOW - ADDRESS_HORIZON_MS - 1 }),
      createRecord(2, { recordedAtMs: NOW + 86_400_000 }),
      createRecord(3, { id: 'self' }),
      createRecord(4),
    ].map((record) => book.add(record, SOURCE))
    expect(outcomes).toEqual(['refused', 'refused', 'known', 'taken'])
    expect(book.list()).toHaveLength(1)
  })

  it('lets a later record replace an earlier one, never the other way round', () => {
    const book = createBook()
    book.add(createRecord(1, { recordedAtMs: NOW - 10 }), SOURCE)
    const later = ['/ip4/2.0.0.99/tcp/1']
    expect(book.add(createRecord(1, { recordedAtMs: NOW - 5, addresses: later }), SOURCE)).toBe(
      'known',
    )
    expect(book.add(createRecord(1, { recordedAtMs: NOW - 8 }), SOURCE)).toBe('known')
    expect(book.list()).toMatchObject([{ address: later[0], recordedAtMs: NOW - 5 }])
  })

  it('dials again later and later, and forgets failures with a success', async () => {
    const clock = new FakeClock(NOW)
    const book = createBook(clock)
    book.add(createRecord(1), SOURCE)
    book.noteDial('peer1', false)
    await clock.advance(2 * ADDRESS_RETRY_MS - 1)
    expect(book.choose(anybody)).toBeUndefined()
    await clock.advance(1)
    expect(book.choose(anybody)?.id).toBe('peer1')
    book.noteDial('peer1', true)
    expect(book.list()).toMatchObject([{ isTried: true }])
    await clock.advance(ADDRESS_RETRY_MS)
    expect(book.choose(anybody)?.id).toBe('peer1')
  })

  it('chooses from those that it knows as often as from those that it was told of', () => {
    const book = createBook()
    for (let index = 0; index < 200; index++) book.add(createRecord(index), sourceOf(index))
    const knownIds = book.list().slice(0, 5)
    for (const { id } of knownIds) book.noteDial(id, true)
    const ids = new Set(knownIds.map(({ id }) => id))
    let hits = 0
    // All are due at a pace of nothing.
    for (let index = 0; index < 400; index++) {
      if (ids.has(book.choose(anybody, 0)?.id ?? '')) hits++
    }
    expect(hits).toBeGreaterThan(100)
    expect(hits).toBeLessThan(300)
  })

  it('tells a part of what it knows, and no more than one message holds', () => {
    const book = createBook()
    for (let index = 0; index < 30_000; index++) book.add(createRecord(index), sourceOf(index))
    const told = book.sample('public')
    expect(book.size).toBeGreaterThan(4_500)
    expect(told.length).toBeLessThanOrEqual(MAX_ADDR_RECORDS)
    expect(told.length).toBe(Math.min(MAX_ADDR_RECORDS, Math.ceil(0.23 * book.size)))
  })

  it('looks after whoever holds the place of another', async () => {
    const clock = new FakeClock(NOW)
    const book = createBook(clock)
    // One network, so that they meet in few buckets of tried ones.
    for (let index = 0; index < 2_000; index++) {
      const addresses = [`/ip4/50.50.${index >> 8}.${index & 255}/tcp/1`]
      if (book.add(createRecord(index, { addresses }), sourceOf(index)) === 'taken') {
        book.noteDial(`peer${index}`, true)
      }
    }
    const tried = book.list().filter(({ isTried }) => isTried)
    expect(tried.length).toBeLessThanOrEqual(256)
    const looked = book.chooseFeeler(anybody)
    expect(tried.map(({ id }) => id)).toContain(looked?.id)
  })
})

describe('AddressBook over restarts', () => {
  it('has everybody in their places, and drops what it cannot read', async () => {
    const store = createMemoryNodeStore().namespace('address')
    const clock = new FakeClock(NOW)
    const book = createBook(clock, store)
    await book.load()
    for (let index = 0; index < 20; index++) {
      const identity = decodeIdentity(await generateIdentity(systemRandom))
      const bytes = await sealPeerRecord(identity, 'test', [`/ip4/1.2.3.${index}/tcp/1`], NOW)
      if (bytes === undefined) throw new TypeError('sealed')
      book.add(decodePeerRecord(bytes), sourceOf(index))
    }
    const [first] = book.list()
    if (first === undefined) throw new TypeError('there are some')
    book.noteDial(first.id, true)
    await book.flush()
    await store.write([{ key: Uint8Array.of(1, 2, 3), value: Uint8Array.of(1, 2, 3) }])
    const again = createBook(clock, store)
    await again.load()
    await again.flush()
    const sorted = (list: AddressBook) => [...list.list()].sort((a, b) => (a.id < b.id ? -1 : 1))
    expect(sorted(again)).toEqual(sorted(book))
    expect(again.list().filter(({ isTried }) => isTried)).toMatchObject([{ id: first.id }])
    let count = 0
    for await (const [key] of store.entries()) {
      expect(key.length).not.toBe(3)
      count++
    }
    expect(count).toBe(book.size + 1)
  })
})
