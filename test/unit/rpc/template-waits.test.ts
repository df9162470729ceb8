import { beforeEach, describe, expect, it } from 'vitest'
import { type Chain, createInlineScriptChecker } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { Mempool } from '../../../src/mempool/index.ts'
import { MAX_TEMPLATE_WAITS, TemplateWaits } from '../../../src/rpc/index.ts'
import {
  FIRST_MEMPOOL_CHECK_MS,
  MEMPOOL_CHECK_INTERVAL_MS,
} from '../../../src/rpc/template-waits.ts'
import { nobleSignatureEngine } from '../../../src/script/index.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../../support/chain-generator.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { openMemoryChain, silentLog } from '../../support/memory-chain.ts'
import { spendOpen } from '../../support/open-spends.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const [first, second] = createBlocks(placeGenesis(params), params, 2) as [PlacedBlock, PlacedBlock]

let clock: FakeClock
let chain: Chain
let mempool: Mempool
let waits: TemplateWaits

beforeEach(async () => {
  clock = new FakeClock()
  chain = await openMemoryChain(params, clock)
  for (const { block } of [first, second]) await chain.acceptBlock(block)
  const scriptChecker = createInlineScriptChecker(nobleSignatureEngine)
  const signatures = nobleSignatureEngine
  mempool = new Mempool(
    { chain, signatures, scriptChecker, clock, log: silentLog },
    { requiresStandard: false },
  )
  waits = new TemplateWaits({ chain, mempool, clock })
})

/** Begins to wait for something better than what there is now. */
function begin(signal?: AbortSignal) {
  const state = { outcome: 'waiting' }
  const known = { tipHash: chain.tip.hashHex, sequence: mempool.sequence }
  waits.wait(known, signal).then(
    () => {
      state.outcome = 'answered'
    },
    (error: { code: number; message: string }) => {
      state.outcome = `${error.code} ${error.message}`
    },
  )
  return state
}

async function addTransaction(): Promise<void> {
  const [tx] = first.block.transactions
  if (tx === undefined) throw new RangeError('no coinbase')
  await mempool.accept(spendOpen([{ tx, vout: 0 }], 1_000n))
}

describe('waiting for a template', () => {
  it('ends at once for whoever has an old tip', async () => {
    await waits.wait({ tipHash: 'ff'.repeat(32), sequence: 0 })
    expect(waits.count).toBe(0)
  })

  it('ends with a new tip', async () => {
    const state = begin()
    await clock.advance(1_000)
    expect([state.outcome, waits.count]).toEqual(['waiting', 1])
    await chain.acceptBlock(createBlock(second, params).block)
    await clock.advance(0)
    expect([state.outcome, waits.count]).toEqual(['answered', 0])
  })

  it('ends with new transactions, but only after a minute', async () => {
    const state = begin()
    await addTransaction()
    await clock.advance(FIRST_MEMPOOL_CHECK_MS - 1)
    expect(state.outcome).toBe('waiting')
    await clock.advance(1)
    expect(state.outcome).toBe('answered')
  })

  it('goes on while nothing changes, and looks every ten seconds', async () => {
    const state = begin()
    await clock.advance(FIRST_MEMPOOL_CHECK_MS + 5 * MEMPOOL_CHECK_INTERVAL_MS)
    expect(state.outcome).toBe('waiting')
    await addTransaction()
    await clock.advance(MEMPOOL_CHECK_INTERVAL_MS)
    expect(state.outcome).toBe('answered')
  })

  it('ends when the caller has gone or the node stops', async () => {
    const controller = new AbortController()
    const state = begin(controller.signal)
    await clock.advance(0)
    expect(waits.count).toBe(1)
    controller.abort()
    await clock.advance(0)
    expect([state.outcome, waits.count]).toEqual(['-9 Shutting down', 0])
    // Nothing is left that would fire.
    await chain.acceptBlock(createBlock(second, params).block)
    await clock.advance(FIRST_MEMPOOL_CHECK_MS)
    expect(state.outcome).toBe('-9 Shutting down')
    expect(begin(controller.signal)).toBeDefined()
    expect(waits.count).toBe(0)
  })

  it('is for so many at a time', async () => {
    const states = Array.from({ length: MAX_TEMPLATE_WAITS + 1 }, () => begin())
    await clock.advance(0)
    expect(waits.count).toBe(MAX_TEMPLATE_WAITS)
    expect(states.at(-1)?.outcome).toBe('-1 Too many calls wait for a new template already')
    await chain.acceptBlock(createBlock(second, params).block)
    await clock.advance(0)
    expect(states.filter(({ outcome }) => outcome === 'answered')).toHaveLength(MAX_TEMPLATE_WAITS)
    expect(waits.count).toBe(0)
  })
})
