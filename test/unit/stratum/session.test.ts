import { describe, expect, it } from 'vitest'
import { decodeBits } from '../../../src/consensus/index.ts'
import { computeTxid, decodeHeader, toDisplayHex } from '../../../src/primitives/index.ts'
import { difficultyToTarget } from '../../../src/stratum/index.ts'
import { decodeHex, encodeHex } from '../../../src/util/index.ts'
import { settle } from '../../support/fake-clock.ts'
import {
  ADDRESS,
  createStratumScene,
  EASY_SHARE,
  EASY_TEMPLATE,
  hashNumberOf,
  mine,
  RARE_BLOCK_BITS,
} from '../../support/stratum-scene.ts'
import { buildHeader } from '../../support/stratum-text.ts'

const EASY_TARGET = difficultyToTarget(EASY_SHARE)
const BLOCK_TARGET = decodeBits(RARE_BLOCK_BITS).target
const isShare = (hash: bigint): boolean => hash <= EASY_TARGET && hash > BLOCK_TARGET
const isMiss = (hash: bigint): boolean => hash > EASY_TARGET

describe('a session', () => {
  it('answers subscribe first, and sends difficulty and a clean job after the login', async () => {
    const miner = createStratumScene().connect()
    await miner.call('mining.subscribe', ['cpuminer/2.5.1'])
    expect(miner.messages).toEqual([
      {
        id: 1,
        result: [
          [
            ['mining.set_difficulty', '00000000'],
            ['mining.notify', '00000000'],
          ],
          '00000000',
          8,
        ],
        error: null,
      },
    ])
    await miner.call('mining.authorize', [`${ADDRESS}.rig`, 'x'])
    const [, login, difficulty, notify] = miner.messages
    expect(login).toEqual({ id: 2, result: true, error: null })
    expect(difficulty).toMatchObject({ method: 'mining.set_difficulty', params: [2 ** -10] })
    expect(notify).toMatchObject({ id: null, method: 'mining.notify' })
    expect(miner.job.isClean).toBe(true)
    expect(miner.messages).toHaveLength(4)
  })

  it('takes the handshake in any order, and requests that are sent without waiting', async () => {
    const miner = createStratumScene().connect()
    miner.say('{"id":1,"method":"mining.suggest_difficulty","params":[0.25]}')
    miner.say(`{"id":2,"method":"mining.authorize","params":["${ADDRESS}","x"]}`)
    miner.say('{"id":3,"method":"mining.configure","params":[["version-rolling"],{}]}')
    expect(miner.jobs).toHaveLength(0)
    miner.say('{"id":4,"method":"mining.subscribe","params":["bitaxe/BM1370/v2.9.0"]}')
    await settle()
    expect(miner.messages.slice(0, 4).map(({ id }) => id)).toEqual([1, 2, 3, 4])
    expect(miner.difficulty).toBe(0.25)
    expect(miner.jobs).toHaveLength(1)
  })

  it('accepts a share, and credits the worker', async () => {
    const { connect, pool } = createStratumScene()
    const miner = connect()
    await miner.join()
    const { params } = mine(miner, isShare)
    expect(await miner.call('mining.submit', params)).toMatchObject({ result: true, error: null })
    expect(pool.workers.get(`${ADDRESS}.rig`)).toMatchObject({
      acceptedShares: 1,
      refusedShares: {},
    })
  })

  it.each([
    ['a hash above the target', 23, (_: string[], miss: string[]) => miss],
    [
      'a job that nobody sent',
      21,
      ([user, , ...rest]: string[]) => [user, 'ffffffffffff', ...rest],
    ],
    ['a worker who has not logged in', 24, ([, ...rest]: string[]) => ['mallory', ...rest]],
    ['a time before the window', 20, ([u, j, e, , n]: string[]) => [u, j, e, '00000001', n]],
    ['a time after the window', 20, ([u, j, e, , n]: string[]) => [u, j, e, 'ffffffff', n]],
    ['version bits without an agreement', 20, (params: string[]) => [...params, '00002000']],
    ['a short extra nonce', 20, ([u, j, , t, n]: string[]) => [u, j, '01', t, n]],
    ['a missing nonce', 20, ([u, j, e, t]: string[]) => [u, j, e, t]],
    ['a number for a text', 20, ([u, j, e, t]: string[]) => [u, j, e, t, 5]],
    ['parameters that are no list', 20, () => ({ a: 1 })],
    ['no parameters', 20, () => null],
  ])('refuses a share for %s with %i', async (_, code, change) => {
    const { connect } = createStratumScene()
    const miner = connect()
    await miner.join()
    const share = [...mine(miner, isShare).params]
    const miss = [...mine(miner, isMiss).params]
    const answer = await miner.call('mining.submit', change(share, miss))
    expect(answer.result).toBe(null)
    expect(answer.error).toEqual([code, expect.any(String), null])
  })

  it('refuses a share twice, under another session too', async () => {
    const { connect } = createStratumScene()
    const miner = connect()
    await miner.join()
    const { params } = mine(miner, isShare)
    await miner.call('mining.submit', params)
    expect((await miner.call('mining.submit', params)).error?.[0]).toBe(22)
    const [user, job, extraNonce2, time, nonce] = params
    const padded = [user, job, extraNonce2?.toUpperCase(), time, nonce?.replace(/^0+/, '')]
    expect((await miner.call('mining.submit', padded)).error?.[0]).toBe(22)
  })

  it('accepts a nonce without leading zeros', async () => {
    const { connect } = createStratumScene()
    const miner = connect()
    await miner.join()
    const [user, job, extraNonce2, time, nonce = ''] = mine(miner, isShare).params
    const params = [user, job, extraNonce2, time, nonce.replace(/^0+/, '')]
    expect(await miner.call('mining.submit', params)).toMatchObject({ result: true })
  })

  it('accepts a rolled time up to what the chain accepts in a block, and refuses a later one', async () => {
    const maxFutureSeconds = 60
    const { clock, connect } = createStratumScene({ maxFutureSeconds })
    const miner = connect()
    await miner.join()
    const now = Math.floor(clock.now() / 1_000)
    const submit = (time: number) => {
      const job = { ...miner.job, time: time.toString(16) }
      return miner.call('mining.submit', mine(miner, isShare, { job }).params)
    }
    expect(await submit(now + maxFutureSeconds)).toMatchObject({ result: true })
    expect((await submit(now + maxFutureSeconds + 1)).error?.[0]).toBe(20)
    await clock.advance(1_000)
    expect(await submit(now + maxFutureSeconds + 1)).toMatchObject({ result: true })
  })

  it('accepts rolled version bits within the mask, and refuses others', async () => {
    const { connect } = createStratumScene()
    const miner = connect()
    const configured = await miner.call('mining.configure', [
      ['version-rolling', 'minimum-difficulty', 'subscribe-extranonce', 'info', 'toString'],
      { 'version-rolling.mask': 'ffffffff', 'minimum-difficulty.value': 2 ** -29 },
    ])
    expect(configured.result).toEqual({
      'version-rolling': true,
      'version-rolling.mask': '1fffe000',
      'minimum-difficulty': true,
      'subscribe-extranonce': true,
      info: true,
      toString: false,
    })
    await miner.join()
    const { job } = miner
    const extraNonce2 = '00000000000000aa'
    const submit = (nonce: string, bits: string) =>
      miner.call('mining.submit', [`${ADDRESS}.rig`, job.id, extraNonce2, job.time, nonce, bits])
    let nonce = 0
    for (; ; nonce++) {
      const text = nonce.toString(16).padStart(8, '0')
      const header = buildHeader(job, miner.extraNonce1, extraNonce2, job.time, text, '00002000')
      const hash = hashNumberOf({ header: decodeHeader(header), transactions: [] })
      if (isShare(hash)) break
    }
    const text = nonce.toString(16).padStart(8, '0')
    expect((await submit(text, '20000000')).error?.[0]).toBe(20)
    expect((await submit(text, '00002000')).result).toBe(true)
  })

  it('judges a share by the difficulty that its job was sent with', async () => {
    const { connect } = createStratumScene()
    const miner = connect()
    await miner.join()
    const before = miner.job
    await miner.call('mining.suggest_difficulty', [1])
    await settle()
    expect(miner.difficulty).toBe(1)
    expect(miner.job.id).not.toBe(before.id)
    expect(miner.job.isClean).toBe(false)
    const share = mine(miner, isShare, { job: before })
    expect((await miner.call('mining.submit', share.params)).result).toBe(true)
    const other = mine(miner, isShare)
    expect((await miner.call('mining.submit', other.params)).error?.[0]).toBe(23)
  })

  it('never asks for more than the block does', async () => {
    const { connect } = createStratumScene({ template: EASY_TEMPLATE })
    const miner = connect()
    await miner.join(`${ADDRESS}.rig`, 'd=1000')
    // 0x7fffff * 2^232 of 0xffff * 2^208.
    expect(miner.difficulty).toBeCloseTo(4.656542373906925e-10, 20)
    const block = mine(miner, (hash) => hash <= EASY_TEMPLATE.target)
    expect((await miner.call('mining.submit', block.params)).result).toBe(true)
  })

  it('hands in a block whose coinbase pays the miner', async () => {
    const { connect, blocks, pool } = createStratumScene({ template: EASY_TEMPLATE })
    const miner = connect()
    await miner.join()
    const found = mine(miner, (hash) => hash <= EASY_TEMPLATE.target)
    await miner.call('mining.submit', found.params)
    expect(blocks).toHaveLength(1)
    const [block] = blocks
    if (block === undefined) return
    expect(hashNumberOf(block)).toBe(found.number)
    const [coinbase] = block.transactions
    expect(coinbase?.outputs[0]).toEqual({
      value: 5_000_000_000n,
      scriptPubKey: decodeHex('0014751e76e8199196d454941c45d1b3a323f1433bd6'),
    })
    expect(toDisplayHex(computeTxid(coinbase as never))).toHaveLength(64)
    await settle()
    expect(pool.blocks).toMatchObject([{ worker: `${ADDRESS}.rig`, outcome: 'connected' }])
    // A second time it is a duplicate, and not handed in again.
    expect((await miner.call('mining.submit', found.params)).error?.[0]).toBe(22)
    expect(blocks).toHaveLength(1)
  })

  it('hands in a block of a job that is stale, and says how late the share is', async () => {
    const scene = createStratumScene({ template: EASY_TEMPLATE })
    const miner = scene.connect()
    await miner.join()
    const found = mine(miner, (hash) => hash <= EASY_TEMPLATE.target)
    scene.moveTip()
    await settle()
    expect(miner.job.isClean).toBe(true)
    await scene.clock.advance(50)
    const answer = await miner.call('mining.submit', found.params)
    expect(answer.error).toEqual([21, 'Stale by 50 ms: the tip has moved.', null])
    expect(scene.blocks).toHaveLength(1)
    expect(scene.pool.workers.get(`${ADDRESS}.rig`)).toMatchObject({
      refusedShares: { stale: 1 },
      lateMs: 50,
    })
  })

  it('gives the same extra nonce to a miner that comes back with its session', async () => {
    const { connect } = createStratumScene()
    const first = connect()
    await first.join()
    const found = mine(first, isShare)
    const second = connect()
    await second.call('mining.subscribe', ['test/1', first.extraNonce1])
    expect(second.extraNonce1).not.toBe(first.extraNonce1)
    first.close()
    const third = connect()
    await third.call('mining.subscribe', ['test/1', first.extraNonce1])
    expect(third.extraNonce1).toBe(first.extraNonce1)
    expect(found.params).toHaveLength(5)
    const liar = connect()
    await liar.call('mining.subscribe', ['test/1', '00ffffff'])
    expect(liar.extraNonce1).toBe('00000002')
  })

  it.each([
    ['a name that is no address', 'bob', 'The user name is no address: use bcrt1...'],
    [
      'an address with a mistyped character',
      `${ADDRESS.slice(0, -1)}q.rig`,
      'The user name cannot be paid',
    ],
    [
      'an address of another network, by name',
      'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.rig',
      'The user name cannot be paid: it is an address of mainnet: it begins with bc1 instead of',
    ],
    ['a control character', 'bob\u0007', 'not printable'],
    ['an endless name', 'a'.repeat(5_000), 'too long'],
    ['nothing', '', 'empty'],
  ])('refuses %s', async (_, user, text) => {
    const miner = createStratumScene().connect()
    await miner.call('mining.subscribe', [])
    const answer = await miner.call('mining.authorize', [user, 'x'])
    expect(answer.error?.[0]).toBe(24)
    expect(answer.error?.[1]).toContain(text)
  })

  it('pays the owner for a plain name, if there is one', async () => {
    const ownerScript = decodeHex('0014751e76e8199196d454941c45d1b3a323f1433bd6')
    const miner = createStratumScene({ ownerScript }).connect()
    await miner.join('bob')
    expect(miner.job.suffix).toContain(encodeHex(ownerScript))
  })

  it('answers what it does not know, and lives on', async () => {
    const miner = createStratumScene().connect()
    expect((await miner.call('mining.multi_version', [4])).error).toEqual([
      20,
      'Not supported.',
      null,
    ])
    expect((await miner.call('__proto__', [])).error?.[0]).toBe(20)
    expect((await miner.call('mining.get_transactions', ['1'])).error?.[0]).toBe(20)
    expect((await miner.call('mining.ping', [])).result).toBe('pong')
    miner.say('{"id":9,"method":"pong","params":[]}')
    miner.say('{"id":9,"result":"cpuminer/2.5.1","error":null}')
    miner.say('nonsense')
    expect(miner.messages.at(-1)).toMatchObject({ id: null, error: [20, expect.any(String), null] })
    expect(miner.isClosed).toBe(false)
  })

  it('echoes any id', async () => {
    const miner = createStratumScene().connect()
    for (const id of [0, -1, 'a', null, 1.5]) {
      miner.say(JSON.stringify({ id, method: 'mining.ping' }))
      expect(miner.messages.at(-1)?.id).toBe(id)
    }
    miner.say('{"id":1e400,"method":"mining.ping"}')
    expect(miner.messages.at(-1)).toMatchObject({ id: null, error: [20, expect.any(String), null] })
  })

  it('ends with a flood of requests', async () => {
    const miner = createStratumScene().connect()
    for (let i = 0; i < 200; i++) miner.say('{"id":1,"method":"mining.ping"}')
    expect(miner.isClosed).toBe(true)
    expect(miner.lines.length).toBeLessThanOrEqual(101)
  })

  it('is asked to come again, and ends, when all its shares are refused', async () => {
    const { connect, clock } = createStratumScene()
    const miner = connect()
    await miner.join()
    const { params } = mine(miner, isMiss)
    for (let second = 0; second < 190 && !miner.isClosed; second += 10) {
      await miner.call('mining.submit', params)
      await clock.advance(10_000)
    }
    expect(miner.messages.some(({ method }) => method === 'client.reconnect')).toBe(true)
    expect(miner.isClosed).toBe(true)
  })
})
