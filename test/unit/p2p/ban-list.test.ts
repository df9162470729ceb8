import '../../../src/platform/nodejs/polyfills.ts'
import { describe, expect, it } from 'vitest'
import { BanList } from '../../../src/p2p/ban-list.ts'
import { generateIdentity, peerIdFromIdentity } from '../../../src/p2p/index.ts'
import { MAX_BANS, MAX_MANUAL_BANS } from '../../../src/p2p/limits.ts'
import { systemRandom } from '../../../src/platform/system.ts'
import type { KeyValueStore } from '../../../src/util/index.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { createMemoryNodeStore } from '../../support/memory-store.ts'
import { createRecordingLog } from './libp2p-support.ts'

const START = 1_700_000_000_000

function createBans(clock = new FakeClock(START), store?: KeyValueStore): BanList {
  return new BanList({ clock, log: createRecordingLog(), store })
}

describe('BanList by hand', () => {
  it('refuses an address, its network and nobody else', () => {
    const bans = createBans()
    bans.banByHand('10.1.2.3/16', START + 1_000, 'test')
    bans.banByHand('2001:db8::/32', START + 1_000, 'test')
    const answers = [
      '/ip4/10.1.0.0/tcp/1',
      '/ip4/10.1.255.255/tcp/1/p2p/x',
      '/ip6/::ffff:10.1.2.3/tcp/1',
      '/ip4/10.2.0.0/tcp/1',
      '/ip6/2001:db8:ffff::1/tcp/1',
      '/ip6/2001:db9::1/tcp/1',
      '/dns/example.org/tcp/1',
    ].map((address) => bans.isAddressBanned(address))
    expect(answers).toEqual([true, true, true, false, true, false, false])
    expect(bans.list().map(({ subject }) => subject)).toEqual(['10.1.0.0/16', '2001:db8::/32'])
  })

  it('refuses what is banned already, as Bitcoin Core does', () => {
    const bans = createBans()
    bans.banByHand('10.1.2.0/24', START + 1_000, 'test')
    // An address is banned with its network; a network inside another is one of its own.
    expect(() => bans.banByHand('10.1.2.3', START + 1_000, 'test')).toThrow(/already/)
    expect(() => bans.banByHand('10.1.2.9/24', START + 1_000, 'test')).toThrow(/already/)
    bans.banByHand('10.1.2.0/25', START + 1_000, 'test')
    expect(() => bans.banByHand('nobody', START + 1_000, 'test')).toThrow(/neither/)
    expect(bans.remove('10.1.2.200/24')).toBe(true)
    expect(bans.remove('10.1.2.200/24')).toBe(false)
    expect(bans.isAddressBanned('/ip4/10.1.2.3/tcp/1')).toBe(true)
    expect(bans.isAddressBanned('/ip4/10.1.2.200/tcp/1')).toBe(false)
  })

  it('ends in time, and takes no more than there is room for', async () => {
    const clock = new FakeClock(START)
    const bans = createBans(clock)
    for (let index = 0; index < MAX_MANUAL_BANS; index++) {
      bans.banByHand(`10.0.${index >> 8}.${index & 255}`, START + 1_000, 'test')
    }
    expect(() => bans.banByHand('11.0.0.1', START + 1_000, 'test')).toThrow(/10000 bans/)
    await clock.advance(1_000)
    expect(bans.isAddressBanned('/ip4/10.0.0.1/tcp/1')).toBe(false)
    expect(bans.list()).toEqual([])
    bans.banByHand('11.0.0.1', START + 3_000, 'test')
    expect(bans.list()).toHaveLength(1)
  })

  it("is not driven out by the node's own bans", async () => {
    const bans = createBans()
    const id = peerIdFromIdentity(await generateIdentity(systemRandom))
    bans.banByHand(id, START + 1_000_000, 'by hand')
    bans.ban(id, 10, 'by itself')
    expect(bans.lastReason(id)).toBe('by itself')
    for (let index = 0; index <= 2 * MAX_BANS; index++) bans.ban(`peer ${index}`, 1_000, 'bad')
    expect(bans.isBanned(id)).toBe(true)
    expect(bans.list()).toHaveLength(MAX_BANS + 1)
  })
})

describe('BanList over restarts', () => {
  it('keeps what has not ended, with its reason', async () => {
    const clock = new FakeClock(START)
    const store = createMemoryNodeStore().namespace('ban')
    const id = peerIdFromIdentity(await generateIdentity(systemRandom))
    const bans = createBans(clock, store)
    bans.ban(id, 5_000, 'bad block')
    bans.banByHand('10.0.0.0/8', START + 60_000, 'by hand')
    bans.banByHand('11.0.0.0/8', START + 1_000, 'short')
    bans.banByHand('12.0.0.0/8', START + 60_000, 'taken back')
    bans.remove('12.0.0.0/8')
    await bans.flush()
    await clock.advance(2_000)
    const again = createBans(clock, store)
    await again.load()
    expect(again.list()).toEqual([
      {
        subject: '10.0.0.0/8',
        createdAtMs: START,
        endsAtMs: START + 60_000,
        reason: 'by hand',
        isManual: true,
      },
      {
        subject: id,
        createdAtMs: START,
        endsAtMs: START + 5_000,
        reason: 'bad block',
        isManual: false,
      },
    ])
    again.clear()
    await again.flush()
    const last = createBans(clock, store)
    await last.load()
    expect(last.list()).toEqual([])
  })

  it('leaves out a record that it cannot read', async () => {
    const store = createMemoryNodeStore().namespace('ban')
    await store.write([
      { key: Uint8Array.of(1), value: new Uint8Array(20) },
      { key: new TextEncoder().encode('10.0.0.0/8'), value: new Uint8Array(3) },
    ])
    const bans = createBans(new FakeClock(START), store)
    await bans.load()
    await bans.flush()
    expect(bans.list()).toEqual([])
    for await (const entry of store.entries()) expect(entry).toBeUndefined()
  })
})
