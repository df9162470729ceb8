import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { DevnetEvent } from '../../../src/devnet/index.ts'
import type { DevnetFolder } from '../../../src/platform/nodejs/devnet-folder.ts'
import {
  createHumanOutput,
  createJsonOutput,
  type NodeHabits,
} from '../../../src/platform/nodejs/devnet-output.ts'
import { createStyle, Terminal } from '../../../src/platform/nodejs/terminal.ts'

const FOLDER: DevnetFolder = {
  path: '/d',
  specPath: '/d/chain.json',
  devnetFilePath: '/d/devnet.json',
  nodeDirectory: (index) => `/d/node-${index}`,
  release: async () => {},
}
const LOG_TAIL = ['{"level":"info","msg":"last words"}']

function nodeEvent(index: number): DevnetEvent {
  const multiaddr = `/ip4/127.0.0.1/tcp/${index}/p2p/peer${index}`
  return { type: 'node', index, rpcUrl: 'http://x', cookiePath: '/c', multiaddr, pid: 1 }
}

function exitEvent(restart: number | null): DevnetEvent {
  const logPath = '/d/node-1/node.log'
  return {
    type: 'exit',
    index: 1,
    code: undefined,
    signal: 'SIGKILL',
    logPath,
    logTail: LOG_TAIL,
    restart,
  }
}

function createScreen() {
  let text = ''
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk)
      done()
    },
  })
  return { terminal: new Terminal(stream), lines: () => text.trimEnd().split('\n') }
}

/** What a person sees after two nodes were up. */
function show(
  habits: NodeHabits | undefined,
  ...events: readonly DevnetEvent[]
): readonly string[] {
  const { terminal, lines } = createScreen()
  const output = createHumanOutput(terminal, createStyle(false), FOLDER, '/', habits)
  for (const event of [nodeEvent(0), nodeEvent(1)]) output.onEvent(event)
  const before = lines().length
  for (const event of events) output.onEvent(event)
  return lines().slice(before)
}

describe('createHumanOutput', () => {
  const habits = { threads: 2, throttle: 0.25, hasStratum: false }

  it('tells in one line that a node has ended and is started again', () => {
    expect(show(habits, exitEvent(2))).toEqual([
      '  node 1 ended by SIGKILL; its log is /d/node-1/node.log; starting it again (2 of 3)',
    ])
  })

  it('tells how to bring back one that stays down', () => {
    const lines = show(habits, exitEvent(null))
    expect(lines).toEqual([
      '  node 1 ended by SIGKILL; its log is /d/node-1/node.log; it stays down',
      expect.stringMatching(
        /^ {2}Bring back (?:\S*scripts\/quarry|'.*scripts\/quarry') start --chain \/d\/chain.json --datadir \/d\/node-1 /,
      ),
    ])
    expect(lines[1]).toMatch(
      / --mine --threads 2 --throttle 0.25 --peer \/ip4\/127.0.0.1\/tcp\/0\/p2p\/peer0$/,
    )
  })

  it('leaves the end of the log to the file when a restart fails', () => {
    const reason = 'Node 1 did not start: it got SIGKILL. Its log is /l\n    {"msg":"last words"}'
    const event = { type: 'restart-failed', index: 1, reason, restart: 3 } as const
    expect(show(habits, event)).toEqual([
      '  Node 1 did not start: it got SIGKILL. Its log is /l; starting it again (3 of 3)',
    ])
  })

  it('brings back nobody where the devnet ends', () => {
    const what = '  node 1 ended by SIGKILL; its log is /d/node-1/node.log'
    expect(show(undefined, exitEvent(null))).toEqual([what])
    expect(
      show(habits, { ...exitEvent(null), index: 0 } as DevnetEvent, exitEvent(null)).at(-1),
    ).toBe(what)
  })
})

describe('createJsonOutput', () => {
  it('writes one object a line, the end of the log included', () => {
    const { terminal, lines } = createScreen()
    createJsonOutput(terminal).onEvent(exitEvent(1))
    expect(lines().map((line) => JSON.parse(line))).toMatchObject([
      { type: 'exit', index: 1, signal: 'SIGKILL', restart: 1, logTail: LOG_TAIL },
    ])
  })
})
