import '../../src/platform/nodejs/polyfills.ts'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createConsensusParams, REGTEST_SPEC } from '../../src/consensus/index.ts'
import { createLibp2pNetwork, generateIdentity, type Libp2pNetwork } from '../../src/p2p/index.ts'
import {
  createGuardedWebSockets,
  MAX_WEB_SOCKET_MESSAGE_BYTES,
} from '../../src/platform/nodejs/guarded-web-sockets.ts'
import { systemClock, systemRandom } from '../../src/platform/system.ts'
import {
  computeBlockHash,
  decodeHeader,
  encodeBlock,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import { createRecorder, type Recorder } from '../compliance/peer-network-recorder.ts'
import { createBlock, createBlocks, placeGenesis } from '../support/chain-generator.ts'
import { silentLog } from '../support/fixed-clock.ts'
import { type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'

const params = createConsensusParams(REGTEST_SPEC)
const blocks = createBlocks(placeGenesis(params), params, 3)
const WEB_SOCKET = '/ip4/127.0.0.1/tcp/0/ws'

const ALLOWED_ORIGIN = 'http://localhost:3000'

let network: TestNetwork
let node: NodeProcess
let client: Libp2pNetwork
let seen: Recorder

/** A node that has no other way to connect, as in a browser. */
async function startClient(): Promise<Libp2pNetwork> {
  const started = createLibp2pNetwork(
    {
      transports: [createGuardedWebSockets],
      privateKey: await generateIdentity(systemRandom),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    },
    {
      chainId: params.chainId,
      listen: [],
      maxPeers: 8,
      isDevnet: true,
      userAgent: '/web/',
    },
  )
  seen = createRecorder()
  await started.start({
    ...seen.handlers,
    status: () => ({ ...seen.handlers.status(), genesisHash: params.genesisHash, chainWork: 2n }),
  })
  return started
}

/** The address that a raw socket needs. */
function portOf({ ready }: NodeProcess): number {
  return Number(/\/tcp\/(\d+)/.exec(ready.multiaddr)?.[1])
}

async function submit(hex: Uint8Array): Promise<void> {
  expect(await node.call('submitblock', Buffer.from(hex).toString('hex'))).toBeNull()
}

beforeEach(async () => {
  network = new TestNetwork()
  node = await network.start('node', {
    chain: 'regtest',
    listen: WEB_SOCKET,
    flags: ['--rpc-allow-origin', ALLOWED_ORIGIN, '--rpc-allow-host', 'node-1'],
  })
  for (const { block } of blocks) await submit(encodeBlock(block))
  client = await startClient()
})
afterEach(async () => {
  await client.stop()
  await network.close()
})

it('serves and gossips to a client that has WebSockets alone', async () => {
  expect(node.ready.multiaddr).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws\/p2p\/\w+$/)
  await client.dialOnce(node.ready.multiaddr)
  const [peer] = client.peers()
  const headers = await client.requestHeaders(peer?.id ?? '', [params.genesisHash], undefined)
  expect(headers.map(computeBlockHash)).toEqual(blocks.map(({ hash }) => hash))
  const items = blocks.map(({ hash }) => ({ kind: 'block', hash }) as const)
  const received: (Uint8Array | undefined)[] = []
  for await (const { bytes } of client.requestData(peer?.id ?? '', items)) received.push(bytes)
  expect(received).toEqual(blocks.map(({ block }) => encodeBlock(block)))
  // Gossip, both ways: the next block comes, and the one after it goes.
  const last = blocks.at(-1) ?? placeGenesis(params)
  const next = createBlock(last, params)
  await waitFor('gossip flows', async () => {
    const [info] = await node.call('getpeerinfo')
    return info?.bytesrecv > 0
  })
  await submit(encodeBlock(next.block))
  const hashes = () =>
    seen.blocks.map(([{ bytes }]) =>
      toDisplayHex(computeBlockHash(decodeHeader(bytes.slice(0, 80)))),
    )
  await waitFor('the block has come', async () => hashes().includes(toDisplayHex(next.hash)))
  const own = createBlock(next, params)
  await client.publishBlock({ form: 'whole', bytes: encodeBlock(own.block) })
  const tip = toDisplayHex(own.hash)
  await waitFor('the node has it', async () => (await node.call('getbestblockhash')) === tip)
})

it('is dialled by nodes that listen on TCP, which load what they need for it', async () => {
  const other = await network.start('other', { chain: 'regtest', peers: [node.ready.multiaddr] })
  const tip = await node.call('getbestblockhash')
  await waitFor('it has the chain', async () => (await other.call('getbestblockhash')) === tip)
  expect((await other.call('getpeerinfo'))[0].addr).toContain('127.0.0.1')
})

it('refuses whom it has banned, and cuts a peer that it bans', async () => {
  await client.dialOnce(node.ready.multiaddr)
  await node.call('setban', client.selfId, 'add')
  await waitFor('the client is cut', async () => client.peers().length === 0, 5_000)
  await expect(client.dialOnce(node.ready.multiaddr)).rejects.toThrow()
  await node.call('clearbanned')
  await node.call('setban', '127.0.0.0/8', 'add')
  await expect(client.dialOnce(node.ready.multiaddr)).rejects.toThrow()
  expect(await node.call('getconnectioncount')).toBe(0)
})

it('cuts sockets that say nothing, or half of what they should', async () => {
  const sockets = Array.from({ length: 50 }, () => connect(portOf(node), '127.0.0.1'))
  const closed = sockets.map((socket) => once(socket, 'close'))
  const speak = (socket: Socket | undefined, text: string): unknown => socket?.write(text)
  for (const socket of sockets) {
    socket.on('error', () => undefined)
    socket.resume()
  }
  for (const socket of sockets.slice(0, 20)) speak(socket, 'G')
  for (const socket of sockets.slice(20, 30))
    speak(socket, 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n')
  await client.dialOnce(node.ready.multiaddr)
  expect(client.peers()).toHaveLength(1)
  await Promise.all(closed)
})

it('refuses web pages whose origin is not listed', async () => {
  const open = async (origin: string): Promise<string> => {
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(node)}`, { origin })
    const outcome = new Promise<string>((resolve) => {
      socket.on('open', () => resolve('open'))
      socket.on('error', (error) => resolve(error.message))
    })
    const text = await outcome
    socket.terminate()
    return text
  }
  expect(await open(ALLOWED_ORIGIN)).toBe('open')
  for (const origin of ['http://evil.example', 'null', `http://127.0.0.1:${portOf(node)}`]) {
    expect(await open(origin)).toContain('401')
  }
})

it('cuts who sends a message that is too large', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${portOf(node)}`)
  await once(socket, 'open')
  socket.on('error', () => undefined)
  const closed = once(socket, 'close')
  socket.send(new Uint8Array(MAX_WEB_SOCKET_MESSAGE_BYTES + 1))
  const [code] = await closed
  expect(code).toBe(1_009)
})
