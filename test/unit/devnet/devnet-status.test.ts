import { describe, expect, it } from 'vitest'
import {
  computeNextRetarget,
  haveConverged,
  type NodeAddress,
  type NodeStatus,
  sampleNode,
} from '../../../src/devnet/index.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const ADDRESS: NodeAddress = {
  index: 1,
  rpcUrl: 'http://127.0.0.1:1',
  cookiePath: '/nowhere/.cookie',
  multiaddr: '/ip4/127.0.0.1/tcp/1',
  pid: 1,
}

const ANSWERS = [
  { blocks: 7, bestblockhash: 'aa', bits: '1e165e9f', quarry_reorgs: 2 },
  4,
  { quarry_hashps: 1_234.5 },
]

function status(index: number, height: number, tip: string, problem?: string): NodeStatus {
  const base = { index, height, tip, peers: 2, hashesPerSecond: 1, bits: '207fffff', reorgs: 0 }
  return problem === undefined ? base : { ...base, problem }
}

describe('sampleNode', () => {
  it('reads the status out of the answers', async () => {
    const sampled = await sampleNode(async () => ANSWERS, new FakeClock(), ADDRESS)
    expect(sampled).toEqual({
      index: 1,
      height: 7,
      tip: 'aa',
      peers: 4,
      hashesPerSecond: 1_234.5,
      bits: '1e165e9f',
      reorgs: 2,
    })
  })

  it('keeps the last numbers of a node that does not answer in time', async () => {
    const clock = new FakeClock()
    const sampling = sampleNode(() => new Promise(() => {}), clock, ADDRESS, status(1, 5, 'bb'))
    await clock.advance(2_000)
    expect(await sampling).toMatchObject({ height: 5, tip: 'bb', problem: 'no answer within 2 s' })
  })

  it.each([
    ['a refusal', () => Promise.reject(new TypeError('fetch failed')), /fetch failed/],
    ['a missing field', async () => [{ blocks: 7 }, 4, {}], /has no/],
    ['a wrong type', async () => [ANSWERS[0], 'four', ANSWERS[2]], /did not answer with a number/],
    ['no answers', async () => [], /did not answer with a number/],
  ])('reports %s', async (_, call, reason) => {
    const sampled = await sampleNode(call, new FakeClock(), ADDRESS)
    expect(sampled.problem).toMatch(reason)
    expect(sampled.hashesPerSecond).toBe(0)
  })
})

describe('computeNextRetarget', () => {
  it.each([
    [0, 10],
    [9, 10],
    [10, 20],
    [11, 20],
  ])('after height %d with a window of 10 comes %d', (height, next) => {
    expect(computeNextRetarget([status(0, 0, 'a'), status(1, height, 'b')], 10)).toBe(next)
  })

  it('is null where bits follow another rhythm', () => {
    expect(computeNextRetarget([status(0, 5, 'a')], undefined)).toBeNull()
  })
})

describe('haveConverged', () => {
  it('wants every node, at the height, on one tip, now', () => {
    const good = [status(0, 45, 'a'), status(1, 45, 'a')]
    expect(haveConverged(good, 2, 45)).toBe(true)
    expect(haveConverged(good, 2, 46)).toBe(false)
    expect(haveConverged(good, 3, 45)).toBe(false)
    expect(haveConverged([status(0, 45, 'a'), status(1, 45, 'b')], 2, 45)).toBe(false)
    expect(haveConverged([status(0, 45, 'a'), status(1, 45, 'a', 'silent')], 2, 45)).toBe(false)
  })
})
