import '../../../src/platform/nodejs/polyfills.ts'
import type { Connection } from '@libp2p/interface'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeAddr, encodeAddr, encodeGetAddr } from '../../../src/p2p/addr-codec.ts'
import { FrameStream } from '../../../src/p2p/frame-stream.ts'
import { decodeIdentity } from '../../../src/p2p/identity.ts'
import { generateIdentity, type Libp2pNetwork } from '../../../src/p2p/index.ts'
import type { Node } from '../../../src/p2p/libp2p-node.ts'
import {
  ADDR_QUOTA,
  MAX_ADDR_RECORDS,
  MAX_ADDR_SIZE,
  MAX_PEER_RECORD_SIZE,
  MAX_RECORD_ADDRESSES,
} from '../../../src/p2p/limits.ts'
import { certifyPeerRecord, sealPeerRecord } from '../../../src/p2p/peer-records.ts'
import { systemRandom } from '../../../src/platform/system.ts'
import { createRecorder } from '../../compliance/peer-network-recorder.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import {
  createTestNetwork,
  type Libp2pInside,
  type TestNetworkOptions,
  until,
} from './libp2p-support.ts'

const DOMAIN = '/quarry/0a0b0c0d/peer-record/1'
const PROTOCOL = '/quarry/0a0b0c0d/addr/1'
const ADDRESSES = ['/ip4/127.0.0.1/tcp/18444']

async function seal(addresses = ADDRESSES, domain = DOMAIN): Promise<Uint8Array> {
  const identity = decodeIdentity(await generateIdentity(systemRandom))
  const record = await sealPeerRecord(identity, domain, addresses, Date.now())
  if (record === undefined) throw new TypeError('it is small enough')
  return record
}

describe('certifyPeerRecord', () => {
  it('reads what was sealed, without the peer ids in its addresses', async () => {
    const identity = await generateIdentity(systemRandom)
    const bytes = await sealPeerRecord(
      decodeIdentity(identity),
      DOMAIN,
      [`${ADDRESSES[0]}/p2p/12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo`],
      1_700_000_000_000,
    )
    expect(await certifyPeerRecord(bytes ?? new Uint8Array(0), DOMAIN)).toMatchObject({
      addresses: ADDRESSES,
      recordedAtMs: 1_700_000_000_000,
    })
  })

  it('refuses a record of another chain', async () => {
    const record = await seal(ADDRESSES, '/quarry/ffffffff/peer-record/1')
    await expect(certifyPeerRecord(record, DOMAIN)).rejects.toMatchObject({ name: 'DecodeError' })
  })

  it('refuses a record that says something else than was signed', async () => {
    const record = await seal()
    const { bytes: _, ...said } = await certifyPeerRecord(record, DOMAIN)
    let refused = 0
    for (let index = 0; index < record.length; index += 3) {
      const changed = Uint8Array.from(record)
      changed[index] = (changed[index] ?? 0) ^ 1
      try {
        // Some bits of the envelope mean nothing.
        expect(await certifyPeerRecord(changed, DOMAIN)).toMatchObject(said)
      } catch (error) {
        expect(error).toMatchObject({ name: 'DecodeError' })
        refused++
      }
    }
    expect(refused).toBeGreaterThan(0.9 * (record.length / 3))
  })

  it('makes and takes no more addresses than there may be, and no larger records', async () => {
    const many = Array.from({ length: 20 }, (_, index) => `/ip4/1.2.3.${index}/tcp/1`)
    const { addresses } = await certifyPeerRecord(await seal(many), DOMAIN)
    expect(addresses).toHaveLength(MAX_RECORD_ADDRESSES)
    const identity = decodeIdentity(await generateIdentity(systemRandom))
    const long = [`/dns4/${'a'.repeat(60)}.${'b'.repeat(1_000)}/tcp/1`]
    expect(await sealPeerRecord(identity, DOMAIN, long, 1)).toBeUndefined()
    expect(await sealPeerRecord(identity, DOMAIN, [], 1)).toBeUndefined()
    const huge = new Uint8Array(MAX_PEER_RECORD_SIZE + 1)
    await expect(certifyPeerRecord(huge, DOMAIN)).rejects.toMatchObject({ code: 'too-long' })
  })
})

describe('the protocol addr', { timeout: 20_000 }, () => {
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

  /** A node that dials `network` and speaks for itself. */
  async function startAsker(network: Libp2pNetwork): Promise<{
    asker: Libp2pNetwork
    ask: (request: Uint8Array) => Promise<readonly Uint8Array[]>
  }> {
    let inside: Libp2pInside | undefined
    const asker = await start({
      isDiscovering: false,
      onAssembled: (components) => {
        inside = components
      },
    })
    await asker.dialOnce(addressOf(network))
    const connection = inside?.connectionManager.getConnections()[0] as Connection
    const ask = async (request: Uint8Array): Promise<readonly Uint8Array[]> => {
      const frames = new FrameStream(await connection.newStream([PROTOCOL]), MAX_ADDR_SIZE)
      const signal = AbortSignal.timeout(5_000)
      await frames.write([request], signal)
      await frames.end(signal)
      const answer = await frames.read(signal)
      if (answer === undefined) throw new TypeError('no answer')
      return decodeAddr(answer)
    }
    return { asker, ask }
  }

  it('tells its own record and takes that of the asker', async () => {
    const [a, b] = [await start(), await start()]
    await a.dialOnce(addressOf(b))
    await until(() => a.control.knownAddresses().length === 1, 'a knows b')
    await until(() => b.control.knownAddresses().length === 1, 'b knows a')
    expect(a.control.knownAddresses()).toMatchObject([{ id: b.selfId, isTried: true }])
    // It dialled us from another port than it listens on, so nobody has tried that yet.
    expect(b.control.knownAddresses()).toMatchObject([{ id: a.selfId, isTried: false }])
    const [peer] = a.peers()
    expect(a.control.details(peer?.id ?? '')).toMatchObject({
      exchangesAddresses: true,
      addressesRefused: 0,
    })
  })

  it('answers one peer only so often', async () => {
    const { ask } = await startAsker(await start())
    for (let index = 0; index < ADDR_QUOTA.burst; index++) {
      expect(await ask(encodeGetAddr(undefined))).toHaveLength(1)
    }
    await expect(ask(encodeGetAddr(undefined))).rejects.toThrow()
  })

  it('tells the same sample for a while, whatever it has learnt since', async () => {
    const network = await start()
    const [first, second] = [await startAsker(network), await startAsker(network)]
    const before = await first.ask(encodeGetAddr(undefined))
    const third = await start()
    await third.dialOnce(addressOf(network))
    await until(() => network.control.knownAddresses().length === 1, 'it has learnt')
    // Within the second for which nothing at all is told.
    expect(before).toHaveLength(1)
    await until(() => network.control.knownAddresses().length === 1, 'known')
    let after: readonly Uint8Array[] = []
    for (let round = 0; round < 8 && after.length < 2; round++) {
      await new Promise((resolve) => setTimeout(resolve, 300))
      after = await second.ask(encodeGetAddr(undefined))
    }
    expect(after).toHaveLength(2)
  })

  it('does not answer those whom it dialled: they could be asking around', async () => {
    let inside: Libp2pInside | undefined
    const curious = await start({
      onAssembled: (components) => {
        inside = components
      },
    })
    const network = await start()
    await network.dialOnce(addressOf(curious))
    await until(() => curious.peers().length === 1, 'connected')
    const connection = inside?.connectionManager.getConnections()[0] as Connection
    const frames = new FrameStream(await connection.newStream([PROTOCOL]), MAX_ADDR_SIZE)
    const signal = AbortSignal.timeout(5_000)
    await frames.write([encodeGetAddr(undefined)], signal)
    await expect(frames.read(signal)).rejects.toMatchObject({ code: 'stream-failed' })
    expect(network.peers()).toHaveLength(1)
  })

  it.each([
    ['the record of somebody else', async () => encodeGetAddr(await seal())],
    ['a record of another chain', async () => encodeGetAddr(await seal(ADDRESSES, 'elsewhere'))],
    ['no record', async () => encodeGetAddr(Uint8Array.of(1, 2, 3))],
    ['garbage', async () => Uint8Array.of(0xff, 0xff, 0xff)],
  ])('bans whoever asks with %s', async (_, createRequest) => {
    const network = await start()
    const { asker, ask } = await startAsker(network)
    await expect(ask(await createRequest())).rejects.toThrow()
    await until(() => network.peers().length === 0, 'cut')
    expect(network.control.bans.list()).toMatchObject([{ subject: asker.selfId, isManual: false }])
    expect(network.control.knownAddresses()).toEqual([])
  })

  it('bans whoever answers with a record that nobody signed', async () => {
    let inside: { registrar: Pick<Node, 'handle'> } | undefined
    const liar = await start({
      isDiscovering: false,
      onAssembled: (components) => {
        inside = components as unknown as typeof inside
      },
    })
    const forged = Uint8Array.from(await seal())
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    const honest = await seal()
    await inside?.registrar.handle(PROTOCOL, async (stream) => {
      const frames = new FrameStream(stream, MAX_ADDR_SIZE)
      const signal = AbortSignal.timeout(5_000)
      await frames.read(signal)
      await frames.write([encodeAddr([honest, forged])], signal)
      await frames.end(signal)
    })
    const network = await start()
    await network.dialOnce(addressOf(liar))
    await until(() => network.control.bans.list().length === 1, 'banned')
    expect(network.control.bans.list()).toMatchObject([{ subject: liar.selfId }])
  })

  it('reads no more records than there may be', () => {
    const record = Uint8Array.of(1)
    const encode = (count: number) => encodeAddr(Array.from({ length: count }, () => record))
    expect(decodeAddr(encode(MAX_ADDR_RECORDS))).toHaveLength(MAX_ADDR_RECORDS)
    expect(() => decodeAddr(encode(MAX_ADDR_RECORDS + 1))).toThrow()
  })
})
