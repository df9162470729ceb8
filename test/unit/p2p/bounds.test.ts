import '../../../src/platform/nodejs/polyfills.ts'
import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { BanList } from '../../../src/p2p/ban-list.ts'
import { ByteQueue } from '../../../src/p2p/byte-queue.ts'
import { withDeadline } from '../../../src/p2p/deadline.ts'
import { DialLoops } from '../../../src/p2p/dial-loops.ts'
import { generateIdentity, P2pError, peerIdFromIdentity } from '../../../src/p2p/index.ts'
import {
  ADDR_INTERVAL_MAX_MS,
  ADDR_INTERVAL_MS,
  ADDR_QUOTA,
  MAX_BANS,
  MAX_PENDING_INBOUND,
  MAX_WAITING_REQUESTS,
  paceOf,
} from '../../../src/p2p/limits.ts'
import { type Peer, PeerTable } from '../../../src/p2p/peer-table.ts'
import { PendingInbound } from '../../../src/p2p/pending-inbound.ts'
import { RequestTurn } from '../../../src/p2p/request-turn.ts'
import { systemRandom } from '../../../src/platform/system.ts'
import { type Clock, LimitedLog, TokenBucket } from '../../../src/util/index.ts'
import { createRecordingLog, pause } from './libp2p-support.ts'

/** A clock that stands still until it is told otherwise. */
function createManualClock(): Clock & {
  advance(ms: number): Promise<void>
  readonly pending: number[]
} {
  let now = 0
  let timers: { at: number; action: () => void }[] = []
  return {
    now: () => now,
    monotonic: () => now,
    schedule(delayMs, action) {
      const timer = { at: now + delayMs, action }
      timers.push(timer)
      return {
        cancel: () => {
          timers = timers.filter((other) => other !== timer)
        },
      }
    },
    get pending() {
      return timers.map(({ at }) => at - now)
    },
    async advance(ms) {
      now += ms
      const due = timers.filter(({ at }) => at <= now)
      timers = timers.filter(({ at }) => at > now)
      for (const { action } of due) action()
      await pause(0)
    },
  }
}

describe('TokenBucket', () => {
  it('gives its burst, then its rate, and says how long a debt takes', async () => {
    const clock = createManualClock()
    const bucket = new TokenBucket({ burst: 10, perSecond: 2 }, clock)
    expect(bucket.take(10)).toBe(0)
    expect(bucket.tryTake(1)).toBe(false)
    await clock.advance(500)
    expect(bucket.tryTake(1)).toBe(true)
    expect(bucket.take(4)).toBe(2_000)
    await clock.advance(2_000)
    expect(bucket.take(0)).toBe(0)
    await clock.advance(1_000_000)
    expect([bucket.take(10), bucket.tryTake(1)]).toEqual([0, false])
  })
})

describe('PeerTable', () => {
  it.each([
    ['on loopback', true],
    ['anywhere else', false],
  ])(
    'lets peers ask for addresses as often as our own nodes do, and no oftener, %s',
    async (_, isDevnet) => {
      const clock = createManualClock()
      const pace = paceOf(isDevnet)
      const { addresses } = new PeerTable(clock, pace).quotasOf('asker')
      // The shortest pauses that jitter can make of ours.
      let intervalMs = ADDR_INTERVAL_MS
      for (let asked = 0; asked < 500; asked++) {
        expect(addresses.tryTake(1)).toBe(true)
        await clock.advance(intervalMs / 2)
        intervalMs = Math.min(
          2 * intervalMs,
          Math.max(ADDR_INTERVAL_MS, ADDR_INTERVAL_MAX_MS * pace),
        )
      }
      let answered = 0
      for (let asked = 0; asked < 500; asked++) if (addresses.tryTake(1)) answered++
      expect(answered).toBeLessThanOrEqual(ADDR_QUOTA.burst)
    },
  )
})

describe('BanList', () => {
  it('ends bans, never shortens them, and holds only so many', async () => {
    const clock = createManualClock()
    const bans = new BanList({ clock, log: createRecordingLog() })
    bans.ban('a', 1_000, 'bad')
    bans.ban('a', 10, 'bad')
    await clock.advance(999)
    expect(bans.isBanned('a')).toBe(true)
    await clock.advance(1)
    expect(bans.isBanned('a')).toBe(false)
    for (let index = 0; index <= MAX_BANS; index++) bans.ban(`peer ${index}`, 1_000, 'bad')
    expect([bans.isBanned('peer 0'), bans.isBanned(`peer ${MAX_BANS}`)]).toEqual([false, true])
  })
})

describe('ByteQueue', () => {
  it('hands out what came in, whatever the pieces', () => {
    const queue = new ByteQueue()
    const all = new Uint8Array(5_000).map((_, index) => index % 251)
    const out: number[] = []
    for (let start = 0; start < all.length; start += 7) {
      queue.append(all.subarray(start, start + 7))
      if (queue.size > 100) out.push(...queue.take(90))
    }
    expect(queue.peek(0)).toBe(all[out.length])
    expect(queue.peek(queue.size)).toBeUndefined()
    out.push(...queue.take(queue.size))
    expect(Uint8Array.from(out)).toEqual(all)
  })
})

describe('withDeadline', () => {
  it('lets any number of tasks heed one signal, and leaves no listener behind', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', onWarning)
    const controller = new AbortController()
    const clock = createManualClock()
    const tasks = Array.from({ length: 50 }, (_, index) =>
      withDeadline(clock, 10, [controller.signal], async () => index),
    )
    expect(await Promise.all(tasks)).toHaveLength(50)
    await pause(10)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('ends in time, with its signals, and leaves no timer', async () => {
    const clock = createManualClock()
    expect(await withDeadline(clock, 10, [], async () => 'done')).toBe('done')
    const late = withDeadline(clock, 10, [], () => new Promise(() => undefined))
    const expectation = expect(late).rejects.toMatchObject({ code: 'timeout' })
    await clock.advance(10)
    await expectation
    const controller = new AbortController()
    const aborted = withDeadline(clock, 10, [undefined, controller.signal], async (signal) => {
      controller.abort(new RangeError('enough'))
      expect(signal.aborted).toBe(true)
      return new Promise(() => undefined)
    })
    await expect(aborted).rejects.toThrow('enough')
    await expect(withDeadline(clock, 10, [controller.signal], async () => 1)).rejects.toThrow(
      'enough',
    )
    expect(clock.pending).toEqual([])
  })
})

describe('RequestTurn', () => {
  it('lets one in at a time, in order, and skips who has given up', async () => {
    const turn = new RequestTurn()
    const order: string[] = []
    const endFirst = await turn.take()
    const controller = new AbortController()
    const second = turn.take(controller.signal)
    const third = turn.take().then((end) => {
      order.push('third')
      return end
    })
    controller.abort(new RangeError('gave up'))
    await expect(second).rejects.toThrow('gave up')
    expect(order).toEqual([])
    endFirst()
    endFirst()
    ;(await third)()
    expect(order).toEqual(['third'])
  })

  it('lets only so many wait', async () => {
    const turn = new RequestTurn()
    await turn.take()
    const waiting = Array.from({ length: MAX_WAITING_REQUESTS }, () => turn.take())
    await expect(turn.take()).rejects.toMatchObject({ code: 'too-busy' })
    expect(waiting).toHaveLength(MAX_WAITING_REQUESTS)
  })
})

describe('DialLoops', () => {
  it('doubles its pauses up to a bound, starts over after a success, and stops when told', async () => {
    const clock = createManualClock()
    let dials = 0
    let gone = (): void => undefined
    let isUp = false
    const loops = new DialLoops({
      clock,
      random: { float: () => 1, bytes: (size) => new Uint8Array(size) },
      log: createRecordingLog(),
      dial: async () => {
        dials++
        if (!isUp) throw new P2pError('dial-failed', 'down')
        return {
          gone: new Promise<void>((resolve) => {
            gone = resolve
          }),
        } as unknown as Peer
      },
    })
    loops.keep('x')
    loops.keep('x')
    await pause(0)
    const pauses: number[] = []
    for (let index = 0; index < 9; index++) {
      const [next] = clock.pending
      pauses.push(next ?? -1)
      await clock.advance(next ?? 0)
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
    expect(dials).toBe(10)
    isUp = true
    await clock.advance(15_000)
    expect(clock.pending).toEqual([])
    isUp = false
    gone()
    await pause(0)
    expect(clock.pending).toEqual([250])
    isUp = true
    const pausesBetweenBriefStays: number[] = []
    for (const stayMs of [0, 14_999, 0, 15_000, 0]) {
      await clock.advance(clock.pending[0] ?? 0)
      await clock.advance(stayMs)
      gone()
      await pause(0)
      pausesBetweenBriefStays.push(clock.pending[0] ?? -1)
    }
    expect(pausesBetweenBriefStays).toEqual([500, 1_000, 2_000, 250, 250])
    expect(loops.forget('x')).toBe(true)
    expect(loops.forget('x')).toBe(false)
    await pause(0)
    expect(clock.pending).toEqual([])
  })
})

describe('PendingInbound', () => {
  it('holds so many, and cuts the oldest of the host with most of them', () => {
    const cut: string[] = []
    const pending = new PendingInbound<{ readonly remoteAddr: string }>(({ remoteAddr }) =>
      cut.push(remoteAddr),
    )
    const come = (host: string, count: number): { readonly remoteAddr: string }[] =>
      Array.from({ length: count }, (_, index) => {
        const item = { remoteAddr: `/ip4/${host}/tcp/${1_000 + index}` }
        pending.add(item)
        return item
      })
    const early = come('10.0.0.1', 2)
    const many = come('10.0.0.2', MAX_PENDING_INBOUND - 2)
    expect(cut).toEqual([])
    come('10.0.0.3', 2)
    expect(cut).toEqual(['/ip4/10.0.0.2/tcp/1000', '/ip4/10.0.0.2/tcp/1001'])
    for (const item of [...early, ...many]) pending.remove(item)
    come('10.0.0.4', MAX_PENDING_INBOUND - 2)
    expect(cut).toHaveLength(2)
  })
})

describe('LimitedLog', () => {
  it('writes a burst, then says how much it left out', async () => {
    const clock = createManualClock()
    const log = createRecordingLog()
    const limited = new LimitedLog(log, 'info', { burst: 20, perSecond: 1 / 6 }, clock)
    for (let index = 0; index < 100; index++) limited.write('Again', { index })
    expect(log.lines).toHaveLength(20)
    await clock.advance(6_000)
    limited.write('Again', { index: 100 })
    expect(log.lines.at(-1)).toEqual({
      level: 'info',
      message: 'Again',
      fields: { index: 100, linesSuppressed: 80 },
    })
  })
})

describe('identity', () => {
  it('is new each time and gives the same peer id each time', async () => {
    const [one, two] = [await generateIdentity(systemRandom), await generateIdentity(systemRandom)]
    expect(peerIdFromIdentity(one)).toBe(peerIdFromIdentity(Uint8Array.from(one)))
    expect(peerIdFromIdentity(one)).toMatch(/^12D3KooW/)
    expect(peerIdFromIdentity(one)).not.toBe(peerIdFromIdentity(two))
    expect(() => peerIdFromIdentity(one.subarray(0, 20))).toThrow('not a libp2p private key')
  })
})
