import { describe, expect, it } from 'vitest'
import {
  type ConsensusParams,
  createConsensusParams,
  findWitnessCommitment,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import {
  createBlockTemplate,
  createCandidate,
  createCoinbaseParts,
  MAX_PAYOUTS,
  MAX_TAG_LENGTH,
  type Payout,
  payAllTo,
  selectAll,
} from '../../../src/mining/index.ts'
import { createChainSource } from '../../../src/node/sources.ts'
import type { Block } from '../../../src/primitives/index.ts'
import { createBlocks, OP_TRUE_SCRIPT, placeGenesis } from '../../support/chain-generator.ts'
import { createFixedClock, openMemoryChain } from '../../support/memory-chain.ts'

const REGTEST = createConsensusParams(REGTEST_SPEC)
const NOTHING = { select: () => selectAll([]), sequence: 0 }
const EXTRA_NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)

async function createScene(height: number, params: ConsensusParams = REGTEST) {
  const clock = createFixedClock(params.genesis.header.time + 100_000)
  const chain = await openMemoryChain(params, clock)
  for (const { block } of createBlocks(placeGenesis(params), params, height - 1)) {
    await chain.acceptBlock(block)
  }
  const next = createChainSource(chain, clock).nextBlock()
  return { chain, template: createBlockTemplate(next, NOTHING, params) }
}

function scriptOf({ transactions: [coinbase] }: Block): Uint8Array {
  return coinbase?.inputs[0]?.scriptSig ?? new Uint8Array(0)
}

describe('createCandidate', () => {
  // The height of 1 to 16 is one byte alone, the sign needs another from 128 on.
  it.each([1, 2, 16, 17, 127, 128, 129])('makes a valid coinbase at height %i', async (height) => {
    const { chain, template } = await createScene(height)
    const block = createCandidate(template, payAllTo(OP_TRUE_SCRIPT), '/quarry/', EXTRA_NONCE)
    expect(await chain.checkCandidate(block)).toBe(true)
    const script = scriptOf(block)
    expect(Buffer.from(script).toString('latin1')).toContain('/quarry/')
    expect([...script.slice(-12)]).toEqual([...EXTRA_NONCE, 0, 0, 0, 0])
    expect(script.length).toBeLessThanOrEqual(100)
    const [coinbase] = block.transactions
    expect(coinbase === undefined ? undefined : findWitnessCommitment(coinbase)).toBeDefined()
  })

  it('pays as many as there may be', async () => {
    const { chain, template } = await createScene(3)
    const payouts: Payout[] = Array.from({ length: MAX_PAYOUTS - 1 }, (_, i) => ({
      scriptPubKey: new Uint8Array(34).fill(i),
      share: BigInt(i + 1),
    }))
    payouts.push({ scriptPubKey: OP_TRUE_SCRIPT, amount: 1_000n })
    const block = createCandidate(template, payouts, '', EXTRA_NONCE)
    expect(await chain.checkCandidate(block)).toBe(true)
    expect(block.transactions[0]?.outputs).toHaveLength(MAX_PAYOUTS + 1)
  })

  it('has neither commitment nor witness before segwit', async () => {
    const deployments = { ...REGTEST.deployments, segwit: 100 }
    const { chain, template } = await createScene(3, { ...REGTEST, deployments })
    const block = createCandidate(template, payAllTo(OP_TRUE_SCRIPT), '/quarry/', EXTRA_NONCE)
    expect(block.transactions[0]?.outputs).toHaveLength(1)
    expect(block.transactions[0]?.inputs[0]?.witness).toEqual([])
    expect(await chain.checkCandidate(block)).toBe(true)
  })

  it.each(['x'.repeat(MAX_TAG_LENGTH + 1), 'line\nbreak', 'ümlaut'])(
    'refuses the tag %j',
    async (tag) => {
      const { template } = await createScene(1)
      expect(() => createCoinbaseParts(template, payAllTo(OP_TRUE_SCRIPT), tag)).toThrow(
        'printable',
      )
    },
  )
})
