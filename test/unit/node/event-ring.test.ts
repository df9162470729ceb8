import { describe, expect, it } from 'vitest'
import { EventRing } from '../../../src/node/event-ring.ts'
import {
  EVENT_TOPICS,
  EventFeed,
  EventSession,
  type EventTopic,
  MAX_KEPT_EVENTS,
  MAX_SUBSCRIPTIONS,
  type NodeEvent,
} from '../../../src/rpc/index.ts'
import { createFixedClock, silentLog } from '../../support/memory-chain.ts'

const clock = createFixedClock(1_700_000_000)
const ALL = new Set<EventTopic>(EVENT_TOPICS)

function createRing(): EventRing {
  return new EventRing(clock)
}

/** Tells so many events, of all of which only their subject differs. */
function fill(ring: EventRing, count: number): void {
  for (let i = 0; i < count; i++) ring.publish('peers', 'unbanned', { subject: `10.0.0.${i}` })
}

/** A reader that can be told to take no more. */
function read(ring: EventRing, since?: number, topics: ReadonlySet<EventTopic> = ALL) {
  const events: NodeEvent[] = []
  const reader = { events, room: Number.POSITIVE_INFINITY, wasOvertaken: false }
  const feed = new EventFeed(
    ring,
    { topics, since },
    {
      send: (event) => {
        events.push(event)
        reader.room -= 1
        return reader.room > 0
      },
      onOvertaken: () => {
        reader.wasOvertaken = true
      },
    },
  )
  return Object.assign(reader, { feed })
}

describe('the ring', () => {
  it('numbers events without a gap and keeps the last of them', () => {
    const ring = createRing()
    expect(ring.lastSeq).toBe(ring.startSeq - 1)
    expect(ring.at(ring.startSeq)).toBeUndefined()
    fill(ring, MAX_KEPT_EVENTS + 10)
    expect(ring.lastSeq).toBe(ring.startSeq + MAX_KEPT_EVENTS + 9)
    expect(ring.firstSeq).toBe(ring.startSeq + 10)
    expect(ring.at(ring.firstSeq - 1)).toBeUndefined()
    for (let seq = ring.firstSeq; seq <= ring.lastSeq; seq++) expect(ring.at(seq)?.seq).toBe(seq)
  })

  it('goes on above the numbers of every earlier run', () => {
    const ring = createRing()
    fill(ring, 900)
    const later = new EventRing({ ...clock, now: () => clock.now() + 1 })
    expect(later.startSeq).toBeGreaterThan(ring.lastSeq)
    expect(read(later, ring.lastSeq).feed.gap).toEqual({
      since: ring.lastSeq,
      first: later.startSeq,
    })
  })
})

describe('a feed', () => {
  it('goes on after the event that is known, with nothing missing and nothing twice', () => {
    const ring = createRing()
    fill(ring, 5)
    const { feed, events } = read(ring, ring.startSeq + 1)
    expect(feed.gap).toBeUndefined()
    feed.start()
    fill(ring, 2)
    expect(events.map(({ seq }) => seq - ring.startSeq)).toEqual([2, 3, 4, 5, 6])
    feed.stop()
    fill(ring, 1)
    expect(events).toHaveLength(5)
  })

  it('begins with what comes unless it is told otherwise, and with all for 0', () => {
    const ring = createRing()
    fill(ring, 3)
    const fresh = read(ring)
    fresh.feed.start()
    expect(fresh.events).toEqual([])
    const whole = read(ring, 0)
    whole.feed.start()
    expect(whole.events).toHaveLength(3)
    expect(whole.feed.gap).toBeUndefined()
  })

  it('tells of a gap, and goes on behind it', () => {
    const ring = createRing()
    fill(ring, MAX_KEPT_EVENTS + 5)
    for (const since of [0, ring.startSeq + 3, ring.lastSeq + 1]) {
      const { feed, events } = read(ring, since)
      expect(feed.gap?.first).toBe(ring.startSeq + 5)
      feed.start()
      expect(events).toHaveLength(MAX_KEPT_EVENTS)
    }
    expect(read(ring, ring.startSeq + 4).feed.gap).toBeUndefined()
  })

  it('gives no other topic', () => {
    const ring = createRing()
    const { feed, events } = read(ring, 0, new Set<EventTopic>(['miner']))
    feed.start()
    fill(ring, 3)
    ring.publish('miner', 'stopped', { blocks_found: 0 })
    expect(events.map(({ topic }) => topic)).toEqual(['miner'])
  })

  it('waits for a slow reader, and loses nothing while the ring reaches back', () => {
    const ring = createRing()
    const reader = read(ring, 0)
    reader.room = 2
    reader.feed.start()
    fill(ring, MAX_KEPT_EVENTS)
    expect(reader.events).toHaveLength(2)
    reader.room = Number.POSITIVE_INFINITY
    reader.feed.resume()
    expect(reader.events).toHaveLength(MAX_KEPT_EVENTS)
    expect(reader.wasOvertaken).toBe(false)
  })

  it('ends for a reader who is overtaken', () => {
    const ring = createRing()
    const reader = read(ring, 0)
    reader.room = 1
    reader.feed.start()
    fill(ring, MAX_KEPT_EVENTS + 1)
    expect(reader.wasOvertaken).toBe(false)
    fill(ring, 1)
    expect(reader.wasOvertaken).toBe(true)
    reader.feed.resume()
    expect(reader.events).toHaveLength(1)
  })
})

describe('a session', () => {
  function openSession(ring: EventRing) {
    const texts: string[] = []
    const session = new EventSession({
      log: ring,
      logger: silentLog,
      clock,
      send: (text) => {
        texts.push(text)
        return true
      },
      onOvertaken: () => texts.push('overtaken'),
    })
    const ask = async (method: string, params: unknown = []) => {
      await session.handle(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), {})
      return texts.map((text) => JSON.parse(text)).find(({ id }) => id === 1)
    }
    return { session, texts, ask }
  }

  it('answers first, then sends what is kept', async () => {
    const ring = createRing()
    fill(ring, 2)
    const { texts, ask } = openSession(ring)
    const reply = await ask('subscribe', { since: 0, topics: ['peers'] })
    expect(reply.result).toEqual({ subscription: 's1', seq: ring.lastSeq, gap: null })
    expect(JSON.parse(texts[0] ?? '')).toEqual(reply)
    expect(JSON.parse(texts[2] ?? '')).toEqual({
      jsonrpc: '2.0',
      method: 'event',
      params: {
        subscription: 's1',
        seq: ring.lastSeq,
        time_ms: 1_700_000_000_000,
        topic: 'peers',
        type: 'unbanned',
        data: { subject: '10.0.0.1' },
      },
    })
  })

  it('tells the gap in its answer', async () => {
    const ring = createRing()
    const { ask } = openSession(ring)
    const { result } = await ask('subscribe', [['peers'], 5])
    expect(result.gap).toEqual({ since: 5, first: ring.startSeq })
  })

  it('ends a subscription, and all of them when it closes', async () => {
    const ring = createRing()
    const { session, texts, ask } = openSession(ring)
    await ask('subscribe')
    await ask('unsubscribe', ['s1'])
    await ask('subscribe')
    session.close()
    const { length } = texts
    fill(ring, 1)
    expect(texts).toHaveLength(length)
  })

  it('refuses topics that there are none of, too many subscriptions, and other methods', async () => {
    const refusal = async (method: string, params: unknown) =>
      (await openSession(createRing()).ask(method, params)).error.code
    expect(await refusal('subscribe', [['nothing']])).toBe(-8)
    expect(await refusal('subscribe', [[]])).toBe(-8)
    expect(await refusal('subscribe', [['blocks'], -1])).toBe(-8)
    expect(await refusal('getblockcount', [])).toBe(-32601)
    const { session, texts } = openSession(createRing())
    const one = '{"jsonrpc":"2.0","id":2,"method":"subscribe"}'
    await session.handle(
      `[${Array(MAX_SUBSCRIPTIONS + 1)
        .fill(one)
        .join()}]`,
      {},
    )
    const replies = JSON.parse(texts[0] ?? '') as { error?: { code: number } }[]
    expect(replies.map(({ error }) => error?.code)).toEqual([
      ...Array(MAX_SUBSCRIPTIONS).fill(undefined),
      -32600,
    ])
  })
})
