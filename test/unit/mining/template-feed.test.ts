import { beforeEach, describe, expect, it } from 'vitest'
import { type Chain, createInlineScriptChecker } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { Mempool } from '../../../src/mempool/index.ts'
import { TemplateCache, TemplateFeed } from '../../../src/mining/index.ts'
import {
  FIRST_MEMPOOL_CHECK_MS,
  MEMPOOL_CHECK_INTERVAL_MS,
  TRANSACTIONS_CHECK_INTERVAL_MS,
} from '../../../src/mining/template-feed.ts'
import { createChainSource, createTipSource, createTxSource } from '../../../src/node/sources.ts'
import { MAX_TEMPLATE_WAITS, TemplateWaits } from '../../../src/rpc/index.ts'
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
let feed: TemplateFeed
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
  const transactions = createTxSource(mempool)
  feed = new TemplateFeed({
    templates: new TemplateCache(
      { chain: createChainSource(chain, clock), transactions, clock, log: silentLog },
      params,
    ),
    tip: createTipSource(chain),
    transactions,
    clock,
  })
  waits = new TemplateWaits(feed)
})

/** Begins to wait for something better than what there is now. */
function begin(signal?: AbortSignal) {
  const state = { outcome: 'waiting' }
  const known = { prevBlockHash: chain.tip.hash, sequence: mempool.sequence }
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
    await waits.wait({ prevBlockHash: first.hash, sequence: 0 })
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
    const late = begin(controller.signal)
    await clock.advance(0)
    expect([late.outcome, waits.count]).toEqual(['-9 Shutting down', 0])
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

describe('TemplateFeed', () => {
  /** What a listener has heard: `clean` is a new tip, `same tip` is new transactions. */
  function listen() {
    const heard: string[] = []
    const off = feed.onChanged((_, { isClean }) => heard.push(isClean ? 'clean' : 'same tip'))
    return { heard, off }
  }

  it('reports a new tip at once and new transactions within a second, each once', async () => {
    const { heard } = listen()
    await addTransaction()
    expect(heard).toEqual([])
    await clock.advance(TRANSACTIONS_CHECK_INTERVAL_MS)
    expect(heard).toEqual(['same tip'])
    await clock.advance(5 * TRANSACTIONS_CHECK_INTERVAL_MS)
    expect(heard).toEqual(['same tip'])
    await chain.acceptBlock(createBlock(second, params).block)
    expect(heard).toEqual(['same tip', 'clean'])
    await clock.advance(5 * TRANSACTIONS_CHECK_INTERVAL_MS)
    expect(heard).toEqual(['same tip', 'clean'])
  })

  it('gives the template of the new tip to listeners that ask, and builds none for the others', async () => {
    const { off } = listen()
    await chain.acceptBlock(createBlock(second, params).block)
    expect(feed.last).toBeUndefined()
    off()
    let height = 0
    feed.onChanged((getTemplate) => {
      height = getTemplate().height
    })
    await chain.acceptBlock(createBlock(createBlock(second, params), params).block)
    expect(height).toBe(chain.tip.height + 1)
    expect(feed.last?.height).toBe(height)
  })

  it('reports nothing to a listener that has left, and keeps reporting to the others', async () => {
    const [one, other] = [listen(), listen()]
    one.off()
    one.off()
    await addTransaction()
    await clock.advance(TRANSACTIONS_CHECK_INTERVAL_MS)
    expect([one.heard, other.heard]).toEqual([[], ['same tip']])
    other.off()
    await chain.acceptBlock(createBlock(second, params).block)
    await clock.advance(TRANSACTIONS_CHECK_INTERVAL_MS)
    expect([one.heard, other.heard]).toEqual([[], ['same tip']])
  })
})
