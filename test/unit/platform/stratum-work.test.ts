import { describe, expect, it } from 'vitest'
import { hashToNumber } from '../../../src/consensus/index.ts'
import { checkHit } from '../../../src/mining/check-hit.ts'
import { type Job, type JobHit, MAX_WORKERS } from '../../../src/mining/index.ts'
import { parsePoolUrl } from '../../../src/platform/nodejs/pool-socket.ts'
import { formatStratumStatus } from '../../../src/platform/nodejs/stratum-mine-output.ts'
import { StratumJob, StratumWork } from '../../../src/platform/nodejs/stratum-work.ts'
import {
  difficultyToTarget,
  type FoundShare,
  type PoolJob,
  readPoolJob,
} from '../../../src/stratum/index.ts'
import { decodeHex, encodeHex } from '../../../src/util/index.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { RECORDED } from '../../support/scripted-pool.ts'

const MASK = 0x1fffe000

function createPoolJob(difficulty: number, changes: Partial<PoolJob> = {}): PoolJob {
  const { extraNonce1, extraNonce2Size, notify } = RECORDED
  const terms = { extraNonce1: decodeHex(extraNonce1), extraNonce2Size, difficulty }
  return { ...readPoolJob(notify, { ...terms, payoutScript: undefined }), ...changes }
}

/** Random numbers of which the first unit of {@link RECORDED} begins with the recorded extra nonce. */
const random = { float: () => 0xc708 / 0x10000, bytes: (size: number) => new Uint8Array(size) }

describe('the job of a pool', () => {
  it('becomes work whose solution is the share that was recorded', () => {
    const shares: FoundShare[] = []
    const job = new StratumJob(
      createPoolJob(512),
      () => MASK,
      random,
      (share) => shares.push(share),
    )
    const unit = job.createUnit(5)
    if (unit === undefined) throw new TypeError('no unit')
    const { nonce, time, version } = RECORDED.solution
    const solved = { unitId: 5, extraNonce2: new Uint8Array(2), time, version, nonce }
    const hash = checkHit(unit, solved)
    if (hash === undefined) throw new TypeError('no hit')
    const hit: JobHit = { unit, solved, hash }
    job.onHit(hit)
    expect(shares[0]).toMatchObject({ time, version, nonce, isBlock: false })
    expect(encodeHex(shares[0]?.extraNonce2 ?? new Uint8Array(0))).toBe('c7080000')
    // Twice as hard, and it would be none.
    const harder = new StratumJob(
      createPoolJob(1_024),
      () => MASK,
      random,
      () => undefined,
    )
    const other = harder.createUnit(5)
    expect(other === undefined || checkHit(other, solved)).toBeUndefined()
  })

  it.each([1, 2, 3, 4, 8, 12])(
    'gives units that differ where there are %i bytes',
    (extraNonce2Size) => {
      const job = new StratumJob(
        createPoolJob(1, { extraNonce2Size }),
        () => 0,
        random,
        () => undefined,
      )
      const units = Array.from({ length: MAX_WORKERS }, (_, id) => job.createUnit(id))
      const keys = units.map((unit) => encodeHex(unit?.extraNonce1 ?? new Uint8Array(0)))
      expect(new Set(keys).size).toBe(MAX_WORKERS)
      for (const unit of units) {
        const own = (unit?.extraNonce1.length ?? 0) - 4 + (unit?.extraNonce2Size ?? 0)
        expect(own).toBe(extraNonce2Size)
      }
      if (extraNonce2Size === 1) expect(job.createUnit(0)).toBeUndefined()
    },
  )

  it('bounds how easy a share may be, and tells of every block that is not easier', () => {
    const targetsOf = (difficulty: number, target: bigint) => {
      const poolJob = createPoolJob(difficulty, { target })
      const unit = new StratumJob(
        poolJob,
        () => 0,
        random,
        () => undefined,
      ).createUnit(1)
      return [unit?.shareTarget, unit?.blockTarget].map((bytes) =>
        hashToNumber(bytes ?? new Uint8Array(32)),
      )
    }
    const easiest = difficultyToTarget(2 ** -16)
    const [one, two] = [difficultyToTarget(1), difficultyToTarget(2)]
    expect(targetsOf(1, two)).toEqual([one, two])
    // Shares that are harder than the block: the block counts.
    expect(targetsOf(2, one)).toEqual([one, one])
    expect(targetsOf(2 ** -30, two)).toEqual([easiest, two])
    expect(targetsOf(1, difficultyToTarget(2 ** -30))).toEqual([easiest, easiest])
  })
})

describe('the work of a pool', () => {
  const createScene = () => {
    const clock = new FakeClock()
    const jobs = new Set<Job>()
    const shares: FoundShare[] = []
    const miner = {
      addJob: (job: Job) => void jobs.add(job),
      removeJob: (job: Job) => void jobs.delete(job),
    }
    const work = new StratumWork({
      miner,
      getVersionMask: () => 0,
      onShare: (share) => shares.push(share),
      clock,
      random,
    })
    const find = (hash: Uint8Array): void => {
      const [job] = jobs
      const unit = job?.createUnit(1, new Uint8Array(8))
      if (unit === undefined) throw new TypeError('no unit')
      const solved = { unitId: 1, extraNonce2: new Uint8Array(2), time: 0, version: 0, nonce: 0 }
      job?.onHit({ unit, solved, hash: hash as JobHit['hash'] })
    }
    return { clock, jobs, shares, work, find }
  }

  it('is one job at a time', () => {
    const { jobs, work } = createScene()
    work.setJob(createPoolJob(1))
    const [first] = jobs
    work.setJob(createPoolJob(2))
    expect(jobs.size).toBe(1)
    expect(jobs.has(first as Job)).toBe(false)
    work.refresh()
    expect(jobs.size).toBe(1)
    work.setJob(undefined)
    expect(jobs.size).toBe(0)
  })

  it('rests after a block until another job comes, or for two seconds', async () => {
    const { clock, jobs, shares, work, find } = createScene()
    work.setJob(createPoolJob(1))
    find(new Uint8Array(32).fill(0xff))
    expect(shares[0]?.isBlock).toBe(false)
    expect(jobs.size).toBe(1)
    find(new Uint8Array(32))
    expect(shares[1]?.isBlock).toBe(true)
    expect(jobs.size).toBe(0)
    work.refresh()
    expect(jobs.size).toBe(0)
    await clock.advance(2_000)
    expect(jobs.size).toBe(1)
    find(new Uint8Array(32))
    work.setJob(createPoolJob(2))
    expect(jobs.size).toBe(1)
    await clock.advance(5_000)
    expect(jobs.size).toBe(1)
    find(new Uint8Array(32))
    work.setJob(undefined)
    await clock.advance(5_000)
    expect(jobs.size).toBe(0)
  })
})

describe('parsePoolUrl', () => {
  it.each([
    ['stratum+tcp://pool.example:3334', 'pool.example', 3_334],
    ['stratum://10.0.0.1:1', '10.0.0.1', 1],
    ['pool.example', 'pool.example', 3_333],
    ['[::1]:3335', '::1', 3_335],
  ])('reads %s', (text, host, port) => {
    expect(parsePoolUrl(text)).toEqual({ host, port })
  })

  it.each([
    'http://pool:80',
    'stratum+ssl://pool:443',
    'stratum+tcp://me@pool',
    'pool:99999',
    'a/b',
    '',
  ])('refuses "%s"', (text) => {
    expect(() => parsePoolUrl(text)).toThrow(/no URL of a pool/)
  })
})

it('formats the live line of a miner at a pool', () => {
  const rates = { second: 2e6, minute: 2e6, quarterHour: 2e6 }
  const line = formatStratumStatus({
    type: 'status',
    pool: 'stratum+tcp://pool:3333',
    height: 7,
    difficulty: 0.5,
    expectedSeconds: 90,
    hashesPerSecond: rates,
    workers: [],
    bestDifficulty: 3,
    pending: 0,
    invalid: 0,
    isDegraded: false,
    accepted: 5,
    refused: 1,
    blocks: 2,
    stale: 1,
    dropped: 1,
    lost: 0,
    unpaidJobs: 3,
  })
  expect(line).toBe(
    'pool:3333 · height 7 · 2.00 MH/s · accepted 5 · refused 1 · diff 0.500 · a share in ~1.5 min · best 3.00 · blocks 2 · stale 2 · NOT PAID in 3 jobs',
  )
})
