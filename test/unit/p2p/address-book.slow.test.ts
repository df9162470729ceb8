import '../../../src/platform/nodejs/polyfills.ts'
import { expect, it } from 'vitest'
import { AddressBook } from '../../../src/p2p/address-book.ts'
import {
  ADDRESS_BUCKET_SIZE,
  NEW_BUCKETS,
  NEW_BUCKETS_PER_SOURCE,
} from '../../../src/p2p/limits.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { createMemoryNodeStore } from '../../support/memory-store.ts'
import { createRecordingLog, systemRandom } from './libp2p-support.ts'

const NOW = 1_700_000_000_000
/** Eight times as many as there are places in all. */
const COUNT = 2 ** 16

it.each([
  ['one source', 1, NEW_BUCKETS_PER_SOURCE * ADDRESS_BUCKET_SIZE],
  ['sources in 10,000 networks', 10_000, NEW_BUCKETS * ADDRESS_BUCKET_SIZE],
])('65,536 fake addresses from %s find no more than their places', async (_, sources, places) => {
  const store = createMemoryNodeStore().namespace('address')
  const log = createRecordingLog()
  const book = new AddressBook({ clock: new FakeClock(NOW), random: systemRandom, log, store }, '')
  await book.load()
  for (let index = 0; index < COUNT; index++) {
    const [a, b, c] = [index & 127, (index >> 7) & 255, (index >> 15) & 255]
    const record = {
      id: `peer${index}`,
      addresses: [`/ip4/${20 + (index % 79)}.${c}.${b}.${a}/tcp/18444`],
      recordedAtMs: NOW,
      bytes: new Uint8Array(250),
    }
    const source = index % sources
    book.add(record, `/ip4/${20 + (source % 79)}.${source % 250}.1.1/tcp/1`)
  }
  expect(book.size).toBeLessThanOrEqual(places)
  expect(book.size).toBeGreaterThan(places / 2)
  await book.flush()
  let stored = 0
  for await (const _entry of store.entries()) stored++
  expect(stored).toBe(book.size + 1)
})
