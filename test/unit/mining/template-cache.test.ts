import { beforeEach, describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { type NextBlock, selectAll, TemplateCache } from '../../../src/mining/index.ts'
import { MAX_TEMPLATE_AGE_MS } from '../../../src/mining/template-cache.ts'
import type { BlockHash } from '../../../src/primitives/index.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLog } from '../../support/memory-chain.ts'

const params = createConsensusParams(REGTEST_SPEC)

let clock: FakeClock
let next: NextBlock
let sequence: number
let buildMs: number
let builds: number
let cache: TemplateCache

beforeEach(() => {
  clock = new FakeClock()
  next = {
    height: 5,
    prevBlockHash: new Uint8Array(32).fill(1) as BlockHash,
    prevTime: 1_000,
    bits: 0x207f_ffff,
    minTime: 900,
    time: 1_010,
  }
  sequence = 0
  buildMs = 0
  builds = 0
  cache = new TemplateCache(
    {
      chain: { nextBlock: () => next },
      transactions: {
        select: () => {
          builds += 1
          return selectAll([])
        },
        get sequence() {
          return sequence
        },
      },
      log: silentLog,
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic() + builds * buildMs,
        schedule: (ms, action) => clock.schedule(ms, action),
      },
    },
    params,
  )
})

describe('TemplateCache', () => {
  it('gives the same object while nothing has changed', () => {
    expect(cache.last).toBeUndefined()
    const template = cache.get()
    expect(cache.get()).toBe(template)
    expect(cache.last).toBe(template)
    expect(builds).toBe(1)
  })

  it('keeps up with the clock, and with bits that depend on it, without choosing again', () => {
    const before = cache.get()
    next = { ...next, time: 1_020, bits: 0x2000_ffff }
    expect(cache.get()).toMatchObject({ time: 1_020, bits: 0x2000_ffff, target: 0xffffn << 232n })
    expect(cache.get().transactions).toBe(before.transactions)
    expect(builds).toBe(1)
  })

  it('chooses again when the tip has moved, however long that takes', () => {
    buildMs = 1_000
    cache.get()
    next = { ...next, height: 6, prevBlockHash: new Uint8Array(32).fill(2) as BlockHash }
    expect(cache.get().height).toBe(6)
    expect(builds).toBe(2)
  })

  it('chooses again at once after a change of the mempool if that costs nothing', () => {
    cache.get()
    sequence = 7
    expect(cache.get().sequence).toBe(7)
    expect(builds).toBe(2)
  })

  it.each([
    { takes: 10, rests: 500 },
    { takes: 1_000, rests: MAX_TEMPLATE_AGE_MS },
  ])('rests $rests ms after a choice that took $takes ms', async ({ takes, rests }) => {
    buildMs = takes
    cache.get()
    sequence = 1
    await clock.advance(rests - 1)
    expect(cache.get().sequence).toBe(0)
    await clock.advance(1)
    expect(cache.get().sequence).toBe(1)
  })
})
