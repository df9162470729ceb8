import { multiaddrConnectionPair } from '@libp2p/utils'
import { afterEach, describe, expect, it } from 'vitest'
import { MAX_DELAYED_BYTES } from '../../../src/p2p/delay-line.ts'
import { FaultyConnection } from '../../../src/p2p/faulty-connection.ts'
import {
  ANY_PEER,
  FaultLayer,
  type Faults,
  type Libp2pNetwork,
  NO_FAULTS,
} from '../../../src/p2p/index.ts'
import { createRecorder, filledHash } from '../../compliance/peer-network-recorder.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'
import {
  createRecordingLog,
  createTestNetwork,
  pause,
  systemClock,
  systemRandom,
  until,
} from './libp2p-support.ts'

const toStop: Libp2pNetwork[] = []

afterEach(async () => {
  await Promise.all(toStop.splice(0).map((network) => network.stop()))
})

/** A running node with a fault layer, whose delays pass on a clock of their own if one is given. */
async function start(transport: 'tcp' | 'memory', clock: FakeClock | undefined = undefined) {
  const log = createRecordingLog()
  const faults = new FaultLayer({ clock: clock ?? systemClock, random: systemRandom, log })
  const network = await createTestNetwork({ transport, faults })
  const seen = createRecorder()
  toStop.push(network)
  await network.start(seen.handlers)
  return { network, faults, seen, log }
}

describe.each(['tcp', 'memory'] as const)('faults over %s', { timeout: 30_000 }, (transport) => {
  async function connected(clock?: FakeClock) {
    const a = await start(transport, clock)
    const b = await start(transport)
    a.network.connect(addressOf(b.network))
    await until(() => a.network.peers().length === 1 && b.network.peers().length === 1, 'peers')
    return { a, b }
  }

  it('lets nothing through before the latency has passed', async () => {
    const clock = new FakeClock()
    const { a, b } = await connected(clock)
    a.faults.setRules([{ ...NO_FAULTS, peer: b.network.selfId, latencyMs: 400 }])
    let isAnswered = false
    const answer = a.network.exchangeStatus(b.network.selfId).then(() => {
      isAnswered = true
    })
    await clock.advance(399)
    await pause(200)
    expect(isAnswered).toBe(false)
    // Opening the stream, naming the protocol and asking may each take a turn.
    for (let turn = 0; turn < 20 && !isAnswered; turn++) {
      await clock.advance(400)
      await pause(20)
    }
    await answer
  })

  it('brings a block whole through jitter and a cap', async () => {
    const { a, b } = await connected()
    const block = systemRandom.bytes(300_000)
    b.seen.data.set(9, block)
    b.faults.setRules([
      { ...NO_FAULTS, peer: ANY_PEER, latencyMs: 5, jitterMs: 20, bytesPerSecond: 1_000_000 },
    ])
    const item = { kind: 'block', hash: filledHash(9) } as const
    for await (const reply of a.network.requestData(b.network.selfId, [item])) {
      expect(reply.bytes !== undefined && Buffer.from(reply.bytes).equals(block)).toBe(true)
    }
  })

  it('cuts who is blocked, refuses dials either way, and heals at once', async () => {
    const { a, b } = await connected()
    a.faults.setRules([{ ...NO_FAULTS, peer: b.network.selfId, isBlocked: true }])
    await until(() => a.network.peers().length + b.network.peers().length === 0, 'both are alone')
    await expect(a.network.dialOnce(addressOf(b.network))).rejects.toMatchObject({
      code: 'dial-failed',
    })
    await expect(b.network.dialOnce(addressOf(a.network))).rejects.toBeInstanceOf(Error)
    const c = await start(transport)
    await c.network.dialOnce(addressOf(a.network))
    expect(a.network.peers().map(({ id }) => id)).toEqual([c.network.selfId])
    a.faults.setRules([])
    await until(() => a.network.peers().length === 2, 'the kept address is dialled again')
    expect(a.log.lines.map(({ level, fields }) => [level, fields])).toEqual([
      ['info', { rules: 1, blocked: 1, connectionsCut: 1 }],
      ['info', { rules: 0, blocked: 0, connectionsCut: 0 }],
    ])
  })

  it('cuts connections at random, at the rate that was asked for', async () => {
    const clock = new FakeClock()
    const { a, b } = await connected(clock)
    a.faults.setRules([{ ...NO_FAULTS, peer: ANY_PEER, cutsPerSecond: 0.1 }])
    // Once in ten seconds on average: in ten minutes all but once in e^60.
    await clock.advance(600_000)
    await until(() => b.seen.gone.length > 0, 'the connection is cut')
    expect(a.seen.gone).toEqual([b.network.selfId])
  })
})

describe('FaultyConnection', () => {
  function pair(faults: Faults) {
    const clock = new FakeClock()
    const [raw, far] = multiaddrConnectionPair()
    const connection = new FaultyConnection(
      raw,
      { clock, random: systemRandom, faultsOf: () => faults },
      undefined,
    )
    let received = 0
    far.addEventListener('message', ({ data }) => {
      received += data.byteLength
    })
    return { clock, connection, far, received: () => received }
  }

  it('makes the sender wait when too much waits, and says when there is room', async () => {
    const { clock, connection, received } = pair({ ...NO_FAULTS, latencyMs: 1_000 })
    const chunk = new Uint8Array(1_048_576)
    let sent = 0
    let isWelcome = true
    while (isWelcome) {
      isWelcome = connection.send(chunk)
      sent += chunk.byteLength
    }
    expect(sent).toBeLessThanOrEqual(MAX_DELAYED_BYTES + chunk.byteLength)
    expect(connection.writableNeedsDrain).toBe(true)
    for (let turn = 0; turn < 50 && received() < sent; turn++) {
      await clock.advance(1_000)
      await pause(10)
    }
    expect(received()).toBe(sent)
    expect(connection.writableNeedsDrain).toBe(false)
  })

  it('sends what waits before it closes', async () => {
    const { clock, connection, far, received } = pair({ ...NO_FAULTS, latencyMs: 1_000 })
    connection.send(new Uint8Array(100))
    const closing = connection.close()
    await settle()
    expect(far.status).toBe('open')
    await clock.advance(1_000)
    await closing
    await until(() => received() === 100, 'the bytes are there')
  })

  it('drops what waits when the other side goes', async () => {
    const { connection, far } = pair({ ...NO_FAULTS, latencyMs: 60_000 })
    connection.send(new Uint8Array(100))
    far.abort(new RangeError('gone'))
    await connection.closed
    expect(connection.status).not.toBe('open')
    expect(() => connection.send(new Uint8Array(1))).toThrow(/closed/)
  })
})
