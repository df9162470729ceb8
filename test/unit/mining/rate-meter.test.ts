import { describe, expect, it } from 'vitest'
import { RateMeter } from '../../../src/mining/rate-meter.ts'
import { FakeClock } from '../../support/fake-clock.ts'

describe('RateMeter', () => {
  it('begins at nothing, and counts the running second while there is no other', async () => {
    const clock = new FakeClock()
    const meter = new RateMeter(clock)
    expect(meter.rates()).toEqual({ second: 0, minute: 0, quarterHour: 0 })
    await clock.advance(500)
    meter.add(100)
    expect(meter.rates().second).toBe(200)
  })

  it('tells the last second, minute and quarter of an hour apart', async () => {
    const clock = new FakeClock()
    const meter = new RateMeter(clock)
    for (let second = 0; second < 1_000; second++) {
      meter.add(second < 990 ? 100 : 400)
      await clock.advance(1_000)
    }
    const { second, minute, quarterHour } = meter.rates()
    expect(second).toBe(400)
    expect(minute).toBeCloseTo((50 * 100 + 10 * 400) / 60, 6)
    expect(quarterHour).toBeCloseTo((889 * 100 + 10 * 400) / 899, 6)
    expect(meter.total).toBe(990 * 100 + 10 * 400)
  })

  it('forgets what is longer ago than a window, and counts silence', async () => {
    const clock = new FakeClock()
    const meter = new RateMeter(clock)
    meter.add(6_000)
    await clock.advance(30_000)
    expect(meter.rates()).toMatchObject({ second: 0, minute: 200, quarterHour: 200 })
    await clock.advance(31_000)
    expect(meter.rates().minute).toBe(0)
    await clock.advance(3_600_000)
    expect(meter.rates()).toEqual({ second: 0, minute: 0, quarterHour: 0 })
  })
})
