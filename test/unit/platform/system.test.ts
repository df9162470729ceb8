import { describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../../../src/platform/system.ts'

describe('systemClock', () => {
  it('fires a timer once, not before its time', async () => {
    const startedAt = systemClock.monotonic()
    await new Promise<void>((resolve) => void systemClock.schedule(20, resolve))
    expect(systemClock.monotonic() - startedAt).toBeGreaterThanOrEqual(19)
  })

  it('cancels timers, also those longer than the runtime can wait at once', async () => {
    const fired: string[] = []
    const timers = [0, 5, 2 ** 31 + 5, Number.POSITIVE_INFINITY].map((delayMs) =>
      systemClock.schedule(delayMs, () => fired.push(`${delayMs}`)),
    )
    timers[0]?.cancel()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(fired).toEqual(['5'])
    for (const timer of timers) timer.cancel()
  })
})

describe('systemRandom', () => {
  it('fills any size, beyond what the runtime gives at once', () => {
    expect(systemRandom.bytes(0)).toHaveLength(0)
    const bytes = systemRandom.bytes(200_000)
    expect(bytes).toHaveLength(200_000)
    const tail = bytes.subarray(-1_000)
    expect(new Set(tail).size).toBeGreaterThan(200)
  })
})
