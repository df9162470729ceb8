import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../src/consensus/index.ts'
import { encodeGossipBlock } from '../../src/p2p/message-codec.ts'
import {
  type Block,
  computeBlockHash,
  encodeBlock,
  type Transaction,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import { createBlock, placeGenesis } from '../support/chain-generator.ts'
import { type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { type HostilePeer, startHostilePeer } from './p2p-hostile-peer.support.ts'

const params = createConsensusParams(REGTEST_SPEC)
const genesis = placeGenesis(params)
const SETTLE_MS = 1_500

let network: TestNetwork
let hostile: HostilePeer
/** Checks nothing, so that it hears whatever anybody forwards. */
let listener: HostilePeer
let near: NodeProcess
let far: NodeProcess

beforeEach(async () => {
  network = new TestNetwork()
  near = await network.start('near', { chain: 'regtest' })
  far = await network.start('far', { chain: 'regtest', peers: [near.ready.multiaddr] })
  const status = {
    genesisHash: params.genesisHash,
    tipHash: params.genesisHash,
    tipHeight: 0,
    chainWork: 2n,
    userAgent: '/hostile/',
  }
  hostile = await startHostilePeer(params.chainId, status)
  listener = await startHostilePeer(params.chainId, status)
  await hostile.dial(near.ready.multiaddr)
  await listener.dial(near.ready.multiaddr)
  await waitFor('near has three peers', async () => (await near.call('getconnectioncount')) === 3)
})
afterEach(async () => {
  await hostile.stop()
  await listener.stop()
  await network.close()
})

/** A block on genesis whose hash is above its target. */
function createWorthlessBlock() {
  const { block } = createBlock(genesis, params)
  for (let nonce = 0; ; nonce++) {
    const worthless = { ...block, header: { ...block.header, nonce } }
    // Regtest's target is met by every second hash: the top bit decides.
    if (((computeBlockHash(worthless.header)[31] ?? 0) & 0x80) !== 0) return worthless
  }
}

/** A transaction with a witness that its txid says nothing of. */
function withWitness(tx: Transaction): Transaction {
  return { ...tx, inputs: tx.inputs.map((input) => ({ ...input, witness: [new Uint8Array(32)] })) }
}

function encodeWhole(block: Block): Uint8Array {
  return encodeGossipBlock({ form: 'whole', bytes: encodeBlock(block) })
}

async function knows(node: NodeProcess, hash: string): Promise<boolean> {
  return node.call('getblockheader', hash).then(
    () => true,
    () => false,
  )
}

describe('a peer that gossips blocks', () => {
  it('with bad proof of work is not listened to, and its block reaches nobody', async () => {
    const worthless = createWorthlessBlock()
    const hash = toDisplayHex(computeBlockHash(worthless.header))
    expect(await hostile.publish(hostile.names.blockTopic, encodeWhole(worthless))).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    expect(await knows(near, hash)).toBe(false)
    expect(await knows(far, hash)).toBe(false)
    expect(listener.heard(listener.names.blockTopic)).toBe(0)
    expect(await near.call('getblockcount')).toBe(0)
    // The network is none the worse for it.
    const [mined] = await near.call(
      'generatetoaddress',
      1,
      'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080',
    )
    await waitFor('far follows', async () => (await far.call('getbestblockhash')) === mined)
  })

  it('with good ones is forwarded: the same way works for honest blocks', async () => {
    const { block, hash } = createBlock(genesis, params)
    expect(await hostile.publish(hostile.names.blockTopic, encodeWhole(block))).toBe(1)
    await waitFor(
      'far has it',
      async () => (await far.call('getbestblockhash')) === toDisplayHex(hash),
    )
    await waitFor('the listener has heard it', async () => {
      return listener.heard(listener.names.blockTopic) === 1
    })
  })

  it('with a coinbase of too much is forwarded before that is found, and nobody connects it', async () => {
    const { block, hash } = createBlock(genesis, params, { fees: 1n })
    await hostile.publish(hostile.names.blockTopic, encodeWhole(block))
    await waitFor('far has looked at it', () => knows(far, toDisplayHex(hash)))
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    expect(await Promise.all([near, far].map((node) => node.call('getblockcount')))).toEqual([0, 0])
    expect(await Promise.all([near, far].map((node) => node.call('getconnectioncount')))).toEqual([
      3, 1,
    ])
  })

  it.each([
    [
      'no height in its coinbase',
      createBlock(genesis, params, {
        changeCoinbase: (tx) => ({
          ...tx,
          inputs: tx.inputs.map((input) => ({ ...input, scriptSig: new Uint8Array(4) })),
        }),
      }).block,
    ],
    [
      'a witness that nobody committed to',
      createBlock(genesis, params, {
        changeBlock: ({ header, transactions: [coinbase, ...others] }) => ({
          header,
          transactions: coinbase === undefined ? others : [withWitness(coinbase), ...others],
        }),
      }).block,
    ],
  ])('with %s is not forwarded', async (_, block) => {
    const hash = toDisplayHex(computeBlockHash(block.header))
    expect(await hostile.publish(hostile.names.blockTopic, encodeWhole(block))).toBe(1)
    // Its header is sound, so that it is known; its body is not taken.
    await waitFor('near has looked at it', () => knows(near, hash))
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    expect(await near.call('getblockcount')).toBe(0)
    expect(await knows(far, hash)).toBe(false)
    expect(listener.heard(listener.names.blockTopic)).toBe(0)
  })

  it('with a wrong merkle root is not listened to, and the honest block still is', async () => {
    const { block, hash } = createBlock(genesis, params)
    const { block: other } = createBlock(genesis, params, { salt: 9 })
    const swapped = { header: block.header, transactions: other.transactions }
    await hostile.publish(hostile.names.blockTopic, encodeWhole(swapped))
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    expect(await near.call('getblockcount')).toBe(0)
    expect(listener.heard(listener.names.blockTopic)).toBe(0)
    await hostile.publish(hostile.names.blockTopic, encodeWhole(block))
    await waitFor('both have the honest block', async () => {
      const tips = await Promise.all([near, far].map((node) => node.call('getbestblockhash')))
      return tips.every((tip) => tip === toDisplayHex(hash))
    })
  })
})
