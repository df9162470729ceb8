import { tcp } from '@libp2p/tcp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../src/consensus/index.ts'
import { createLibp2pNetwork, generateIdentity } from '../../src/p2p/index.ts'
import { systemClock, systemRandom } from '../../src/platform/system.ts'
import { encodeBlock, encodeHeader, HEADER_SIZE, toDisplayHex } from '../../src/primitives/index.ts'
import type { PeerNetwork, PeerNetworkHandlers } from '../../src/sync/index.ts'
import { sleep } from '../../src/util/index.ts'
import { createBlocks, type PlacedBlock, placeGenesis } from '../support/chain-generator.ts'
import { silentLog } from '../support/memory-chain.ts'
import { type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'

const params = createConsensusParams(REGTEST_SPEC)
const ADDRESS = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'
/** More work than the honest chain, so that its headers are the best there are. */
const FAKE_BLOCKS = 40

let network: TestNetwork
let honest: NodeProcess
let liar: PeerNetwork
let fake: readonly PlacedBlock[]

/** A peer of our protocols that tells what the test wants. */
async function startLiar(lies: Partial<PeerNetworkHandlers>): Promise<PeerNetwork> {
  const peer = createLibp2pNetwork(
    {
      transports: [tcp()],
      privateKey: await generateIdentity(systemRandom),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    },
    {
      chainId: params.chainId,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      maxPeers: 10,
      isDevnet: true,
      userAgent: '/liar/',
    },
  )
  const tip = fake.at(-1)
  if (tip === undefined) throw new RangeError('no fake blocks')
  await peer.start({
    status: () => ({
      genesisHash: params.genesisHash,
      tipHash: tip.hash,
      tipHeight: tip.height,
      chainWork: 1n << 200n,
      userAgent: '/liar/',
    }),
    acceptsStatus: () => true,
    onPeerStatus: () => undefined,
    onPeerGone: () => undefined,
    onGossipBlock: async () => 'ignore',
    onAnnouncements: () => 'ignore',
    serveHeaders: () => [],
    serveData: async () => undefined,
    serveTransactions: async () => undefined,
    ...lies,
  })
  return peer
}

async function startVictim(): Promise<NodeProcess> {
  const [address = ''] = liar.addresses()
  const victim = await network.start('victim', {
    chain: 'regtest',
    peers: [address, honest.ready.multiaddr],
  })
  await waitFor(
    'the victim has both peers',
    async () => (await victim.call('getconnectioncount')) === 2,
  )
  return victim
}

async function expectHonestTip(victim: NodeProcess): Promise<void> {
  await waitFor(
    'the victim is on the honest tip',
    async () => (await victim.call('getbestblockhash')) === (await honest.call('getbestblockhash')),
    30_000,
  )
  const [mined] = await honest.call('generatetoaddress', 1, ADDRESS)
  await waitFor('the victim follows', async () => (await victim.call('getbestblockhash')) === mined)
  await waitFor(
    'the victim counts itself as level',
    async () => (await victim.call('getblockchaininfo')).initialblockdownload === false,
    30_000,
  )
}

beforeEach(async () => {
  network = new TestNetwork()
  fake = createBlocks(placeGenesis(params), params, FAKE_BLOCKS, { salt: 7 })
  honest = await network.start('honest', { chain: 'regtest' })
  await honest.call('generatetoaddress', 20, ADDRESS)
})
afterEach(async () => {
  await liar.stop()
  await network.close()
})

describe('a node with an honest and a lying peer', () => {
  it('that claims work and has no headers, follows the honest one', async () => {
    liar = await startLiar({})
    await expectHonestTip(await startVictim())
  })

  it('that has better headers and no bodies, follows the honest one', async () => {
    liar = await startLiar({
      serveHeaders: () => fake.map(({ block }) => encodeHeader(block.header)),
    })
    const victim = await startVictim()
    await expectHonestTip(victim)
    const tips = await victim.call('getchaintips')
    expect(tips.some(({ status }: { status: string }) => status === 'headers-only')).toBe(true)
  })

  it('that answers with other blocks than asked, cuts it and follows the honest one', async () => {
    const [first] = fake
    liar = await startLiar({
      serveHeaders: () => fake.map(({ block }) => encodeHeader(block.header)),
      serveData: async () => (first === undefined ? undefined : encodeBlock(first.block)),
    })
    const [address = ''] = liar.addresses()
    const peers = [address, honest.ready.multiaddr]
    const victim = await network.start('victim', { chain: 'regtest', peers })
    await expectHonestTip(victim)
    expect(victim.log).toContain('another block than the one asked for')
  })

  it('that has a chain of more work with an invalid block in it, stays on the honest one', async () => {
    const good = createBlocks(placeGenesis(params), params, 10, { salt: 8 })
    const bad = createBlocks(good.at(-1) as PlacedBlock, params, 1, { fees: 1n })
    fake = [...good, ...bad, ...createBlocks(bad[0] as PlacedBlock, params, 20)]
    const bodies = new Map(fake.map(({ block, hash }) => [hash.toString(), encodeBlock(block)]))
    liar = await startLiar({
      serveHeaders: () => fake.map(({ block }) => encodeHeader(block.header)),
      serveData: async ({ hash }) => bodies.get(hash.toString()),
    })
    const victim = await startVictim()
    await expectHonestTip(victim)
    const tips = await victim.call('getchaintips')
    expect(tips.some(({ status }: { status: string }) => status === 'invalid')).toBe(true)
  })

  it('that has the honest headers and drips the bodies, asks the honest one and cuts it', async () => {
    await honest.call('generatetoaddress', 80, ADDRESS)
    const bodies = new Map<string, Uint8Array>()
    for (let height = 1; height <= 100; height++) {
      const hash = await honest.call('getblockhash', height)
      bodies.set(hash, Buffer.from(await honest.call('getblock', hash, 0), 'hex'))
    }
    liar = await startLiar({
      serveHeaders: () => [...bodies.values()].map((bytes) => bytes.subarray(0, HEADER_SIZE)),
      serveData: async ({ hash }) => {
        await sleep(systemClock, 28_000)
        return bodies.get(toDisplayHex(hash))
      },
    })
    const [address = ''] = liar.addresses()
    const victim = await network.start('victim', { chain: 'regtest', peers: [address] })
    await waitFor(
      'the victim has the headers',
      async () => (await victim.call('getblockchaininfo')).headers === 100,
    )
    await victim.call('addnode', honest.ready.multiaddr, 'add')
    await expectHonestTip(victim)
    await waitFor(
      'the liar is cut',
      async () => victim.log.includes('stalls blocks that others deliver'),
      30_000,
    )
  })
})
