import { beforeEach, describe, expect, it } from 'vitest'
import { FAR_BEHIND_BLOCKS, SyncProgress } from '../../../src/sync/sync-progress.ts'
import type { LogFields } from '../../../src/util/index.ts'
import { createFixedClock, silentLog } from '../../support/memory-chain.ts'

let lines: { message: string; fields: LogFields | undefined }[]
let seconds: number
let progress: SyncProgress
let clock: ReturnType<typeof createFixedClock>

beforeEach(() => {
  lines = []
  seconds = 1_000
  clock = createFixedClock(seconds)
  progress = new SyncProgress(clock, {
    ...silentLog,
    info: (message, fields) => lines.push({ message, fields }),
  })
})

/** One second on. */
function update(height: number, headerHeight: number, delivered: number): void {
  seconds += 1
  clock.set(seconds)
  progress.update({ height, headerHeight, delivered })
}

describe('SyncProgress', () => {
  it('tells every few seconds how far a long chain is fetched, and once at the end', () => {
    for (let i = 1; i <= 20; i++) update(i * 100, 2_000, i * 100)
    update(2_000, 2_000, 2_000)
    expect(lines.map(({ message }) => message)).toEqual([
      'catching up',
      'catching up',
      'catching up',
      'fetched the chain',
    ])
    expect(lines[0]?.fields).toEqual({
      height: 600,
      headers: 2_000,
      blocksPerSecond: 100,
      secondsLeft: 14,
    })
    expect(lines.at(-1)?.fields).toMatchObject({ height: 2_000, blocks: 1_900 })
    expect(progress.isFarBehind).toBe(false)
  })

  it('is silent about a few blocks', () => {
    update(10, 10 + FAR_BEHIND_BLOCKS, 5)
    expect(progress.isFarBehind).toBe(false)
    update(10 + FAR_BEHIND_BLOCKS, 10 + FAR_BEHIND_BLOCKS, 10)
    expect(lines).toEqual([])
  })

  it('believes no headers whose blocks nobody sends', () => {
    for (let i = 0; i < 60; i++) update(i, 10_000, 0)
    expect(progress.isFarBehind).toBe(false)
    expect(lines).toEqual([])
  })

  it('ends when nothing comes any more', () => {
    update(1, 1_000, 1)
    update(2, 1_000, 2)
    expect(progress.isFarBehind).toBe(true)
    for (let i = 0; i < 15; i++) update(2, 1_000, 2)
    expect(progress.isFarBehind).toBe(false)
    expect(lines.at(-1)?.message).toBe('stopped fetching the chain')
  })
})
