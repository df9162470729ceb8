import { type Connection, TypedEventEmitter } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { generateIdentity, type Libp2pNetwork } from '../../../src/p2p/index.ts'
import { systemRandom } from '../../../src/platform/system.ts'
import {
  createRecorder,
  filledHash,
  type Recorder,
} from '../../compliance/peer-network-recorder.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import {
  createRecordingLog,
  createTestNetwork,
  type Libp2pInside,
  pause,
  type TestNetworkOptions,
  until,
} from './libp2p-support.ts'

describe('createLibp2pNetwork', { timeout: 20_000 }, () => {
  const toStop: Libp2pNetwork[] = []

  afterEach(async () => {
    await Promise.all(toStop.splice(0).map((network) => network.stop()))
  })

  async function start(
    options: TestNetworkOptions = {},
    seen: Recorder = createRecorder(),
  ): Promise<{ network: Libp2pNetwork; seen: Recorder }> {
    const network = await createTestNetwork(options)
    toStop.push(network)
    await network.start(seen.handlers)
    return { network, seen }
  }

  it('keeps slots for outbound peers when inbound ones come in', async () => {
    const { network } = await start({ maxPeers: 4, outboundTarget: 2 })
    const others = await Promise.all([1, 2, 3].map(() => start()))
    await Promise.allSettled(others.map((other) => other.network.dialOnce(addressOf(network))))
    await until(() => network.peers().length === 2, 'two are in')
    await pause(200)
    expect(network.peers()).toHaveLength(2)
    expect(others.filter((other) => other.network.peers().length === 1)).toHaveLength(2)
    const { network: fourth } = await start()
    await network.dialOnce(addressOf(fourth))
    expect(network.peers()).toHaveLength(3)
  })

  it('does not dial a peer again by a ping that comes while the connection is closing', async () => {
    const log = createRecordingLog()
    const [{ network }, { network: other }] = [await start({ log }), await start()]
    await network.dialOnce(addressOf(other))
    // By then libp2p knows where the other can be dialled.
    await until(() => network.peers().every(({ pingMs }) => pingMs !== undefined), 'pinged')
    let isClosing = true
    const closing = network.disconnect(other.selfId, 'test').finally(() => {
      isClosing = false
    })
    // At every moment of it, until the table knows the peer no more.
    while (isClosing) {
      network.control.pingAll()
      await pause(0)
    }
    await closing
    await until(() => other.peers().length === 0, 'the other has seen it')
    await pause(300)
    expect(network.peers()).toEqual([])
    expect(log.lines.filter(({ message }) => message === 'Peer connected')).toHaveLength(1)
  })

  it('lets a newcomer in when all inbound slots are taken, and keeps who is of use', async () => {
    const { network, seen } = await start({ maxPeers: 12, outboundTarget: 4 })
    const { network: outbound } = await start()
    await network.dialOnce(addressOf(outbound))
    const others: Libp2pNetwork[] = []
    for (let index = 0; index < 8; index++) {
      const { network: other } = await start()
      await other.dialOnce(addressOf(network))
      others.push(other)
    }
    await until(() => network.peers().length === 9, 'all slots are taken')
    const useful = others[7]?.selfId ?? ''
    network.credit(useful, 'block')
    for (let round = 0; round < 4; round++) {
      const { network: newcomer } = await start()
      await newcomer.dialOnce(addressOf(network))
      await until(() => network.peers().length === 9, 'one has gone')
      expect(network.peers().map(({ id }) => id)).toContain(newcomer.selfId)
    }
    expect(seen.gone).toHaveLength(4)
    expect(seen.gone).not.toContain(useful)
    expect(seen.gone).not.toContain(outbound.selfId)
  })

  it('finds a node again that comes back with its identity and its port', async () => {
    const identity = await generateIdentity(systemRandom)
    const { network, seen } = await start()
    const first = await start({ identity })
    const address = addressOf(first.network)
    network.connect(address)
    await until(() => network.peers().length === 1, 'connected')
    await first.network.stop()
    await until(() => seen.gone.length === 1, 'gone')
    const begin = performance.now()
    const second = await start({ identity, listen: address.replace(/\/p2p\/.*/, '') })
    await until(() => network.peers().length === 1, 'connected again')
    expect(performance.now() - begin).toBeLessThan(5_000)
    await until(() => second.network.peers().length === 1, 'connected from the other side')
    await gossipArrives(network, second.seen)
  })

  it.each([0, 1])('gossips on when connection %i of two is cut', async (index) => {
    let inside: Libp2pInside | undefined
    const onAssembled = (components: Libp2pInside): void => {
      inside = components
    }
    const [a, b] = [await start({ onAssembled }), await start()]
    const connections = (): readonly Connection[] =>
      inside?.connectionManager.getConnections() ?? []
    await Promise.all([
      a.network.dialOnce(addressOf(b.network)),
      b.network.dialOnce(addressOf(a.network)),
    ])
    await pause(300)
    await gossipArrives(a.network, b.seen)
    expect(connections()).toHaveLength(2)
    connections()[index]?.abort(new TypeError('cut'))
    await until(() => connections().length === 1, 'one is left')
    await gossipArrives(a.network, b.seen)
    await gossipArrives(b.network, a.seen)
    expect([...a.seen.gone, ...b.seen.gone]).toEqual([])
  })

  it('lets many dial at once from one address, and blames none for that nor for having no blocks', {
    timeout: 60_000,
  }, async () => {
    const { network: hub } = await start({ maxPeers: 30, outboundTarget: 0 })
    const leaves = await Promise.all(Array.from({ length: 12 }, () => start()))
    await Promise.all(leaves.map(({ network }) => network.dialOnce(addressOf(hub))))
    await until(() => hub.peers().length === leaves.length, 'all are in')
    // From its fifth second in a mesh on gossipsub would expect deliveries.
    await pause(7_500)
    const scores = leaves.map(({ network }) => hub.gossipScore(network.selfId))
    expect(scores.filter((score) => score < 0)).toEqual([])
    const [first, ...others] = leaves
    const haveAllHeard = (): boolean => others.every(({ seen }) => seen.blocks.length > 0)
    // Gossip promises nothing of a single message: a leaf that a busy hub has pruned hears by chance.
    for (let attempt = 0; attempt < 20 && !haveAllHeard(); attempt++) {
      const bytes = crypto.getRandomValues(new Uint8Array(90))
      await first?.network.publishBlock({ form: 'whole', bytes })
      await pause(500)
    }
    expect(haveAllHeard()).toBe(true)
  })

  it('publishes while it is alone, and the same block twice, without a warning', async () => {
    const log = createRecordingLog()
    const { network } = await start({ log })
    const message = { form: 'whole', bytes: new Uint8Array(90) } as const
    await network.publishBlock(message)
    const { network: other, seen } = await start()
    await other.dialOnce(addressOf(network))
    await gossipArrives(network, seen)
    const again = seen.blocks.at(-1)?.[0] ?? message
    await network.publishBlock(again)
    await network.publishBlock(again)
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([])
  })

  it('blames nobody for a handler of ours that throws, and says so', async () => {
    const log = createRecordingLog()
    const network = await createTestNetwork({ log })
    toStop.push(network)
    const onAnnouncements = (): never => {
      throw new TypeError('ours')
    }
    await network.start({ ...createRecorder().handlers, onAnnouncements })
    const { network: other } = await start()
    await other.dialOnce(addressOf(network))
    const isTold = (): boolean =>
      log.lines.some(({ message }) => message === 'A gossip validator threw')
    for (let attempt = 0; attempt < 50 && !isTold(); attempt++) {
      await other.publishAnnouncements([{ kind: 'tx', hash: filledHash(1) }])
      await pause(100)
    }
    expect(isTold()).toBe(true)
    expect(network.gossipScore(other.selfId)).toBeGreaterThanOrEqual(0)
  })

  it('tells a peer again when the tip moved before gossip flowed', async () => {
    const a = createRecorder()
    const handlers = {
      ...a.handlers,
      onPeerStatus: () => {
        a.tipHeight = 9
      },
    }
    const network = await createTestNetwork()
    toStop.push(network)
    await network.start(handlers)
    const { network: other, seen } = await start()
    await network.dialOnce(addressOf(other))
    await until(() => seen.statuses.length === 2, 'told again')
    expect(other.peers()[0]?.status.tipHeight).toBe(9)
    expect(seen.statuses[1]).toEqual([network.selfId, false])
  })

  it('measures the round trip and counts traffic', async () => {
    const [a, b] = [await start(), await start()]
    await a.network.dialOnce(addressOf(b.network))
    await until(() => a.network.peers()[0]?.pingMs !== undefined, 'pinged', 4_000)
    b.seen.data.set(1, new Uint8Array(10_000))
    const items = [{ kind: 'block', hash: filledHash(1) }] as const
    for await (const reply of a.network.requestData(b.network.selfId, items)) {
      expect(reply.bytes).toHaveLength(10_000)
    }
    const [peer] = a.network.peers()
    expect(peer?.bytesReceived).toBeGreaterThan(10_000)
    expect(peer?.bytesSent).toBeGreaterThan(30)
    expect(peer?.lastReceiveMs).toBeGreaterThan(Date.now() - 10_000)
  })

  it('leaves no stream behind after requests', async () => {
    let inside: Libp2pInside | undefined
    const onAssembled = (components: Libp2pInside): void => {
      inside = components
    }
    const [a, b] = [await start({ onAssembled }), await start()]
    await a.network.dialOnce(addressOf(b.network))
    const ask = async (count: number): Promise<void> => {
      const items = Array.from({ length: count }, (_, index) => ({
        kind: 'tx' as const,
        hash: filledHash(index),
      }))
      for await (const reply of a.network.requestData(b.network.selfId, items)) {
        if (count === 3) expect(reply.bytes).toBeUndefined()
        else break
      }
    }
    for (let round = 0; round < 30; round++) {
      await Promise.all([
        a.network.requestHeaders(b.network.selfId, [], undefined),
        a.network.exchangeStatus(b.network.selfId),
        ask(3),
        ask(5),
      ])
    }
    const ours = (): number =>
      inside?.connectionManager
        .getConnections()
        .flatMap(({ streams }) => streams)
        .filter(({ protocol }) => protocol.startsWith('/quarry/0a0b0c0d/')).length ?? -1
    await until(() => ours() === 0, 'all are closed', 3_000)
  })

  it('dials what discovery finds, up to its target', async () => {
    const others = await Promise.all([1, 2, 3].map(() => start()))
    const discovery = new TypedEventEmitter()
    const { network } = await start({
      outboundTarget: 2,
      peerDiscovery: [() => discovery as never],
    })
    for (const { network: other } of others) {
      const detail = {
        id: peerIdFromString(other.selfId),
        multiaddrs: [multiaddr(addressOf(other))],
      }
      discovery.dispatchEvent(new CustomEvent('peer', { detail }))
    }
    await until(() => network.peers().length === 2, 'two are dialled')
    await pause(1_300)
    expect(network.peers()).toHaveLength(2)
  })

  it('refuses nonsense', async () => {
    const { network } = await start()
    expect(() => network.connect('not an address')).toThrow('not a multiaddr')
    await expect(network.dialOnce('')).rejects.toMatchObject({ code: 'invalid-address' })
    await expect(network.dialOnce(addressOf(network))).rejects.toMatchObject({
      code: 'dial-failed',
    })
    await network.disconnect('nobody', 'test')
    const idle = await createTestNetwork()
    await expect(idle.dialOnce('/ip4/127.0.0.1/tcp/1')).rejects.toMatchObject({
      code: 'not-running',
    })
    await idle.stop()
    expect(idle.addresses()).toEqual([])
  })

  it('leaves no socket and no timer behind', async () => {
    const before = await countSettledHandles()
    const log = createRecordingLog()
    const [a, b] = [await start({ log }), await start({ log })]
    a.network.connect(addressOf(b.network))
    a.network.connect('/ip4/127.0.0.1/tcp/1')
    await until(() => b.network.peers().length === 1, 'connected')
    expect(countHandles()).toBeGreaterThan(before)
    await Promise.all([a.network.stop(), b.network.stop()])
    expect(log.lines.map(({ message }) => message)).not.toContain('libp2p was slow to stop')
    await until(() => countHandles() <= before, 'all is closed', 30_000)
  })
})

/** Sockets and timers that keep the process alive. */
function countHandles(): number {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kind.startsWith('TCP') || kind === 'Timeout').length
}

/** Counts them once those of earlier tests, whose sockets close a little later, are gone. */
async function countSettledHandles(): Promise<number> {
  let count = countHandles()
  for (let same = 0, round = 0; same < 10 && round < 300; round++) {
    await pause(50)
    same = countHandles() === count ? same + 1 : 0
    count = countHandles()
  }
  return count
}

/** Publishes a new block each time until one arrives: gossip may still be on its way up. */
async function gossipArrives(from: Libp2pNetwork, seen: Recorder): Promise<void> {
  const before = seen.blocks.length
  for (let attempt = 0; attempt < 20 && seen.blocks.length === before; attempt++) {
    await from.publishBlock({ form: 'whole', bytes: crypto.getRandomValues(new Uint8Array(90)) })
    await pause(100)
  }
  expect(seen.blocks.length).toBeGreaterThan(before)
}
