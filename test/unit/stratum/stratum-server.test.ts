import { describe, expect, it } from 'vitest'
import { decodeBits } from '../../../src/consensus/index.ts'
import { difficultyToTarget } from '../../../src/stratum/index.ts'
import {
  HANDSHAKE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  MAX_HANDSHAKES,
  REFRESH_INTERVAL_MS,
} from '../../../src/stratum/stratum-server.ts'
import { settle } from '../../support/fake-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import {
  ADDRESS,
  createStratumScene,
  EASY_SHARE,
  mine,
  RARE_BLOCK_BITS,
  type TextMiner,
} from '../../support/stratum-scene.ts'

const SHARE_TARGET = difficultyToTarget(EASY_SHARE)
const BLOCK_TARGET = decodeBits(RARE_BLOCK_BITS).target
const isShare = (hash: bigint): boolean => hash <= SHARE_TARGET && hash > BLOCK_TARGET
const STRANGER = '192.0.2.1'

describe('a Stratum server', () => {
  it('announces a new tip to all miners, the fastest first', async () => {
    const scene = createStratumScene()
    const order: TextMiner[] = []
    const miners = [scene.connect(), scene.connect(), scene.connect()]
    for (const miner of miners) await miner.join(`${ADDRESS}.rig`, `d=${EASY_SHARE}`)
    // The second finds two shares, the third one.
    for (const [index, extraNonce2] of [
      [1, '0000000000000001'],
      [1, '0000000000000002'],
      [2, '0000000000000001'],
    ] as const) {
      const miner = miners[index] as TextMiner
      await scene.clock.advance(1_000)
      await miner.call('mining.submit', mine(miner, isShare, { extraNonce2 }).params)
    }
    for (const miner of miners) {
      const send = miner.send.bind(miner)
      miner.send = (text) => {
        if (text.includes('mining.notify')) order.push(miner)
        send(text)
      }
    }
    scene.moveTip()
    await settle()
    expect(order.map((miner) => miners.indexOf(miner))).toEqual([1, 2, 0])
    expect(miners.every(({ job }) => job.isClean)).toBe(true)
  })

  it('sends the same bytes to all miners of one payee', async () => {
    const { connect } = createStratumScene()
    const one = connect()
    const other = connect()
    await one.join()
    await other.join(`${ADDRESS}.other`)
    expect(other.job).toEqual(one.job)
    expect(other.extraNonce1).not.toBe(one.extraNonce1)
  })

  it('sends fresh work while the tip stays, and never the same search space twice', async () => {
    const { connect, clock } = createStratumScene()
    const miner = connect()
    await miner.join()
    for (let i = 0; i < 4; i++) {
      await clock.advance(REFRESH_INTERVAL_MS + 1_000)
      await miner.call('mining.ping', [])
    }
    const { jobs } = miner
    expect(jobs.length).toBeGreaterThanOrEqual(4)
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(jobs.length)
    expect(new Set(jobs.map(({ prefix }) => prefix)).size).toBe(jobs.length)
    expect(jobs.slice(1).every(({ isClean }) => !isClean)).toBe(true)
  })

  it('sends no work while there is none, and begins once there is', async () => {
    const scene = createStratumScene()
    scene.setTemplate(undefined)
    const miner = scene.connect()
    await miner.join()
    expect(miner.jobs).toHaveLength(0)
    scene.moveTip()
    await settle()
    expect(miner.jobs).toHaveLength(1)
  })

  it('lowers the difficulty of a miner that finds nothing', async () => {
    const { connect, clock } = createStratumScene()
    const miner = connect()
    await miner.join(`${ADDRESS}.rig`, 'd=1')
    await clock.advance(100_000)
    expect(miner.difficulty).toBe(1 / 1_024)
  })

  it('keeps a fixed difficulty', async () => {
    const { connect, clock } = createStratumScene()
    const miner = connect()
    await miner.join(`${ADDRESS}.rig`, 'fd=1')
    await clock.advance(100_000)
    await miner.call('mining.suggest_difficulty', [4])
    await settle()
    expect(miner.difficulty).toBe(1)
  })

  it('ends a handshake that takes too long, and a miner that falls silent', async () => {
    const { connect, clock, server } = createStratumScene()
    const silent = connect()
    const ready = connect()
    await ready.join()
    await clock.advance(HANDSHAKE_TIMEOUT_MS + 2_000)
    expect(silent.isClosed).toBe(true)
    expect(ready.isClosed).toBe(false)
    await clock.advance(IDLE_TIMEOUT_MS)
    expect(ready.isClosed).toBe(true)
    expect(server.sessions.size).toBe(0)
  })

  it('closes the oldest of too many handshakes, and no miner that has logged in', async () => {
    const { connect } = createStratumScene()
    const ready = connect()
    await ready.join()
    const silent = Array.from({ length: MAX_HANDSHAKES + 1 }, () => connect())
    expect(silent[0]?.isClosed).toBe(true)
    expect(silent[1]?.isClosed).toBe(false)
    expect(ready.isClosed).toBe(false)
  })

  it('refuses an address that connects again and again, beyond loopback alone', () => {
    const { connect } = createStratumScene()
    const strangers = Array.from({ length: 60 }, () => connect(STRANGER))
    expect(strangers.filter(({ isClosed }) => !isClosed)).toHaveLength(50)
    const neighbours = Array.from({ length: 60 }, () => connect())
    expect(neighbours.every(({ isClosed }) => !isClosed)).toBe(true)
  })

  it('bans an address most of whose shares are refused, and forgets it', async () => {
    const { connect, clock } = createStratumScene()
    const liar = connect(STRANGER)
    await liar.join()
    const { params } = mine(liar, (hash) => hash > SHARE_TARGET)
    for (let i = 0; i < 500; i++) await liar.call('mining.submit', params)
    expect(liar.isClosed).toBe(true)
    expect(connect(STRANGER).isClosed).toBe(true)
    expect(connect('192.0.2.2').isClosed).toBe(false)
    await clock.advance(600_000)
    expect(connect(STRANGER).isClosed).toBe(false)
  })

  it('stops reading from a miner that sends shares faster than they can be judged', async () => {
    const { connect } = createStratumScene()
    const miner = connect()
    await miner.join()
    const { params } = mine(miner, isShare)
    for (let i = 0; i < 100; i++) {
      miner.say(JSON.stringify({ id: 4, method: 'mining.submit', params }))
    }
    expect(miner.pauses).toBeGreaterThan(0)
    await settle()
    expect(miner.messages.filter(({ id }) => id === 4)).toHaveLength(100)
  })

  it('answers 20,000 lines of nonsense, and an honest miner meanwhile', async () => {
    const { connect, clock } = createStratumScene()
    const honest = connect()
    await honest.join()
    const random = new SeededRandom(3)
    const texts = ['{', '}', '[', ']', '"', ':', ',', 'null', '1e400', '-0', '"id"', '"method"']
    const words = [
      '"mining.submit"',
      '"params"',
      '"__proto__"',
      '\u0000',
      '\ud800',
      '{"a":'.repeat(50),
    ]
    const pieces = [...texts, ...words]
    let nonsense = connect()
    for (let i = 0; i < 20_000; i++) {
      if (nonsense.isClosed) nonsense = connect()
      const count = random.integer(1, 8)
      const parts = Array.from(
        { length: count },
        () => pieces[random.integer(0, pieces.length - 1)],
      )
      nonsense.say(parts.join(''))
    }
    await clock.advance(1_000)
    const { params } = mine(honest, isShare)
    expect((await honest.call('mining.submit', params)).result).toBe(true)
  })
})
