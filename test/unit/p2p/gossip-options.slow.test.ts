/** What gossipsub is told not to do as it would. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { createGossipOptions } from '../../../src/p2p/gossip-options.ts'
import { createProtocolNames, type Libp2pNetwork } from '../../../src/p2p/index.ts'
import { encodeGossipBlock } from '../../../src/p2p/message-codec.ts'
import {
  createRecorder,
  filledHash,
  type Recorder,
} from '../../compliance/peer-network-recorder.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import {
  encodeField,
  encodeGossipMessage,
  type HostilePeer,
  startHostilePeer,
} from '../../e2e/p2p-hostile-peer.support.ts'
import { createTestNetwork, pause, until } from './libp2p-support.ts'

const CHAIN = '0a0b0c0d'
const MINUTE_MS = 60_000
/** Gossipsub prunes what it has seen once a second. */
const HEARTBEAT_MS = 1_000

function encodeBlock(tag: number): Uint8Array {
  return encodeGossipBlock({ form: 'whole', bytes: new Uint8Array(100).fill(tag) })
}

describe('gossip', { timeout: 60_000 }, () => {
  const toStop: { stop(): Promise<void> }[] = []

  afterEach(async () => {
    vi.useRealTimers()
    await Promise.all(toStop.splice(0).map((node) => node.stop()))
  })

  async function startPair(): Promise<{
    network: Libp2pNetwork
    seen: Recorder
    hostile: HostilePeer
    send: (data: Uint8Array, extra?: readonly Uint8Array[]) => Promise<void>
  }> {
    const network = await createTestNetwork()
    const seen = createRecorder()
    toStop.push(network)
    await network.start(seen.handlers)
    const hostile = await startHostilePeer(CHAIN, {
      genesisHash: filledHash(0xee),
      tipHash: filledHash(0),
      tipHeight: 0,
      chainWork: 1n,
      userAgent: '/hostile/',
    })
    toStop.push(hostile)
    await hostile.dial(addressOf(network))
    // Until its gossip flows nobody hears anything.
    for (let tag = 200; seen.blocks.length === 0 && tag < 255; tag++) {
      await hostile.publish(hostile.names.blockTopic, encodeBlock(tag))
      await pause(100)
    }
    seen.blocks.length = 0
    const send = (data: Uint8Array, extra: readonly Uint8Array[] = []): Promise<void> =>
      hostile.sendGossip(network.selfId, encodeGossipMessage(hostile.names.blockTopic, data, extra))
    return { network, seen, hostile, send }
  }

  it('knows a message by topic and content, whoever sends it, without waiting', () => {
    const { msgIdFn } = createGossipOptions(createProtocolNames(CHAIN), true)
    const message = { type: 'unsigned', topic: 'a', data: Uint8Array.of(1, 2, 3) } as const
    const id = msgIdFn?.(message)
    // Not a promise: gossipsub would wait for one with every message.
    expect(id).toBeInstanceOf(Uint8Array)
    expect(msgIdFn?.({ ...message })).toEqual(id)
    expect(msgIdFn?.({ ...message, topic: 'b' })).not.toEqual(id)
    expect(msgIdFn?.({ ...message, data: Uint8Array.of(1, 2) })).not.toEqual(id)
  })

  it('takes no signed messages: one block could travel under many ids', async () => {
    const { seen, hostile, send } = await startPair()
    const signed = [
      encodeField(1, hostile.idBytes),
      encodeField(3, new Uint8Array(8).fill(1)),
      encodeField(5, new Uint8Array(9)),
    ]
    await send(encodeBlock(1), signed)
    await send(encodeBlock(2))
    await until(() => seen.blocks.length > 0, 'the unsigned one is heard')
    await pause(100)
    expect(seen.blocks.map(([{ bytes }]) => bytes[0])).toEqual([2])
  })

  it('looks at a replay once in ten minutes, not once in two', async () => {
    const { seen, send } = await startPair()
    await send(encodeBlock(1))
    await until(() => seen.blocks.length === 1, 'it is heard')
    // Gossipsub's memory goes by this clock, and by no timer.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 9 * MINUTE_MS })
    await pause(2 * HEARTBEAT_MS)
    await send(encodeBlock(1))
    await send(encodeBlock(2))
    await until(() => seen.blocks.length > 1, 'the other is heard')
    expect(seen.blocks.map(([{ bytes }]) => bytes[0])).toEqual([1, 2])
    vi.setSystemTime(Date.now() + 2 * MINUTE_MS)
    await pause(2 * HEARTBEAT_MS)
    await send(encodeBlock(1))
    await until(() => seen.blocks.length === 3, 'it is looked at again')
  })
})
