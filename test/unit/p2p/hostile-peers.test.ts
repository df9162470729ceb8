import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Libp2pNetwork } from '../../../src/p2p/index.ts'
import { GOSSIP_BYTE_QUOTA, GOSSIP_QUOTA, MAX_PENDING_INBOUND } from '../../../src/p2p/limits.ts'
import { encodeGossipBlock, encodeInv } from '../../../src/p2p/message-codec.ts'
import type { PeerStatus } from '../../../src/sync/index.ts'
import { concatBytes } from '../../../src/util/index.ts'
import {
  createRecorder,
  filledHash,
  type Recorder,
} from '../../compliance/peer-network-recorder.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import {
  encodeGossipMessage,
  type HostilePeer,
  startHostilePeer,
} from '../../e2e/p2p-hostile-peer.support.ts'
import {
  createFastClock,
  createRecordingLog,
  createTestNetwork,
  pause,
  type RecordingLog,
  type TestNetworkOptions,
  until,
} from './libp2p-support.ts'

const CHAIN = '0a0b0c0d'
const STATUS: PeerStatus = {
  genesisHash: filledHash(0xee),
  tipHash: filledHash(0),
  tipHeight: 0,
  chainWork: 1n,
  userAgent: '/hostile/',
}

/** What is no block, in a block's envelope. */
function encodeBlock(tag: number, size = 100): Uint8Array {
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setUint32(0, tag)
  return encodeGossipBlock({ form: 'whole', bytes })
}

describe('hostile peers', { timeout: 60_000 }, () => {
  const toStop: { stop(): Promise<void> }[] = []

  afterEach(async () => {
    await Promise.all(toStop.splice(0).map((node) => node.stop()))
  })

  async function startVictim(options: TestNetworkOptions = {}): Promise<{
    network: Libp2pNetwork
    seen: Recorder
    log: RecordingLog
  }> {
    const log = createRecordingLog()
    const network = await createTestNetwork({ log, ...options })
    const seen = createRecorder()
    toStop.push(network)
    await network.start(seen.handlers)
    return { network, seen, log }
  }

  async function startHostile(): Promise<HostilePeer> {
    const hostile = await startHostilePeer(CHAIN, STATUS)
    toStop.push(hostile)
    return hostile
  }

  /** An honest node connected to the victim can still have what it asks for. */
  async function expectServed(victim: Libp2pNetwork, seen: Recorder): Promise<void> {
    seen.data.set(1, Uint8Array.of(42))
    const { network } = await startVictim()
    await network.dialOnce(addressOf(victim))
    const items = [{ kind: 'tx', hash: filledHash(1) }] as const
    for await (const reply of network.requestData(victim.selfId, items)) {
      expect(reply.bytes).toEqual(Uint8Array.of(42))
    }
  }

  it.each([
    ['a frame of 2 GiB', 'data', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07)],
    ['a frame just too large', 'data', Uint8Array.of(0xff, 0xff, 0x7f)],
    ['garbage in a frame', 'data', Uint8Array.of(5, 1, 2, 3, 4, 5)],
    ['an empty frame', 'data', Uint8Array.of(0)],
    ['a frame of 2 GiB', 'sync', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07)],
    ['garbage in a frame', 'sync', Uint8Array.of(5, 1, 2, 3, 4, 5)],
    ['more than one frame', 'sync', new Uint8Array(20_000).fill(1)],
    ['a frame of 2 GiB', 'addr', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07)],
    ['garbage in a frame', 'addr', Uint8Array.of(5, 1, 2, 3, 4, 5)],
    ['more than one frame', 'addr', new Uint8Array(20_000).fill(1)],
  ] as const)('cuts off a peer that sends %s on the %s stream', async (_, protocol, bytes) => {
    const { network, seen } = await startVictim({ isDiscovering: true })
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    expect(network.peers()).toHaveLength(1)
    const stream = await hostile.open(connection, hostile.names[`${protocol}Protocol`])
    stream.send(bytes)
    await until(() => connection.status !== 'open', 'cut off')
    expect(network.peers()).toEqual([])
    await expect(hostile.dial(addressOf(network))).rejects.toThrow()
    await expectServed(network, seen)
  })

  it('cuts streams that dribble and still serves others', async () => {
    const { network, seen } = await startVictim({ clock: createFastClock(5) })
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    const streams = await Promise.all(
      [1, 2].flatMap(() => [
        hostile.open(connection, hostile.names.dataProtocol),
        hostile.open(connection, hostile.names.syncProtocol),
      ]),
    )
    for (const stream of streams) stream.send(Uint8Array.of(100))
    const dribble = setInterval(() => {
      for (const stream of streams) if (stream.status === 'open') stream.send(Uint8Array.of(1))
    }, 50)
    try {
      await expectServed(network, seen)
      await until(
        () => streams.every((stream) => stream.status !== 'open'),
        'streams are cut',
        3_000,
      )
    } finally {
      clearInterval(dribble)
    }
  })

  it('limits the streams that one peer may have open', async () => {
    const { network } = await startVictim()
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    const opened = await Promise.allSettled(
      Array.from({ length: 40 }, () => hostile.open(connection, hostile.names.dataProtocol)),
    )
    await pause(200)
    const open = opened.filter(
      (result) => result.status === 'fulfilled' && result.value.status === 'open',
    )
    expect(open.length).toBeGreaterThan(0)
    expect(open.length).toBeLessThanOrEqual(4)
  })

  it('serves others while one peer opens streams and says nothing', async () => {
    const { network, seen } = await startVictim()
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    const opening = Array.from({ length: 300 }, () =>
      hostile.open(connection, hostile.names.syncProtocol),
    )
    const opened = Promise.allSettled(opening)
    await expectServed(network, seen)
    const kept = (await opened).filter(
      (result) => result.status === 'fulfilled' && result.value.status === 'open',
    )
    expect(kept.length).toBeLessThanOrEqual(4)
  })

  it('lets newcomers in past any number of sockets that say nothing', async () => {
    const { network, seen } = await startVictim()
    const port = Number(/\/tcp\/(\d+)/.exec(addressOf(network))?.[1])
    const sockets = Array.from({ length: 400 }, () => connect(port, '127.0.0.1'))
    const opened = sockets.map((socket) => {
      socket.on('error', () => undefined)
      return Promise.race([once(socket, 'connect'), once(socket, 'close')])
    })
    try {
      await Promise.all(opened)
      await expectServed(network, seen)
      const isOpen = (socket: Socket): boolean => socket.readyState === 'open'
      expect(sockets.filter(isOpen).length).toBeLessThanOrEqual(MAX_PENDING_INBOUND)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })

  it('closes a connection on which nobody shakes hands, and ignores its gossip', async () => {
    const { network, seen } = await startVictim({ clock: createFastClock(5) })
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network), { silent: true })
    await hostile.publish(hostile.names.blockTopic, Uint8Array.of(1, 2, 3))
    await until(() => connection.status !== 'open', 'closed', 5_000)
    expect(seen.blocks).toEqual([])
    expect(seen.statuses).toEqual([])
  })

  it('serves nothing before the handshake', async () => {
    const { network, seen } = await startVictim({ clock: createFastClock(5) })
    seen.headers = []
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network), { silent: true })
    const stream = await hostile.open(connection, hostile.names.syncProtocol)
    stream.send(Uint8Array.of(2, 0x12, 0)) // An empty GETHEADERS.
    await until(() => connection.status !== 'open', 'closed', 5_000)
    expect(seen.locators).toEqual([])
  })

  it('ignores an INV in the name of somebody else', async () => {
    const { network, seen } = await startVictim()
    const hostile = await startHostile()
    await hostile.dial(addressOf(network))
    const items = [{ kind: 'tx', hash: filledHash(7) }] as const
    const other = Uint8Array.from(hostile.idBytes).fill(9, 10)
    await hostile.publish(hostile.names.invTopic, encodeInv(other, new Uint8Array(8), items))
    // Again until it is heard: the victim may know the connection later than the hostile peer does.
    for (let salt = 0; salt < 100 && seen.announcements.length === 0; salt++) {
      const inv = encodeInv(hostile.idBytes, new Uint8Array(8).fill(salt), items)
      await hostile.publish(hostile.names.invTopic, inv)
      await pause(100)
    }
    expect(seen.announcements[0]).toEqual([items, hostile.id])
    for (const [, from] of seen.announcements) expect(from).toBe(hostile.id)
    expect(network.gossipScore(hostile.id)).toBeGreaterThanOrEqual(0)
  })

  it('lowers the score for a rejected block and cuts off who goes on', async () => {
    const { network, seen } = await startVictim()
    seen.blockVerdict = 'reject'
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    // Gossipsub counts from the moment that it knows the peer too, which may be later than we do.
    let tag = 0
    for (; tag < 50 && network.gossipScore(hostile.id) >= 0; tag++) {
      await hostile.publish(hostile.names.blockTopic, encodeBlock(tag))
      await pause(100)
    }
    expect(network.gossipScore(hostile.id)).toBeLessThan(0)
    expect(network.peers()).toHaveLength(1)
    for (const end = tag + 4; tag < end; tag++) {
      await hostile.publish(hostile.names.blockTopic, encodeBlock(tag))
    }
    await until(() => connection.status !== 'open', 'cut off')
    expect(seen.gone).toEqual([hostile.id])
    await expect(hostile.dial(addressOf(network))).rejects.toThrow()
  })

  it('bears with useless blocks of a megabyte for a while, then cuts off', async () => {
    const { network, seen } = await startVictim()
    seen.blockVerdict = 'ignore'
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    const startedAt = performance.now()
    let sent = 0
    for (; sent < 400 && connection.status === 'open'; sent++) {
      const message = encodeBlock(sent, 1_000_000)
      await hostile.publish(hostile.names.blockTopic, message).catch(() => undefined)
      await pause(5)
    }
    // A machine that is too slow to send more than the quota has nothing to be cut off for.
    const seconds = (performance.now() - startedAt) / 1_000
    const allowed = GOSSIP_BYTE_QUOTA.burst + seconds * GOSSIP_BYTE_QUOTA.perSecond
    if (sent === 400 && sent * 1_000_000 < allowed + 10_000_000) return
    // What was sent is not read yet on a busy machine.
    await until(() => connection.status !== 'open', 'cut off', 30_000)
    expect(sent).toBeGreaterThan(GOSSIP_BYTE_QUOTA.burst / 1_000_000)
    await expect(hostile.dial(addressOf(network))).rejects.toThrow()
  })

  it('rejects a malformed INV', async () => {
    const { network, seen } = await startVictim()
    const hostile = await startHostile()
    await hostile.dial(addressOf(network))
    await hostile.publish(hostile.names.invTopic, Uint8Array.of(1, 2, 3))
    await until(() => network.gossipScore(hostile.id) < 0, 'score is lower')
    expect(seen.announcements).toEqual([])
  })

  it('hangs up on a peer whose gossip broke, which gossipsub would keep for ever', async () => {
    // Not faster: on a busy machine gossip would count as mute before it flowed at all.
    const { network, log } = await startVictim({ clock: createFastClock(2) })
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    // Above our limit for one gossip message, below the sender's.
    expect(await hostile.publish(hostile.names.blockTopic, new Uint8Array(3_000_000))).toBe(1)
    await until(() => connection.status !== 'open', 'hung up', 20_000)
    expect(log.lines.some(({ fields }) => fields?.['reason'] === 'gossip does not flow')).toBe(true)
    await hostile.dial(addressOf(network))
    expect(network.peers()).toHaveLength(1)
  })

  it('cuts off a peer that floods it with gossip', async () => {
    // A slow clock makes for a fast sender: no machine sends thousands a second for long.
    const { network, seen } = await startVictim({ clock: createFastClock(0.05) })
    seen.blockVerdict = 'ignore'
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    for (let tag = 0; tag < 6_000 && connection.status === 'open'; tag++) {
      await hostile.publish(hostile.names.blockTopic, encodeBlock(tag))
    }
    await until(() => connection.status !== 'open', 'cut off')
    expect(seen.blocks.length).toBeGreaterThanOrEqual(GOSSIP_QUOTA.burst)
    expect(seen.blocks.length).toBeLessThan(2 * GOSSIP_QUOTA.burst)
  })

  it('cuts off a peer that repeats itself, which gossipsub would bear with', async () => {
    const { network, seen } = await startVictim()
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    const message = encodeGossipMessage(hostile.names.blockTopic, encodeBlock(1))
    const rpc = concatBytes(...Array.from({ length: 400 }, () => message))
    for (let count = 0; count < 20 && connection.status === 'open'; count++) {
      await hostile.sendGossip(network.selfId, rpc)
      await pause(20)
    }
    await until(() => connection.status !== 'open', 'cut off')
    expect(seen.blocks.length).toBeLessThanOrEqual(1)
    await expect(hostile.dial(addressOf(network))).rejects.toThrow()
  })

  it('bears with one whose blocks are found by the hundred a second', async () => {
    const { network, seen } = await startVictim()
    seen.blockVerdict = 'ignore'
    const miner = await startHostile()
    const connection = await miner.dial(addressOf(network))
    // Bursts with rests between them never add up, however many there are.
    for (let tag = 0; tag < 4_000; tag++) {
      await miner.publish(miner.names.blockTopic, encodeBlock(tag))
      if (tag % 1_000 === 999) await pause(500)
    }
    await until(
      () => seen.blocks.length >= GOSSIP_QUOTA.burst,
      'as many looked at as may be',
      30_000,
    )
    expect(connection.status).toBe('open')
  })

  it('does not let its log be flooded', async () => {
    const { network, log } = await startVictim()
    const hostile = await startHostile()
    const connection = await hostile.dial(addressOf(network))
    for (let count = 0; count < 100; count++) {
      const stream = await hostile.open(connection, hostile.names.dataProtocol)
      await stream.close()
      stream.abort(new TypeError('never mind'))
    }
    await pause(100)
    expect(log.lines.length).toBeLessThan(40)
  })
})
