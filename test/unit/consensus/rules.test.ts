import { describe, expect, it } from 'vitest'
import {
  CONSENSUS_RULES,
  CoinsView,
  ConsensusError,
  type ConsensusErrorCode,
  checkTransaction,
  checkTransactionInputs,
  computeNextBits,
  connectBlock,
} from '../../../src/consensus/index.ts'
import { type Block, outPointKey } from '../../../src/primitives/index.ts'
import { createBlock } from '../../support/chain-generator.ts'
import {
  CASES,
  coinbaseOf,
  createParams,
  createScene,
  inputOf,
  output,
  place,
  type Scene,
  SPACING,
  spend,
} from '../../support/rule-cases.ts'

/** Why a block is refused: what `acceptBlock` throws, or what connecting it finds. */
async function refusal({ chain }: Scene, block: Block): Promise<string | undefined> {
  try {
    const { outcome } = await chain.acceptBlock(block)
    return outcome instanceof ConsensusError ? outcome.code : undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** Rules that stand behind others in a block: what breaks them has broken an earlier one. Called directly. */
const DIRECT_CASES: readonly {
  code: ConsensusErrorCode
  name: string
  run: (scene: Scene) => void
}[] = [
  {
    code: 'bad-txns-oversize',
    name: 'a transaction beyond a block’s weight',
    run: (scene) =>
      checkTransaction(spend(scene, { outputs: [output(1n, new Uint8Array(1_000_001))] })),
  },
  {
    code: 'bad-txns-inputvalues-outofrange',
    name: 'coins beyond all the money',
    run: (scene) => {
      const coin = { output: output(2_100_000_000_000_001n), height: 1, isCoinbase: false }
      checkTransactionInputs(spend(scene), [coin], 7, scene.params)
    },
  },
  {
    code: 'bad-txns-accumulated-fee-outofrange',
    name: 'fees beyond all the money',
    run: (scene) => {
      const rich = { output: output(2_100_000_000_000_000n), height: 1, isCoinbase: false }
      const transactions = [1, 2].map((height) =>
        spend(scene, { inputs: [inputOf(coinbaseOf(scene, height))], outputs: [output(0n)] }),
      )
      const coins = new Map(
        transactions.flatMap((tx) => tx.inputs.map(({ prevout }) => [outPointKey(prevout), rich])),
      )
      const { block, hash, height } = createBlock(scene.tip, scene.params, { transactions })
      connectBlock(block, new CoinsView(coins), {
        height,
        hash,
        enforcesBip30: true,
        parentMedianTimePast: 0,
        medianTimePastAt: () => 0,
        params: scene.params,
      })
    },
  },
]

/** Rules that take more than one changed block: tested below by their own names. */
const CODES_APART: readonly ConsensusErrorCode[] = ['bad-prevblk', 'time-timewarp-attack']

describe('each rule', () => {
  it.each(CASES)('$code: $name', async ({ code, wishes, deployments, twin }) => {
    const scene = await createScene(createParams(deployments))
    const wrong = createBlock(scene.tip, scene.params, place(scene, wishes(scene)))
    expect(await refusal(scene, wrong.block)).toBe(code)
    expect(scene.chain.tip.height).toBe(6)
    const right = createBlock(scene.tip, scene.params, place(scene, twin?.(scene) ?? {}))
    expect(await refusal(scene, right.block)).toBeUndefined()
    expect(scene.chain.tip.height).toBe(7)
  })

  it.each(DIRECT_CASES)('$code: $name', async ({ code, run }) => {
    const scene = await createScene(createParams())
    expect(() => run(scene)).toThrow(code)
  })

  it('bad-prevblk: a block on an invalid one', async () => {
    const scene = await createScene(createParams())
    const wrong = createBlock(scene.tip, scene.params, place(scene, { fees: 1n }))
    expect(await refusal(scene, wrong.block)).toBe('bad-cb-amount')
    const child = createBlock(wrong, scene.params, { time: wrong.block.header.time + SPACING })
    expect(await refusal(scene, child.block)).toBe('bad-prevblk')
  })

  it('time-timewarp-attack: a window that begins before its parent (BIP-0094)', async () => {
    const scene = await createScene(createParams())
    const late = scene.tip.block.header.time + 100
    const seventh = createBlock(scene.tip, scene.params, { time: late })
    expect(await refusal(scene, seventh.block)).toBeUndefined()
    const { maxTimewarpSeconds } = scene.params
    const link = scene.chain.tip
    const at = (time: number) =>
      createBlock(seventh, scene.params, { time, bits: computeNextBits(link, time, scene.params) })
    expect(await refusal(scene, at(late - maxTimewarpSeconds - 1).block)).toBe(
      'time-timewarp-attack',
    )
    expect(await refusal(scene, at(late - maxTimewarpSeconds).block)).toBeUndefined()
  })

  it('is broken by some case', () => {
    const produced = new Set<string>([
      ...CASES.map(({ code }) => code),
      ...DIRECT_CASES.map(({ code }) => code),
      ...CODES_APART,
    ])
    expect(Object.keys(CONSENSUS_RULES).filter((code) => !produced.has(code))).toEqual([])
  })
})
