import '../../../src/platform/nodejs/polyfills.ts'
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { AddressBook } from '../../../src/p2p/address-book.ts'
import { BanList } from '../../../src/p2p/ban-list.ts'
import {
  ANY_PEER,
  FaultLayer,
  generateIdentity,
  type Libp2pNetwork,
  NO_FAULTS,
  peerIdFromIdentity,
} from '../../../src/p2p/index.ts'
import type { NetworkContext } from '../../../src/p2p/network-context.ts'
import { neighbourhoodOf, Outbound } from '../../../src/p2p/outbound.ts'
import { PeerTable } from '../../../src/p2p/peer-table.ts'
import { createProtocolNames } from '../../../src/p2p/protocol-names.ts'
import type { NodeStore } from '../../../src/store/index.ts'
import { LimitedLog } from '../../../src/util/index.ts'
import { createRecorder } from '../../compliance/peer-network-recorder.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { createMemoryNodeStore } from '../../support/memory-store.ts'
import {
  createRecordingLog,
  createTestNetwork,
  type Libp2pInside,
  pause,
  systemClock,
  systemRandom,
  type TestNetworkOptions,
  until,
} from './libp2p-support.ts'

const toStop: Libp2pNetwork[] = []

afterEach(async () => {
  await Promise.all(toStop.splice(0).map((network) => network.stop()))
})

async function start(options: TestNetworkOptions = {}): Promise<Libp2pNetwork> {
  const network = await createTestNetwork({ isDiscovering: true, ...options })
  toStop.push(network)
  await network.start(createRecorder().handlers)
  return network
}

function storesOf(store: NodeStore) {
  return {
    bans: store.namespace('ban'),
    addresses: store.namespace('address'),
    anchors: store.namespace('anchor'),
  }
}

const idsOf = (network: Libp2pNetwork) => network.peers().map(({ id }) => id)
/** Those who were dialled: feelers come in for a moment and go. */
const outboundOf = (network: Libp2pNetwork) =>
  network.peers().filter(({ direction }) => direction === 'outbound')

describe('the connect loop', { timeout: 120_000 }, () => {
  it('lets nodes find each other that know one alone', async () => {
    const first = await start()
    const others = [await start(), await start(), await start()]
    for (const other of others) other.connect(addressOf(first))
    const all = [first, ...others]
    await until(() => all.every((network) => network.peers().length === 3), 'all know all', 60_000)
    const types = others.flatMap((network) =>
      network.peers().map(({ id }) => network.control.details(id)?.connectionType),
    )
    expect(new Set(types)).toEqual(new Set(['manual', 'inbound', 'outbound-full-relay']))
  })

  it('stops at its target, and looks for another when one leaves', async () => {
    const first = await start()
    const others = await Promise.all([1, 2, 3, 4].map(() => start({ outboundTarget: 0 })))
    for (const other of others) await other.dialOnce(addressOf(first))
    // They are not asked, since they ask nobody themselves: tell the first of them by asking.
    const seeker = await start({ outboundTarget: 2 })
    for (const other of others) await seeker.dialOnce(addressOf(other))
    await until(() => seeker.control.knownAddresses().length >= 4, 'it knows them all', 60_000)
    for (const { id } of outboundOf(seeker).slice(0, 3)) await seeker.disconnect(id, 'test')
    await until(() => outboundOf(seeker).length === 2, 'two again', 60_000)
    await pause(1_500)
    expect(outboundOf(seeker)).toHaveLength(2)
    const [peer] = outboundOf(seeker)
    await seeker.disconnect(peer?.id ?? '', 'test')
    await until(() => outboundOf(seeker).length === 2, 'two again', 60_000)
  })

  it('dials its anchors first after a restart, and the book holds the others', async () => {
    const store = createMemoryNodeStore()
    const identity = await generateIdentity(systemRandom)
    const helper = await start()
    const others = [await start(), await start(), await start()]
    const network = await start({ stores: storesOf(store), identity })
    expect(network.remembersPeers).toBe(false)
    network.connect(addressOf(helper))
    for (const other of others) other.connect(addressOf(helper))
    await until(() => network.peers().length === 4, 'connected to all', 60_000)
    await until(() => network.control.knownAddresses().length === 4, 'it knows all', 60_000)
    await network.stop()
    // Nobody is told whom to dial now.
    for (const other of others) other.forget(addressOf(helper))
    await helper.stop()
    const again = await start({ stores: storesOf(store), identity })
    expect(again.remembersPeers).toBe(true)
    const ids = new Set(others.map(({ selfId }) => selfId))
    await until(() => again.peers().some(({ id }) => ids.has(id)), 'found again', 60_000)
    await until(() => again.peers().length === 3, 'all found again', 60_000)
  })

  it('feels whether others are there while it has enough peers, and leaves them alone', async () => {
    const log = createRecordingLog()
    const helper = await start({ outboundTarget: 0 })
    const target = await start({ outboundTarget: 0 })
    await target.dialOnce(addressOf(helper))
    // Its record reaches the helper only if it asks.
    const network = await start({ outboundTarget: 1, log })
    await network.dialOnce(addressOf(helper))
    await until(() => network.control.knownAddresses().length === 2, 'it knows both', 60_000)
    await until(
      () => network.control.knownAddresses().every(({ isTried }) => isTried),
      'it has felt the other',
      60_000,
    )
    expect(outboundOf(network).map(({ id }) => id)).toEqual([helper.selfId])
    const dialled = log.lines.filter(
      ({ message, fields }) => message === 'Peer connected' && fields?.['direction'] === 'outbound',
    )
    expect(dialled.map(({ fields }) => fields?.['peer'])).toEqual([helper.selfId])
  })

  it('makes a peer of a node that is dialled while it is being felt', async () => {
    const log = createRecordingLog()
    const helper = await start({ outboundTarget: 0 })
    // Its answers come late, so that every look at it takes a while.
    const faults = new FaultLayer({ clock: systemClock, random: systemRandom, log })
    const target = await start({ outboundTarget: 0, faults })
    await target.dialOnce(addressOf(helper))
    faults.setRules([{ ...NO_FAULTS, peer: ANY_PEER, latencyMs: 150 }])
    const inside: Libp2pInside[] = []
    const network = await start({
      outboundTarget: 1,
      log,
      onAssembled: (parts) => inside.push(parts),
    })
    await network.dialOnce(addressOf(helper))
    const isFelt = () =>
      inside[0]?.connectionManager
        .getConnections()
        .some(({ remotePeer }) => remotePeer.toString() === target.selfId) === true
    await until(isFelt, 'the target is being felt', 60_000)
    await network.dialOnce(addressOf(target))
    expect(idsOf(network)).toContain(target.selfId)
  })

  it('dials nobody who is banned, nor anybody while the network is off', async () => {
    const first = await start()
    const banned = await start()
    const network = await start()
    await network.control.bans.add(banned.selfId, Date.now() + 60_000, 'test')
    banned.connect(addressOf(first))
    network.connect(addressOf(first))
    await until(() => network.control.knownAddresses().length === 2, 'it knows both', 60_000)
    await pause(1_500)
    expect(idsOf(network)).not.toContain(banned.selfId)
    network.control.setActive(false)
    await until(() => network.peers().length === 0, 'off')
    await pause(1_500)
    expect(network.peers()).toEqual([])
  })

  it('exchanges nothing where discovery is off', async () => {
    const [a, b] = [await start({ isDiscovering: false }), await start()]
    await a.dialOnce(addressOf(b))
    await b.dialOnce(addressOf(a))
    await pause(1_500)
    expect([...a.control.knownAddresses(), ...b.control.knownAddresses()]).toEqual([])
    expect(b.peers()).toHaveLength(1)
  })
})

describe('neighbourhoodOf', () => {
  it.each([
    ['/ip4/1.2.3.4/tcp/1', '/ip4/1.2.99.99/tcp/2', true],
    ['/ip4/1.2.3.4/tcp/1', '/ip4/1.3.3.4/tcp/1', false],
    ['/ip6/2001:db8::1/tcp/1', '/ip6/2001:db8:ffff::1/tcp/1', true],
    // In one's own network one host is one neighbour.
    ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/2', true],
    ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/1', false],
  ])('of %s and %s', (a, b, isSame) => {
    expect(neighbourhoodOf(a) === neighbourhoodOf(b)).toBe(isSame)
  })

  it('is none on loopback, where a whole devnet is', () => {
    expect(neighbourhoodOf('/ip4/127.0.0.1/tcp/1')).toBeUndefined()
    expect(neighbourhoodOf('/ip6/::1/tcp/1')).toBeUndefined()
  })
})

describe('the connect loop off loopback', () => {
  const START = 1_700_000_000_000

  /** Runs the loop on a book until nothing more is dialled; whoever is dialled is there. */
  async function dialAll(addresses: readonly string[], target: number): Promise<readonly string[]> {
    const clock = new FakeClock(START)
    const log = createRecordingLog()
    const table = new PeerTable(clock)
    const bans = new BanList({ clock, log })
    const book = new AddressBook({ clock, random: systemRandom, log }, 'self')
    const dialled: string[] = []
    for (const [index, address] of addresses.entries()) {
      const id = peerIdFromIdentity(await generateIdentity(systemRandom))
      const record = { id, addresses: [address], recordedAtMs: START, bytes: new Uint8Array(1) }
      book.add(record, `/ip4/${20 + index}.1.1.1/tcp/1`)
    }
    const { handlers } = createRecorder()
    const stopping = new AbortController()
    const limited = new LimitedLog(log, 'debug', { burst: 1, perSecond: 1 }, clock)
    const context: NetworkContext = {
      clock,
      log,
      hostileLog: limited,
      banLog: limited,
      peerLog: limited,
      names: createProtocolNames('0a0b0c0d'),
      handlers,
      table,
      bans,
      feelers: new Set(),
      stopping: stopping.signal,
      punish: () => undefined,
    }
    const loop = new Outbound({
      context,
      book,
      addr: { ask: async () => undefined },
      limits: { maxPeers: 125, outboundTarget: target },
      random: systemRandom,
      pace: 1,
      anchorStore: undefined,
      isActive: () => true,
      dial: async (address) => {
        dialled.push(address)
        const [, id = ''] = address.split('/p2p/')
        // What the table needs of a connection.
        const connection = {
          remotePeer: peerIdFromString(id),
          remoteAddr: multiaddr(address),
          direction: 'outbound',
          status: 'open',
        } as Connection
        const status = handlers.status()
        return table.add(connection, { theirs: status, ours: status }).peer
      },
      feel: async () => undefined,
    })
    await loop.start()
    for (let second = 0; second < 60; second++) await clock.advance(1_000)
    stopping.abort()
    await loop.stop()
    return dialled.map((address) => address.replace(/\/p2p\/.*/, ''))
  }

  it('dials one of each network, however many it is told of: an eclipse needs many networks', async () => {
    const sybils = Array.from({ length: 200 }, (_, index) => `/ip4/66.66.1.${index}/tcp/18444`)
    const honest = ['/ip4/23.1.1.1/tcp/1', '/ip4/24.1.1.1/tcp/1', '/ip6/2a00:1::1/tcp/1']
    const dialled = await dialAll([...honest, ...sybils], 8)
    expect(dialled.filter((address) => address.startsWith('/ip4/66.66.'))).toHaveLength(1)
    expect(dialled).toEqual(expect.arrayContaining(honest))
  })

  it('dials no more than its target', async () => {
    const addresses = Array.from({ length: 40 }, (_, index) => `/ip4/${30 + index}.1.1.1/tcp/1`)
    expect(await dialAll(addresses, 8)).toHaveLength(8)
  })
})
