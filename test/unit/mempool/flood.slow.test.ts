/** A mempool under more transactions than it has room for. */

import { expect, it } from 'vitest'
import { createInlineScriptChecker } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { Mempool, MempoolError } from '../../../src/mempool/index.ts'
import { computeTransactionSize, type Transaction } from '../../../src/primitives/index.ts'
import { nobleSignatureEngine } from '../../../src/script/index.ts'
import { createBlock, createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import { createFixedClock, openMemoryChain, silentLog } from '../../support/memory-chain.ts'
import { spendOpen } from '../../support/open-spends.ts'

const TRANSACTIONS = 100_000
const OUTPUTS_PER_COINBASE = 2_500
const MAX_BYTES = 5_000_000
const MIN_FEE_SATS_PER_KVB = 100

it('keeps 100,000 transactions of the least fee within five megabytes, to the byte', {
  timeout: 900_000,
}, async () => {
  const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
  const genesis = placeGenesis(params)
  const clock = createFixedClock(genesis.block.header.time + 1_000_000)
  const chain = await openMemoryChain(params, clock)
  const base = createBlocks(genesis, params, TRANSACTIONS / OUTPUTS_PER_COINBASE + 1)
  for (const { block } of base) await chain.acceptBlock(block)
  const splits: Transaction[] = []
  let tip = base.at(-1) ?? genesis
  for (const { block } of base.slice(0, -1)) {
    const [coinbase] = block.transactions
    if (coinbase === undefined) throw new RangeError('a block without a coinbase')
    splits.push(spendOpen([{ tx: coinbase, vout: 0 }], 100_000n, OUTPUTS_PER_COINBASE))
  }
  // Ten of them fill a block.
  for (let i = 0; i < splits.length; i += 10) {
    tip = createBlock(tip, params, { transactions: splits.slice(i, i + 10) })
    await chain.acceptBlock(tip.block)
  }
  const scriptChecker = createInlineScriptChecker(nobleSignatureEngine)
  const deps = { chain, signatures: nobleSignatureEngine, scriptChecker, clock, log: silentLog }
  const mempool = new Mempool(deps, { maxBytes: MAX_BYTES, requiresStandard: false })
  const outcomes = new Map<string, number>()
  let most = 0
  for (const tx of splits) {
    for (let vout = 0; vout < OUTPUTS_PER_COINBASE; vout++) {
      const { virtualSize } = computeTransactionSize(spendOpen([{ tx, vout }], 0n))
      const fee = BigInt(Math.ceil((virtualSize * MIN_FEE_SATS_PER_KVB) / 1_000))
      const outcome = await mempool.accept(spendOpen([{ tx, vout }], fee)).then(
        () => 'taken',
        (error: unknown) => (error instanceof MempoolError ? error.code : `${error}`),
      )
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      most = Math.max(most, mempool.usage)
    }
  }
  expect(most).toBeLessThanOrEqual(MAX_BYTES)
  const [entry] = mempool.entries()
  // There is no room for one more.
  expect(MAX_BYTES - mempool.usage).toBeLessThan((entry?.size ?? 0) + 5_600)
  expect([...outcomes.keys()].toSorted()).toEqual(
    expect.arrayContaining(['mempool min fee not met', 'taken']),
  )
  expect([...outcomes.values()].reduce((sum, count) => sum + count)).toBe(TRANSACTIONS)
  expect((outcomes.get('taken') ?? 0) + (outcomes.get('mempool full') ?? 0)).toBeGreaterThanOrEqual(
    mempool.size,
  )
})
