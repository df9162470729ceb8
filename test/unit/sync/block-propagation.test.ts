import { describe, expect, it } from 'vitest'
import {
  BlockPropagation,
  MAX_DELAY_MS,
  MAX_DELAYS,
  MAX_TIMED_BLOCKS,
} from '../../../src/sync/block-propagation.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const NOTHING = { firstCount: 0, medianDelayMs: undefined }

describe('BlockPropagation', () => {
  it('counts who is first, and takes the median of how far the others are behind', async () => {
    const clock = new FakeClock()
    const propagation = new BlockPropagation(clock)
    for (const [index, delayMs] of [30, 500, 100].entries()) {
      propagation.onHeard(`block ${index}`, 'fast', true)
      await clock.advance(delayMs)
      propagation.onHeard(`block ${index}`, 'slow', false)
    }
    expect(propagation.of('fast')).toEqual({ firstCount: 3, medianDelayMs: undefined })
    expect(propagation.of('slow')).toEqual({ firstCount: 0, medianDelayMs: 100 })
    expect(propagation.of('nobody')).toEqual(NOTHING)
  })

  it('counts each peer once for a block, and nobody for our own or for old ones', async () => {
    const clock = new FakeClock()
    const propagation = new BlockPropagation(clock)
    propagation.onHeard('block', 'a', true)
    await clock.advance(5)
    propagation.onHeard('block', 'a', false)
    propagation.onHeard('block', 'b', false)
    await clock.advance(5)
    propagation.onHeard('block', 'b', false)
    expect(propagation.of('a')).toEqual({ firstCount: 1, medianDelayMs: undefined })
    expect(propagation.of('b')).toEqual({ firstCount: 0, medianDelayMs: 5 })
    propagation.onOwn('ours')
    propagation.onHeard('ours', 'c', false)
    propagation.onHeard('had long ago', 'c', false)
    await clock.advance(MAX_DELAY_MS)
    propagation.onHeard('block', 'c', false)
    expect(propagation.of('c')).toEqual(NOTHING)
  })

  it('forgets who has gone, old blocks and old delays', async () => {
    const clock = new FakeClock()
    const propagation = new BlockPropagation(clock)
    for (let index = 0; index < 2 * MAX_DELAYS; index++) {
      propagation.onHeard(`block ${index}`, 'fast', true)
      await clock.advance(index < MAX_DELAYS ? 1 : 9)
      propagation.onHeard(`block ${index}`, 'slow', false)
    }
    expect(propagation.of('slow').medianDelayMs).toBe(9)
    for (let index = 0; index < MAX_TIMED_BLOCKS; index++) {
      propagation.onHeard(`other ${index}`, 'fast', true)
    }
    propagation.onHeard('block 0', 'late', false)
    expect(propagation.of('late')).toEqual(NOTHING)
    propagation.forget('fast')
    expect(propagation.of('fast')).toEqual(NOTHING)
  })
})
