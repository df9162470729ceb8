/** A miner's end of Stratum, against pools that say what they are told to. */

import { describe, expect, it } from 'vitest'
import { difficultyToTarget, readPoolJob } from '../../../src/stratum/index.ts'
import {
  LOGIN_TIMEOUT_MS,
  MAX_BAD_LINES,
  MAX_PENDING_SHARES,
  POOL_SILENCE_MS,
  SHARE_TIMEOUT_MS,
} from '../../../src/stratum/stratum-client.ts'
import { decodeHex } from '../../../src/util/index.ts'
import { createLinkScene, RECORDED } from '../../support/scripted-pool.ts'

const MASK = '1fffe000'

describe('a miner at a pool', () => {
  it('subscribes, logs in and reads a job, whatever comes between', () => {
    const { end, jobs, link, connections } = createLinkScene({ isVersionRolled: true })
    expect(end.messages.map(({ method }) => method)).toEqual([
      'mining.configure',
      'mining.subscribe',
    ])
    expect(end.sent('mining.configure')[0]?.params).toMatchObject([
      ['version-rolling'],
      { 'version-rolling.mask': MASK },
    ])
    end.tell('mining.set_difficulty', [0.25])
    end.answer('mining.configure', { 'version-rolling': true, 'version-rolling.mask': 'ffffffff' })
    end.admit()
    expect(end.sent('mining.authorize')[0]?.params).toEqual(['someone.rig', 'x'])
    expect(connections).toEqual(['stratum+tcp://pool-0:3333'])
    end.notify()
    expect(jobs).toHaveLength(1)
    expect(jobs[0]).toMatchObject({
      id: '1',
      height: RECORDED.height,
      version: 0x20000000,
      bits: 0x192495f8,
      time: 0x64b3f3ec,
      difficulty: 0.25,
      shareTarget: difficultyToTarget(0.25),
      isClean: false,
    })
    // No more bits than we have asked for.
    expect(link.versionMask).toBe(0x1fffe000)
  })

  it('keeps a job that comes before the login for after it', () => {
    const { end, jobs } = createLinkScene()
    const { extraNonce1 } = RECORDED
    end.answer('mining.subscribe', [[], extraNonce1, 4])
    end.notify()
    expect(jobs).toHaveLength(0)
    end.answer('mining.authorize', true)
    expect(jobs).toHaveLength(1)
  })

  it('submits what a Bitaxe has submitted for the same job, and counts the verdicts', () => {
    const { end, link, share, verdicts } = createLinkScene({ isVersionRolled: true })
    end.answer('mining.configure', { 'version-rolling': true, 'version-rolling.mask': MASK })
    end.admit()
    end.notify()
    const job = link.job
    link.submit(share(job, { version: RECORDED.solution.version, isBlock: true }))
    const [submitted] = end.sent('mining.submit')
    expect(submitted?.params).toEqual([
      'someone.rig',
      '1',
      'c7080000',
      '64b3f3ec',
      'ed460d91',
      '00002000',
    ])
    end.answer('mining.submit', true)
    for (const error of [[23, 'Low difficulty', null], { code: 23, message: 'Low' }, 'low', null]) {
      link.submit(share())
      end.answer('mining.submit', error === null ? false : null, error)
    }
    expect(verdicts).toEqual([
      undefined,
      'Low difficulty (23)',
      'Low (23)',
      'low',
      'no reason given',
    ])
    expect(link.counts).toMatchObject({ accepted: 1, refused: 4, blocks: 1, lost: 0 })
  })

  it('sends no version bits that the pool has not allowed, and takes a new mask at once', () => {
    const { end, link, share, texts } = createLinkScene({ isVersionRolled: true })
    end.answer('mining.configure', { 'version-rolling': false })
    end.admit()
    end.notify()
    const { version } = RECORDED.solution
    link.submit(share(link.job, { version }))
    expect(link.counts.stale).toBe(1)
    link.submit(share())
    expect(end.sent('mining.submit')[0]?.params).toHaveLength(5)
    end.tell('mining.set_version_mask', ['00002000'])
    expect(texts).toEqual(['mask'])
    link.submit(share(link.job, { version }))
    expect(end.sent('mining.submit')[1]?.params?.[5]).toBe('00002000')
  })

  it('applies a difficulty from the next job on', () => {
    const { end, jobs } = createLinkScene()
    end.admit()
    end.notify()
    end.tell('mining.set_difficulty', [512])
    expect(jobs.map((job) => job?.difficulty)).toEqual([1])
    end.notify({ 0: '2' })
    expect(jobs.map((job) => job?.difficulty)).toEqual([1, 512])
    expect(jobs[1]?.shareTarget).toBe(difficultyToTarget(512))
  })

  it('submits for older jobs until a clean one comes, and blocks even then', () => {
    const { end, link, share } = createLinkScene()
    end.admit()
    end.notify()
    const first = link.job
    end.notify({ 0: '2' })
    link.submit(share(first))
    expect(end.sent('mining.submit')).toHaveLength(1)
    end.notify({ 0: '3', 8: true })
    link.submit(share(first))
    expect(end.sent('mining.submit')).toHaveLength(1)
    expect(link.counts.stale).toBe(1)
    link.submit(share(first, { isBlock: true }))
    expect(end.sent('mining.submit')).toHaveLength(2)
  })

  it('takes another extra nonce from the next job on, and submits nothing of the one before then', () => {
    const { end, link, share, jobs } = createLinkScene()
    end.admit()
    end.notify()
    const before = link.job
    end.tell('mining.set_extranonce', ['a1b2c3d4', 4])
    link.submit(share(before))
    expect(end.sent('mining.submit')).toHaveLength(1)
    end.notify({ 0: '2' })
    expect(jobs[1]?.extraNonce1).toEqual(decodeHex('a1b2c3d4'))
    link.submit(share(before))
    expect(end.sent('mining.submit')).toHaveLength(1)
  })

  it('drops shares while too many are without an answer', () => {
    const { end, link, share } = createLinkScene()
    end.admit()
    end.notify()
    for (let i = 0; i < MAX_PENDING_SHARES + 3; i++) link.submit(share())
    expect(end.sent('mining.submit')).toHaveLength(MAX_PENDING_SHARES)
    expect(link.counts.dropped).toBe(3)
    end.drop()
    expect(link.counts.lost).toBe(MAX_PENDING_SHARES)
  })

  it('answers what pools ask, and shows their texts without control characters', () => {
    const { end, texts } = createLinkScene()
    end.tell('client.get_version', [], 7)
    end.tell('mining.ping', [], 8)
    end.tell('mining.strange', [], 9)
    expect(end.messages.slice(1)).toEqual([
      { id: 7, result: 'test/1', error: null },
      { id: 8, result: 'pong', error: null },
      { id: 9, result: null, error: [20, 'Not supported.', null] },
    ])
    end.tell('client.show_message', [`be\u001b[31mware ${'x'.repeat(1_000)}`])
    expect(texts[0]).toMatch(/^be\?\[31mware x+$/)
    expect(texts[0]).toHaveLength(256)
  })

  it.each([
    ['a hash that is none', { 1: '00' }],
    ['a hash of zeros', { 1: '0'.repeat(64) }],
    ['a coinbase that is no transaction', { 3: 'ffffffff' }],
    ['a coinbase that is no hex', { 2: 'zz' }],
    ['an extra nonce outside of the input script', { 2: '', 3: `${RECORDED.notify[2]}00` }],
    [
      'a coinbase without a height',
      { 2: String(RECORDED.notify[2]).replace('1903c943', '19ffc943') },
    ],
    ['a merkle branch that is too long', { 4: Array(33).fill('00'.repeat(32)) }],
    ['a target that is negative', { 6: '01800001' }],
    ['a target that overflows', { 6: 'ff123456' }],
    ['a target of zero', { 6: '00000000' }],
    ['a time of three digits', { 7: 'abc' }],
    ['an id of two thousand characters', { 0: 'x'.repeat(2_000) }],
    ['no id', { 0: 5 }],
  ])('passes over a job with %s, and leaves a pool that sends no other', (_, changes) => {
    const { end, jobs, texts, connections } = createLinkScene()
    end.admit()
    end.notify()
    for (let i = 1; i < MAX_BAD_LINES; i++) end.notify(changes)
    expect(jobs).toHaveLength(1)
    expect(texts).toHaveLength(MAX_BAD_LINES - 1)
    expect(end.isClosed).toBe(false)
    end.notify(changes)
    expect(end.isClosed).toBe(true)
    expect(connections.at(-1)).toMatch(/makes no sense/)
  })

  it('refuses a job whose extra nonce is no part of the input script', () => {
    const [id, prevHash, prefix = '', suffix = '', ...rest] = RECORDED.notify as readonly string[]
    const coinbase = `${prefix}${RECORDED.extraNonce1}c7080000${suffix}`
    const read = (at: number) =>
      readPoolJob([id, prevHash, coinbase.slice(0, 2 * at), coinbase.slice(2 * at + 8), ...rest], {
        extraNonce1: new Uint8Array(0),
        extraNonce2Size: 4,
        difficulty: 1,
        payoutScript: undefined,
      })
    // Within the script; as version; as lock time.
    expect(read(prefix.length / 2).height).toBe(RECORDED.height)
    for (const at of [0, coinbase.length / 2 - 4]) {
      expect(() => read(at)).toThrow(/outside of the input script/)
    }
  })

  it('passes over a job whose height is far from the one before', () => {
    const { end, jobs } = createLinkScene()
    end.admit()
    end.notify()
    const prefix = String(RECORDED.notify[2])
    end.notify({ 0: '2', 2: prefix.replace('03c94325', '03ca4325') })
    end.notify({ 0: '3', 2: prefix.replace('03c94325', '03c94300') })
    expect(jobs.map((job) => job?.height)).toEqual([RECORDED.height, RECORDED.height + 1])
  })

  it.each([0, -1, 'many', null, 1e200])('passes over the difficulty %s', (difficulty) => {
    const { end, jobs } = createLinkScene()
    end.admit()
    end.tell('mining.set_difficulty', [2])
    end.tell('mining.set_difficulty', [difficulty])
    end.notify()
    expect(jobs[0]?.difficulty).toBe(2)
  })

  it('leaves a pool that sends garbage, or far too much', () => {
    const garbage = createLinkScene()
    for (let i = 0; i < MAX_BAD_LINES; i++) garbage.end.line('{"method":5}')
    expect(garbage.end.isClosed).toBe(true)
    const flood = createLinkScene()
    for (let i = 0; i < 3_000; i++) flood.end.tell('client.show_message', ['x'])
    expect(flood.end.isClosed).toBe(true)
    expect(flood.texts.length).toBeLessThanOrEqual(2_000)
  })

  it('tells jobs that pay somebody else from those that pay as wished', () => {
    const own = createLinkScene({
      payoutScript: decodeHex('0014e6f22ca44dc800e9d049621a3b9a42c509f1c4bc'),
    })
    own.end.admit()
    own.end.notify()
    expect(own.link.job?.isPaid).toBe(true)
    const other = createLinkScene({ payoutScript: decodeHex(`0014${'11'.repeat(20)}`) })
    other.end.admit()
    other.end.notify()
    expect(other.link.job?.isPaid).toBe(false)
    expect(other.link.counts.unpaidJobs).toBe(1)
  })
})

describe('the way to several pools', () => {
  it('tries them in their order, ever more rarely, and says so when none can be reached', async () => {
    const { ends, clock, connections } = createLinkScene({ pools: 2 })
    const times: number[] = []
    for (let i = 0; i < 12; i++) {
      const { length } = ends
      ends.at(-1)?.drop('refused')
      const from = clock.monotonic()
      while (ends.length === length) await clock.advance(10)
      times.push(clock.monotonic() - from)
    }
    expect(ends.map(({ address }) => address.host).slice(0, 4)).toEqual([
      'pool-0',
      'pool-1',
      'pool-0',
      'pool-1',
    ])
    expect(connections.filter((line) => line.startsWith('unreachable'))).toHaveLength(1)
    // Base, twice for each round, and half of the jitter.
    expect(times.slice(0, 6)).toEqual([150, 250, 250, 450, 450, 850])
    expect(Math.max(...times)).toBeLessThanOrEqual(30_100)
  })

  it('goes to the next pool when one is lost, and to the first after a good one', async () => {
    const { ends, clock, jobs } = createLinkScene({ pools: 3 })
    ends[0]?.admit()
    ends[0]?.notify()
    ends[0]?.drop()
    expect(jobs.at(-1)).toBeUndefined()
    await clock.advance(1_000)
    expect(ends[1]?.address.host).toBe('pool-1')
    ends[1]?.admit()
    ends[1]?.notify()
    await clock.advance(10_000)
    ends[1]?.drop()
    await clock.advance(1_000)
    expect(ends[2]?.address.host).toBe('pool-0')
  })

  it('resumes the session with the same pool, and begins a new one if that is refused', async () => {
    const { ends, clock } = createLinkScene()
    ends[0]?.admit('session-1')
    ends[0]?.drop()
    await clock.advance(1_000)
    expect(ends[1]?.sent('mining.subscribe')[0]?.params).toEqual(['test/1', 'session-1'])
    ends[1]?.answer('mining.subscribe', null, [20, 'unknown session', null])
    expect(ends[1]?.sent('mining.subscribe')[1]?.params).toEqual(['test/1'])
    ends[1]?.admit()
    expect(ends[1]?.sent('mining.authorize')).toHaveLength(1)
  })

  it('leaves a pool that does not let it in, falls silent, or answers no share', async () => {
    for (const [waitMs, problem] of [
      [LOGIN_TIMEOUT_MS, /let us in/],
      [POOL_SILENCE_MS, /said anything/],
      [SHARE_TIMEOUT_MS, /answered a share/],
    ] as const) {
      const { end, clock, link, share, connections } = createLinkScene()
      if (waitMs !== LOGIN_TIMEOUT_MS) end.admit()
      if (waitMs === SHARE_TIMEOUT_MS) {
        end.notify()
        link.submit(share())
      }
      await clock.advance(waitMs - 100)
      expect(end.isClosed).toBe(false)
      await clock.advance(2_000)
      expect(end.isClosed).toBe(true)
      expect(connections.find((line) => problem.test(line))).toBeDefined()
    }
  })

  it('says why a pool refuses the user', () => {
    const { end, connections } = createLinkScene()
    end.answer('mining.subscribe', [[], RECORDED.extraNonce1, 4])
    end.answer('mining.authorize', null, [24, 'who?', null])
    expect(connections[0]).toMatch(/refuses the user someone\.rig: who\? \(24\)/)
  })

  it('connects again where and when the pool asks for it, and to no other host', async () => {
    const { ends, clock, texts } = createLinkScene({ pools: 2 })
    ends[0]?.admit()
    ends[0]?.tell('client.reconnect', ['elsewhere', 3_333, 0])
    expect(texts[0]).toMatch(/elsewhere.*stays/)
    expect(ends[0]?.isClosed).toBe(false)
    ends[0]?.tell('client.reconnect', ['pool-0', '4444', 5])
    expect(ends[0]?.isClosed).toBe(true)
    await clock.advance(4_900)
    expect(ends).toHaveLength(1)
    await clock.advance(500)
    expect(ends[1]?.address).toEqual({ host: 'pool-0', port: 4_444 })
  })

  it('waits for the answers to the last shares at the end, and connects no more', async () => {
    const { ends, end, clock, link, share } = createLinkScene()
    end.admit()
    end.notify()
    link.submit(share())
    const stopped = link.stop()
    await clock.advance(50)
    expect(end.isClosed).toBe(false)
    end.answer('mining.submit', true)
    await clock.advance(50)
    await stopped
    expect(end.isClosed).toBe(true)
    expect(link.counts).toMatchObject({ accepted: 1, lost: 0 })
    await clock.advance(60_000)
    expect(ends).toHaveLength(1)
  })
})
