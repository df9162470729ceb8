import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import {
  createHumanTailOutput,
  createJsonTailOutput,
  type TailLine,
} from '../../../src/platform/nodejs/tail-output.ts'
import { createStyle, Terminal } from '../../../src/platform/nodejs/terminal.ts'
import type { NodeEvent } from '../../../src/rpc/index.ts'

const PLACE = { hash: 'ab', height: 7 }
const PEER = {
  id: 1,
  quarry_peer_id: '12D3',
  addr: '10.0.0.1:5',
  inbound: true,
  subver: '/evil\u001b[2J/',
}

type Topic = NodeEvent['topic']

function event<T extends Topic>(topic: T, type: string, data: unknown): NodeEvent {
  return { seq: 1, time_ms: 1_700_000_000_000, topic, type, data } as unknown as NodeEvent
}

function print(create: (terminal: Terminal) => (line: TailLine) => void, line: TailLine): string {
  let text = ''
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk)
      done()
    },
  })
  create(new Terminal(stream))(line)
  return text
}

const toHuman = (line: TailLine) =>
  print((terminal) => createHumanTailOutput(terminal, createStyle(false)), line)

describe('quarry tail', () => {
  it.each<[NodeEvent, string]>([
    [event('blocks', 'connected', { ...PLACE, nTx: 2 }), 'connected 7 ab · 2 transactions'],
    [
      event('reorgs', 'reorganised', {
        depth: 2,
        forkpoint: { hash: 'f', height: 5 },
        tip: PLACE,
        dropped_count: 3,
        remined_count: 4,
      }),
      '2 blocks back to 5, on to 7 ab · transactions: 3 dropped, 4 mined again',
    ],
    [
      event('mempool', 'added', { txid: 'cd', fee_sats: 9, vsize: 110 }),
      'added cd · 9 sat for 110 vB',
    ],
    [event('mempool', 'removed', { txid: 'cd', reason: 'block' }), 'removed cd · block'],
    [event('peers', 'unbanned', { subject: '10.0.0.0/8' }), 'unbanned 10.0.0.0/8'],
    [
      event('peers', 'banned', { subject: '12D3', banned_until: 1_700_000_000, reason: 'rude' }),
      'banned 12D3 until 2023-11-14T22:13:20.000Z · rude',
    ],
    [
      event('miner', 'started', { threads: 2, throttle: 0.5, paused: true }),
      'started · 2 threads at 0.5, paused',
    ],
    [event('miner', 'blockfound', { ...PLACE, nTx: 1 }), 'found 7 ab · 1 transaction'],
    [event('miner', 'stopped', { blocks_found: 3 }), 'stopped · 3 blocks found'],
  ])('says %o to people', (given, text) => {
    expect(toHuman(given)).toBe(`22:13:20 ${given.topic.padEnd(7)} ${text}\n`)
  })

  it('lets no peer write on the terminal', () => {
    expect(toHuman(event('peers', 'connected', PEER))).toBe(
      '22:13:20 peers   connected from 10.0.0.1:5 /evil?[2J/ 12D3\n',
    )
  })

  it('says what happens to the connection', () => {
    expect(toHuman({ type: 'gap', since: 3, first: 9 })).toContain('after 3, 9 is the first')
    expect(toHuman({ type: 'connection', problem: 'gone' })).toBe('gone\n')
    expect(toHuman({ type: 'connection', problem: null })).toBe('The node answers again.\n')
  })

  it('says the same to programs, a line each', () => {
    const given = event('peers', 'connected', PEER)
    const text = print(createJsonTailOutput, given)
    expect(text.split('\n')).toHaveLength(2)
    expect(JSON.parse(text)).toEqual(given)
  })
})
