import { afterEach, describe, expect, it } from 'vitest'
import type { Libp2pNetwork } from '../../../src/p2p/index.ts'
import { createRecorder } from '../../compliance/peer-network-recorder.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import { createMemoryNodeStore } from '../../support/memory-store.ts'
import { createRegtestNode, type RegtestNode } from '../../support/regtest-node.ts'
import {
  createTestNetwork,
  systemClock,
  type TestNetworkOptions,
  until,
} from '../p2p/libp2p-support.ts'

const DAY_SECONDS = 86_400
const toStop: Libp2pNetwork[] = []

afterEach(async () => {
  await Promise.all(toStop.splice(0).map((network) => network.stop()))
})

interface Controlled {
  readonly network: Libp2pNetwork
  readonly rpc: RegtestNode
}

/** RPC over a real network on loopback. */
async function start(options: TestNetworkOptions = {}): Promise<Controlled> {
  const network = await createTestNetwork(options)
  toStop.push(network)
  await network.start(createRecorder().handlers)
  const context = { network, peers: network.control, clock: systemClock }
  const rpc = await createRegtestNode({ context })
  return { network, rpc }
}

async function startPair(): Promise<[Controlled, Controlled]> {
  const [a, b] = [await start(), await start()]
  await a.network.dialOnce(addressOf(b.network))
  await until(() => b.network.peers().length === 1, 'both are peers')
  return [a, b]
}

describe('setban', { timeout: 20_000 }, () => {
  it('disconnects whom it hits and refuses them until it is taken back', async () => {
    const [a, b] = await startPair()
    expect(await b.rpc.call('setban', '127.0.0.1/24', 'add', 3_600)).toBeNull()
    await until(() => a.network.peers().length + b.network.peers().length === 0, 'cut')
    await expect(a.network.dialOnce(addressOf(b.network))).rejects.toThrow()
    expect(b.network.peers()).toEqual([])
    // Nor does whoever bans dial there.
    await expect(b.network.dialOnce(addressOf(a.network))).rejects.toThrow()
    expect(await b.rpc.call('setban', '127.0.0.1/24', 'remove')).toBeNull()
    await a.network.dialOnce(addressOf(b.network))
    await until(() => b.network.peers().length === 1, 'in again')
  })

  it('refuses a peer by its id, wherever it comes from', async () => {
    const [a, b] = await startPair()
    await b.rpc.call('setban', a.network.selfId, 'add')
    await until(() => b.network.peers().length === 0, 'cut')
    await a.network.dialOnce(addressOf(b.network)).catch(() => undefined)
    expect(b.network.peers()).toEqual([])
    const c = await start()
    await c.network.dialOnce(addressOf(b.network))
    await until(() => b.network.peers().length === 1, 'another is let in')
  })

  it('is kept over a restart', async () => {
    const stores = { bans: createMemoryNodeStore().namespace('ban') }
    const first = await start({ stores })
    await first.rpc.call('setban', '127.0.0.0/8', 'add', 3_600)
    await first.network.stop()
    const second = await start({ stores })
    expect(await second.rpc.call('listbanned')).toMatchObject([{ address: '127.0.0.0/8' }])
    const other = await start()
    await expect(other.network.dialOnce(addressOf(second.network))).rejects.toThrow()
    await second.rpc.call('clearbanned')
    await other.network.dialOnce(addressOf(second.network))
  })

  it('lists bans with the times that Bitcoin Core gives', async () => {
    const { rpc } = await createLonely()
    const now = Math.trunc(rpc.clock.now() / 1_000)
    await rpc.call('setban', '192.0.2.7', 'add')
    await rpc.call('setban', '2001:db8::/32', 'add', now + 50, true)
    rpc.clock.set(now + 10)
    expect(await rpc.call('listbanned')).toEqual([
      {
        address: '192.0.2.7/32',
        ban_created: now,
        banned_until: now + DAY_SECONDS,
        ban_duration: DAY_SECONDS,
        time_remaining: DAY_SECONDS - 10,
        quarry_reason: 'manually added',
        quarry_manual: true,
      },
      {
        address: '2001:db8::/32',
        ban_created: now,
        banned_until: now + 50,
        ban_duration: 50,
        time_remaining: 40,
        quarry_reason: 'manually added',
        quarry_manual: true,
      },
    ])
    expect(await rpc.call('clearbanned')).toBeNull()
    expect(await rpc.call('listbanned')).toEqual([])
  })

  it("refuses in Bitcoin Core's words", async () => {
    const { rpc } = await createLonely()
    expect(await rpc.refusal('setban', '127.0.0.1/42', 'add')).toBe('-30 Error: Invalid IP/Subnet')
    await rpc.call('setban', '192.0.2.0/24', 'add')
    expect(await rpc.refusal('setban', '192.0.2.7', 'add')).toBe(
      '-23 Error: IP/Subnet already banned',
    )
    expect(await rpc.refusal('setban', '192.0.3.7', 'add', 1, true)).toBe(
      '-8 Error: Absolute timestamp is in the past',
    )
    expect(await rpc.refusal('setban', '192.0.3.7', 'remove')).toBe(
      '-30 Error: Unban failed. Requested address/subnet was not previously manually banned.',
    )
    expect(await rpc.refusal('setban', '192.0.3.7', 'ban')).toMatch(/^-1 setban "subnet" "command"/)
  })

  async function createLonely(): Promise<{ rpc: RegtestNode }> {
    return { rpc: await createRegtestNode() }
  }
})

describe('disconnectnode', { timeout: 20_000 }, () => {
  it.each(['address', 'id', 'peer id'])('finds a peer by its %s', async (by) => {
    const [a, b] = await startPair()
    const [peer] = await b.rpc.call('getpeerinfo')
    if (by === 'address') await b.rpc.call('disconnectnode', peer.addr)
    else if (by === 'id') await b.rpc.call('disconnectnode', '', peer.id)
    else await b.rpc.call('disconnectnode', peer.quarry_peer_id)
    await until(() => a.network.peers().length + b.network.peers().length === 0, 'cut')
  })

  it("refuses in Bitcoin Core's words", async () => {
    const rpc = await createRegtestNode()
    const missing = '-29 Node not found in connected nodes'
    expect(await rpc.refusal('disconnectnode', '127.0.0.1:1')).toBe(missing)
    expect(await rpc.refusal('disconnectnode', '')).toBe(missing)
    expect(await rpc.refusal('disconnectnode', '', 7)).toBe(missing)
    const both = '-32602 Only one of address and nodeid should be provided.'
    expect(await rpc.refusal('disconnectnode', '127.0.0.1:1', 1)).toBe(both)
    expect(await rpc.refusal('disconnectnode')).toBe(both)
  })
})

describe('getaddednodeinfo', { timeout: 20_000 }, () => {
  it('tells which of the kept nodes are connected', async () => {
    const [a, b] = [await start(), await start()]
    await a.rpc.call('addnode', addressOf(b.network), 'add')
    await a.rpc.call('addnode', '127.0.0.1:1', 'add')
    await until(() => a.network.peers().length === 1, 'connected')
    const [peer] = await a.rpc.call('getpeerinfo')
    expect(peer.connection_type).toBe('manual')
    expect(await a.rpc.call('getaddednodeinfo')).toEqual([
      {
        addednode: addressOf(b.network),
        connected: true,
        addresses: [{ address: peer.addr, connected: 'outbound' }],
      },
      { addednode: '/ip4/127.0.0.1/tcp/1', connected: false, addresses: [] },
    ])
    expect(await a.rpc.call('getaddednodeinfo', '127.0.0.1:1')).toHaveLength(1)
    expect(await a.rpc.refusal('getaddednodeinfo', '127.0.0.1:2')).toBe(
      '-24 Error: Node has not been added.',
    )
    await a.rpc.call('addnode', '127.0.0.1:1', 'remove')
    expect(await a.rpc.call('getaddednodeinfo')).toHaveLength(1)
  })
})

describe('setnetworkactive', { timeout: 20_000 }, () => {
  it('cuts everybody off, and lets them in again', async () => {
    const [a, b] = await startPair()
    expect(await b.rpc.call('setnetworkactive', false)).toBe(false)
    await until(() => a.network.peers().length + b.network.peers().length === 0, 'cut')
    expect((await b.rpc.call('getnetworkinfo')).networkactive).toBe(false)
    await expect(a.network.dialOnce(addressOf(b.network))).rejects.toThrow()
    await expect(b.network.dialOnce(addressOf(a.network))).rejects.toMatchObject({
      code: 'inactive',
    })
    expect(await b.rpc.call('setnetworkactive', true)).toBe(true)
    await a.network.dialOnce(addressOf(b.network))
  })
})

describe('traffic', { timeout: 20_000 }, () => {
  it('is counted by message, and in all over peers that have gone', async () => {
    const [a, b] = await startPair()
    await a.network.exchangeStatus(b.network.selfId)
    await a.network.requestHeaders(b.network.selfId, [], undefined)
    for await (const reply of a.network.requestData(b.network.selfId, [
      { kind: 'block', hash: new Uint8Array(32) },
    ])) {
      expect(reply.bytes).toBeUndefined()
    }
    await a.network.publishAnnouncements([{ kind: 'tx', hash: new Uint8Array(32) }])
    await a.rpc.call('ping')
    await until(
      () => a.network.control.details(b.network.selfId)?.minPingMs !== undefined,
      'pinged',
    )
    const [ofA] = await a.rpc.call('getpeerinfo')
    expect(Object.keys(ofA.bytessent_per_msg).sort()).toEqual([
      'getdata',
      'getheaders',
      'inv',
      'status',
    ])
    expect(Object.keys(ofA.bytesrecv_per_msg).sort()).toEqual(['data', 'headers', 'status'])
    // libp2p counts whole milliseconds.
    expect(ofA.minping).toBeGreaterThanOrEqual(0)
    const sum = (record: Record<string, number>) =>
      Object.values(record).reduce((total, size) => total + size, 0)
    expect(sum(ofA.bytessent_per_msg)).toBe(ofA.bytessent)
    expect(sum(ofA.bytesrecv_per_msg)).toBe(ofA.bytesrecv)
    const [ofB] = await b.rpc.call('getpeerinfo')
    expect(Object.keys(ofB.bytesrecv_per_msg)).toEqual(
      expect.arrayContaining(['getdata', 'getheaders', 'status']),
    )
    const before = await a.rpc.call('getnettotals')
    expect(before.totalbytessent).toBeGreaterThanOrEqual(ofA.bytessent)
    await a.rpc.call('disconnectnode', '', 0)
    expect(await a.rpc.call('getconnectioncount')).toBe(0)
    const after = await a.rpc.call('getnettotals')
    expect(after.totalbytessent).toBeGreaterThanOrEqual(before.totalbytessent)
  })
})
