import { beforeEach, describe, expect, it } from 'vitest'
import type { Chain } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { encodeBlock } from '../../../src/primitives/index.ts'
import { BlockTexts } from '../../../src/rpc/index.ts'
import { createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import { createFixedClock, openMemoryChain } from '../../support/memory-chain.ts'

const params = createConsensusParams(REGTEST_SPEC)
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)
const BLOCKS = createBlocks(genesis, params, 4)

let chain: Chain
let reads: number

beforeEach(async () => {
  chain = await openMemoryChain(params, clock)
  for (const { block } of BLOCKS) await chain.acceptBlock(block)
  reads = 0
})

function ask(texts: BlockTexts, height: number, showsPrevouts = false) {
  const entry = chain.getActiveEntry(height)
  const block = BLOCKS[height - 1]?.block
  if (entry === undefined || block === undefined) throw new RangeError('no such block')
  return texts.get(
    entry,
    async () => {
      reads += 1
      return encodeBlock(block)
    },
    showsPrevouts,
  )
}

describe('BlockTexts', () => {
  it('makes a text once for all who ask at a time, and keeps it', async () => {
    const texts = new BlockTexts({ chain, params, clock })
    const answers = await Promise.all([1, 1, 1, 2].map((height) => ask(texts, height)))
    expect(reads).toBe(2)
    expect(answers[1]).toBe(answers[0])
    expect(await ask(texts, 1)).toBe(answers[0])
    expect(reads).toBe(2)
    const [coinbase] = JSON.parse(`${answers[0]?.transactions}`) as {
      vin: { coinbase: string }[]
    }[]
    expect(coinbase?.vin[0]?.coinbase).toMatch(/^51/)
  })

  it('holds no more bytes than it may: what was not asked for the longest goes', async () => {
    const first = new BlockTexts({ chain, params, clock })
    await ask(first, 1)
    const one = first.bytes
    expect(one).toBeGreaterThan(0)
    const texts = new BlockTexts({ chain, params, clock }, 2 * one + 10)
    reads = 0
    for (const height of [1, 2, 1, 3]) await ask(texts, height)
    expect(texts.bytes).toBeLessThanOrEqual(2 * one + 10)
    expect(reads).toBe(3)
    await ask(texts, 1)
    expect(reads).toBe(3)
    await ask(texts, 2)
    expect(reads).toBe(4)
    const tiny = new BlockTexts({ chain, params, clock }, 10)
    await ask(tiny, 1)
    expect(tiny.bytes).toBe(0)
  })

  it('tries again after a failure, which all who waited hear of', async () => {
    const texts = new BlockTexts({ chain, params, clock })
    const entry = chain.tip
    const fail = () => Promise.reject(new RangeError('pruned'))
    const outcomes = await Promise.allSettled([1, 2].map(() => texts.get(entry, fail, false)))
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect((await ask(texts, 4)).size).toBeGreaterThan(80)
  })
})
