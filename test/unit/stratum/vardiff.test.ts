import { describe, expect, it } from 'vitest'
import { SHARE_INTERVAL_MS, Vardiff } from '../../../src/stratum/vardiff.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const NO_LIMIT = Number.POSITIVE_INFINITY
const HOUR_MS = 3_600_000
const HASHES_PER_DIFFICULTY = 2 ** 32

interface Run {
  /** Changes until the difficulty was within a factor of two of the ideal one. */
  readonly changesToFit: number
  readonly changesAfterFit: number
}

/** Lets a miner of constant speed run, who finds shares at random times. */
function simulate(
  hashesPerSecond: number,
  startDifficulty: number,
  durationMs: number,
  random: () => number,
): Run {
  const vardiff = new Vardiff(startDifficulty, 0)
  const ideal = (hashesPerSecond * (SHARE_INTERVAL_MS / 1_000)) / HASHES_PER_DIFFICULTY
  const isFit = (): boolean => {
    const ratio = vardiff.difficulty / ideal
    return ratio >= 0.5 && ratio <= 2
  }
  let changes = 0
  let changesToFit = isFit() ? 0 : undefined
  let now = 0
  const drawShare = (): number =>
    now -
    (Math.log(1 - random()) * 1_000 * HASHES_PER_DIFFICULTY * vardiff.difficulty) / hashesPerSecond
  let shareAt = drawShare()
  let tickAt = 1_000
  while (now < durationMs) {
    now = Math.min(shareAt, tickAt)
    if (now === tickAt) tickAt += 1_000
    else vardiff.addShare(vardiff.difficulty, now)
    const isChanged = vardiff.next(now, NO_LIMIT) !== undefined
    if (isChanged) changes += 1
    // Without memory: the search begins anew at each moment.
    if (isChanged || now === shareAt) shareAt = drawShare()
    if (changesToFit === undefined && isFit()) changesToFit = changes
  }
  const toFit = changesToFit ?? Number.POSITIVE_INFINITY
  return { changesToFit: toFit, changesAfterFit: changes - toFit }
}

describe('the variable difficulty', () => {
  it('fits any constant speed within three changes, and then stays', () => {
    const seeded = new SeededRandom(9)
    const random = (): number => seeded.float()
    const speeds = [1e3, 3e4, 1e6, 2.5e7, 1e9, 6e11, 1e14]
    const runs = speeds.flatMap((speed) =>
      Array.from({ length: 60 }, () => simulate(speed, 1, 10 * HOUR_MS, random)),
    )
    expect(Math.max(...runs.map(({ changesToFit }) => changesToFit))).toBeLessThanOrEqual(3)
    const steady = runs.filter(({ changesAfterFit }) => changesAfterFit === 0)
    expect(steady.length / runs.length).toBeGreaterThanOrEqual(0.99)
  })
})
