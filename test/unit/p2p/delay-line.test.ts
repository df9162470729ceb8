import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { DelayLine, MAX_DELAYED_BYTES } from '../../../src/p2p/delay-line.ts'
import { type Faults, NO_FAULTS } from '../../../src/p2p/index.ts'

const half = { float: () => 0.5, bytes: (size: number) => new Uint8Array(size) }

function list(...bytes: readonly number[]): Uint8ArrayList {
  return new Uint8ArrayList(Uint8Array.from(bytes))
}

/** Takes out everything that is due. */
function drain(line: DelayLine, now: number): number[] {
  const bytes: number[] = []
  for (let next = line.shift(now); next !== undefined; next = line.shift(now)) {
    bytes.push(...next.subarray())
  }
  return bytes
}

describe('DelayLine', () => {
  it('holds bytes up for the latency and a share of the jitter', () => {
    const line = new DelayLine(half)
    line.push(list(1, 2), { ...NO_FAULTS, latencyMs: 100, jitterMs: 40 }, 1_000)
    expect(line.nextDueAt).toBe(1_120)
    expect(drain(line, 1_119)).toEqual([])
    expect(drain(line, 1_120)).toEqual([1, 2])
    expect(line.isEmpty).toBe(true)
  })

  it('lets bytes trickle at the capped rate, after whatever is on the wire', () => {
    const line = new DelayLine(half)
    const faults = { ...NO_FAULTS, bytesPerSecond: 1_000 }
    line.push(new Uint8ArrayList(new Uint8Array(5_000)), faults, 0)
    line.push(list(7), faults, 10)
    expect(drain(line, 1_023)).toHaveLength(0)
    expect(drain(line, 2_048)).toHaveLength(2_048)
    expect(drain(line, 5_000)).toHaveLength(2_952)
    expect(drain(line, 5_001)).toEqual([7])
  })

  it('sets what waits on its way anew under other faults', () => {
    const line = new DelayLine(half)
    line.push(list(1), { ...NO_FAULTS, latencyMs: 60_000 }, 0)
    line.push(list(2), { ...NO_FAULTS, latencyMs: 60_000 }, 0)
    line.restart(NO_FAULTS, 5)
    expect(drain(line, 5)).toEqual([1, 2])
  })

  it('has no room for more than its bound, in many small pieces neither', () => {
    const line = new DelayLine(half)
    const faults = { ...NO_FAULTS, latencyMs: 1 }
    let pushed = 0
    while (line.room > 0) {
      line.push(list(1), faults, 0)
      pushed++
    }
    expect(pushed).toBeLessThan(MAX_DELAYED_BYTES / 100)
    drain(line, 1)
    expect(line.room).toBe(MAX_DELAYED_BYTES)
  })

  it('gives out all bytes in order, whatever the faults are and become', () => {
    const faults: fc.Arbitrary<Faults> = fc.record({
      isBlocked: fc.constant(false),
      latencyMs: fc.nat(1_000),
      jitterMs: fc.nat(1_000),
      bytesPerSecond: fc.option(fc.integer({ min: 100, max: 10_000 }), { nil: undefined }),
      cutsPerSecond: fc.constant(0),
    })
    const step = fc.record({
      faults,
      size: fc.integer({ min: 1, max: 3_000 }),
      pauseMs: fc.nat(500),
      restarts: fc.boolean(),
      jitter: fc.double({ min: 0, max: 0.999, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let jitter = 0
        const line = new DelayLine({ float: () => jitter, bytes: (size) => new Uint8Array(size) })
        const sent: number[] = []
        const came: number[] = []
        let now = 0
        for (const { faults: current, size, pauseMs, restarts, jitter: drawn } of steps) {
          jitter = drawn
          const bytes = Array.from({ length: size }, (_, at) => (sent.length + at) & 0xff)
          sent.push(...bytes)
          if (restarts) line.restart(current, now)
          line.push(list(...bytes), current, now)
          now += pauseMs
          came.push(...drain(line, now))
        }
        came.push(...drain(line, Number.MAX_SAFE_INTEGER))
        expect(Buffer.from(came).equals(Buffer.from(sent))).toBe(true)
      }),
    )
  })
})
