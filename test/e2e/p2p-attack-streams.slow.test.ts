/** Streams that are too long, too slow, or never read, and who takes all that there is. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { afterEach, expect, it } from 'vitest'
import type { ConsensusParams } from '../../src/consensus/index.ts'
import { encodeAddr } from '../../src/p2p/addr-codec.ts'
import { decodeIdentity } from '../../src/p2p/identity.ts'
import { generateIdentity } from '../../src/p2p/index.ts'
import { encodeGetData, encodeInv, encodeSyncResponse } from '../../src/p2p/message-codec.ts'
import { sealPeerRecord } from '../../src/p2p/peer-records.ts'
import { systemRandom } from '../../src/platform/system.ts'
import { AttackScene, statusOf } from '../support/attack-scene.ts'
import { createBlock, type PlacedBlock, placeGenesis } from '../support/chain-generator.ts'
import { type HostilePeer, startHostilePeer } from './p2p-hostile-peer.support.ts'

const PREFIX_2_GIB = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x08)
/** Just what a frame of the data stream may have. */
const PREFIX_4_MB = Uint8Array.of(0x80, 0x92, 0xf4, 0x01)
const FIVE_MB = 5_000_000
const CHUNK = 65_536
const BIG_BLOCKS = 12
const BIG_BLOCK_BYTES = 900_000
const RAW_SOCKETS = 300
const SILENT_CONNECTIONS = 60
const READERS = 5
const STREAMS = 4
const ABUSERS = 3
const PARALLEL_REQUESTS = 1_000
const ATTACK_MS = 12_000
const RECORDS_PER_ADDR = 1_000

let scene: AttackScene
afterEach(() => scene.stop())

async function rest(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

/** Blocks that are large for what is in their coinbase's last output. */
function createBigChain(params: ConsensusParams): readonly PlacedBlock[] {
  const blocks: PlacedBlock[] = []
  let last = placeGenesis(params)
  for (let index = 0; index < BIG_BLOCKS; index++) {
    last = createBlock(last, params, {
      changeCoinbase: (tx) => ({
        ...tx,
        outputs: [...tx.outputs, { value: 0n, scriptPubKey: new Uint8Array(BIG_BLOCK_BYTES) }],
      }),
    })
    blocks.push(last)
  }
  return blocks
}

async function startHostile(): Promise<HostilePeer> {
  const { params } = scene
  return scene.keep(await startHostilePeer(params.chainId, statusOf(params)))
}

function write(stream: Stream, bytes: Uint8Array): void {
  if (stream.status === 'open') stream.send(bytes)
}

/** Bytes with their length before them. */
function frame(bytes: Uint8Array): Uint8Array {
  const prefix: number[] = []
  let size = bytes.length
  for (; size >= 0x80; size >>>= 7) prefix.push((size & 0x7f) | 0x80)
  return Uint8Array.from([...prefix, size, ...bytes])
}

/** Five megabytes, as far as the other side takes them; then silence. */
function pour(stream: Stream, prefix: Uint8Array): void {
  stream.addEventListener('close', () => undefined)
  try {
    write(stream, prefix)
    for (let sent = 0; sent < FIVE_MB; sent += CHUNK) write(stream, new Uint8Array(CHUNK))
  } catch {
    // Cut: just what is expected.
  }
}

it('frames of 2 GiB, and 5 MB of frames that never end, are not taken', async () => {
  scene = await AttackScene.start()
  const { victim, tip, params } = scene
  await scene.endure(
    'oversized frames',
    async () => {
      // As requests, on every protocol.
      for (const prefix of [PREFIX_2_GIB, PREFIX_4_MB]) {
        for (const name of ['dataProtocol', 'syncProtocol'] as const) {
          const hostile = await startHostile()
          const connection = await hostile.dial(victim.ready.multiaddr)
          const streams = await Promise.allSettled(
            Array.from({ length: STREAMS }, () => hostile.open(connection, hostile.names[name])),
          )
          for (const result of streams) {
            if (result.status === 'fulfilled') pour(result.value, prefix)
          }
        }
      }
      // As answers, to what the node asks for once a block is announced.
      for (const [salt, prefix] of [PREFIX_2_GIB, PREFIX_4_MB].entries()) {
        const hostile = await startHostile()
        await hostile.handle(hostile.names.dataProtocol, (stream) => pour(stream, prefix))
        await hostile.handle(hostile.names.syncProtocol, (stream) => pour(stream, prefix))
        await hostile.dial(victim.ready.multiaddr)
        const { hash, block } = createBlock(tip, params, { salt: 50 + salt })
        const items = [
          { kind: 'block', hash, header: block.header },
          { kind: 'tx', hash: crypto.getRandomValues(new Uint8Array(32)) as never },
        ] as const
        const nonce = crypto.getRandomValues(new Uint8Array(8))
        await hostile.publish(hostile.names.invTopic, encodeInv(hostile.idBytes, nonce, items))
      }
      await rest(ATTACK_MS)
    },
    { leavesHeaders: true },
  )
})

it('sockets and connections that say nothing keep nobody out', async () => {
  scene = await AttackScene.start()
  const { victim } = scene
  const port = Number(/\/tcp\/(\d+)/.exec(victim.ready.multiaddr)?.[1])
  const sockets: Socket[] = []
  const newcomers: string[] = []
  const open = async (): Promise<void> => {
    const opened = Array.from({ length: RAW_SOCKETS }, () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      sockets.push(socket)
      return once(socket, 'connect').catch(() => undefined)
    })
    await Promise.all(opened)
  }
  await scene.endure('silence', async () => {
    const hostile = await Promise.all(Array.from({ length: SILENT_CONNECTIONS }, startHostile))
    const end = performance.now() + ATTACK_MS
    const goOn = async (): Promise<void> => {
      while (performance.now() < end) {
        await open()
        await rest(1_000)
      }
    }
    const flood = goOn()
    await rest(500)
    newcomers.push(await scene.welcome())
    const dials = hostile.map((peer) => peer.dial(victim.ready.multiaddr, { silent: true }))
    newcomers.push(await scene.welcome())
    await Promise.allSettled([...dials, flood])
    for (const socket of sockets) socket.destroy()
  })
  process.stdout.write(`newcomers among the silent: ${newcomers.join(', ')}\n`)
  expect(newcomers).toHaveLength(2)
})

it('streams that dribble are cut', async () => {
  scene = await AttackScene.start({ isDiscovering: true })
  const { victim } = scene
  const streams: Stream[] = []
  await scene.endure('one byte a second on many streams', async () => {
    for (let index = 0; index < READERS; index++) {
      const hostile = await startHostile()
      const connection = await hostile.dial(victim.ready.multiaddr)
      const { dataProtocol, syncProtocol, addrProtocol } = hostile.names
      for (const protocol of [dataProtocol, syncProtocol, addrProtocol]) {
        const opened = await Promise.allSettled(
          Array.from({ length: 10 }, () => hostile.open(connection, protocol)),
        )
        for (const result of opened) if (result.status === 'fulfilled') streams.push(result.value)
      }
    }
    for (let passed = 0; passed < ATTACK_MS; passed += 1_000) {
      for (const stream of streams) write(stream, Uint8Array.of(0x7f))
      await rest(1_000)
    }
    expect(streams.filter(({ status }) => status === 'open')).toEqual([])
  })
  expect(streams.length).toBeGreaterThan(READERS)
})

it('peers that never read what they asked for, and those that ask for all of it, do not hold up others', async () => {
  const chain: PlacedBlock[] = []
  scene = await AttackScene.start({
    createChain: (params) => {
      chain.push(...createBigChain(params))
      return chain
    },
  })
  const { victim } = scene
  const items = chain.map(({ hash }) => ({ kind: 'block', hash }) as const)
  const request = frame(encodeGetData({ type: 'items', items }))
  await scene.endure('answers that nobody reads', async () => {
    for (let index = 0; index < READERS; index++) {
      const hostile = await startHostile()
      const connection = await hostile.dial(victim.ready.multiaddr)
      const opened = await Promise.allSettled(
        Array.from({ length: STREAMS }, () => hostile.open(connection, hostile.names.dataProtocol)),
      )
      for (const result of opened) {
        if (result.status !== 'fulfilled') continue
        write(result.value, request)
        result.value.pause()
      }
    }
    await rest(ATTACK_MS)
  })
  let taken = 0
  await scene.endure('all blocks, for ever, a thousand requests at a time', async () => {
    const end = performance.now() + ATTACK_MS
    const abusers = Array.from({ length: ABUSERS }, async () => {
      const hostile = await startHostile()
      // While the others take all that there is, a handshake may fail: no matter, for an abuser.
      const dial = (): Promise<Connection> => hostile.dial(victim.ready.multiaddr)
      const connection = await dial().catch(dial)
      const ask = async (): Promise<void> => {
        try {
          const stream = await hostile.open(connection, hostile.names.dataProtocol)
          const closed = new Promise((resolve) => stream.addEventListener('close', resolve))
          stream.addEventListener('message', ({ data }) => {
            taken += data.byteLength
          })
          write(stream, request)
          await Promise.race([closed, rest(ATTACK_MS)])
        } catch {
          await rest(10)
        }
      }
      while (performance.now() < end && connection.status === 'open') {
        const running = Array.from({ length: PARALLEL_REQUESTS }, ask)
        await Promise.race([Promise.all(running), rest(Math.max(0, end - performance.now()))])
      }
    })
    await Promise.all(abusers)
  })
  process.stdout.write(`the abusers got ${(taken / 1e6).toFixed(0)} MB\n`)
  expect(taken).toBeGreaterThan(BIG_BLOCK_BYTES)
})

it('an address book does not grow with what one peer tells', async () => {
  const listen = ['/ip4/127.0.0.1/tcp/0']
  scene = await AttackScene.start({ isDiscovering: true })
  const { victim, params } = scene
  let told = 0
  await scene.endure('thousands of addresses', async () => {
    const teller = scene.keep(
      await startHostilePeer(params.chainId, statusOf(params), tcp(), listen),
    )
    const status = encodeSyncResponse({ type: 'status', status: statusOf(params) })
    await teller.handle(teller.names.syncProtocol, (stream) => {
      write(stream, frame(status))
      void stream.close().catch(() => undefined)
    })
    await teller.handle(teller.names.addrProtocol, (stream) => {
      void tell(stream, teller.names.recordDomain).catch(() => undefined)
    })
    const tell = async (stream: Stream, domain: string): Promise<void> => {
      const records: Uint8Array[] = []
      for (let index = 0; index < RECORDS_PER_ADDR; index++) {
        const key = decodeIdentity(await generateIdentity(systemRandom))
        const address = `/ip4/127.0.0.1/tcp/${1_024 + ((told + index) % 60_000)}`
        const record = await sealPeerRecord(key, domain, [address], Date.now())
        if (record !== undefined) records.push(record)
      }
      told += records.length
      write(stream, frame(encodeAddr(records)))
      await stream.close()
    }
    await victim.call('addnode', teller.addresses()[0], 'onetry')
    await rest(2 * ATTACK_MS)
  })
  const known = await victim.call('getnodeaddresses', 0)
  process.stdout.write(`told of ${told} addresses, it keeps ${known.length}\n`)
  expect(told).toBeGreaterThanOrEqual(RECORDS_PER_ADDR)
  // One source reaches a sixteenth of the book.
  expect(known.length).toBeLessThanOrEqual(512)
})
