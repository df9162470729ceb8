/** What a node's file system and its user may lack, tried with real processes. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const POOR_FILE_SYSTEM = new URL('../support/poor-file-system.mjs', import.meta.url).href
const NODE_FLAGS = [
  ...['--chain', 'regtest', '--listen', '/ip4/127.0.0.1/tcp/0', '--rpc-port', '0'],
  '--no-discovery',
]
/** Users that no system gives to a person. */
const OWNER = 54_321
const STRANGER = 54_322

const isRoot = process.getuid?.() === 0
const folder = mkdtempSync(join(tmpdir(), 'quarry-files-'))
const running = new Set<ReturnType<typeof spawn>>()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface RunOptions {
  readonly node?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly uid?: number
}

function run(args: readonly string[], { node = [], environment = {}, uid }: RunOptions = {}) {
  const child = spawn(process.execPath, [...node, MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: folder, ...environment },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  running.add(child)
  const state = { child, out: '', err: '', ended: once(child, 'close') }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    state.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    state.err += text
  })
  return state
}

type Running = ReturnType<typeof run>

async function waitUntilReady(command: Running): Promise<void> {
  while (!command.out.includes('node is ready')) {
    const next = once(command.child.stdout, 'data')
    await Promise.race([next, command.ended])
    if (command.child.exitCode !== null) throw new TypeError(`${command.out}${command.err}`)
  }
}

async function runToEnd(args: readonly string[], options?: RunOptions) {
  const command = run(args, options)
  const [code] = await command.ended
  return { code, out: command.out, err: command.err }
}

describe('a file system without hard links and permissions', () => {
  it('holds a node, keeps out a second one, and is taken over after a kill', async () => {
    const node = ['--import', POOR_FILE_SYSTEM]
    const args = ['start', ...NODE_FLAGS, '--datadir', join(folder, 'poor')]
    const first = run(args, { node })
    await waitUntilReady(first)
    expect(first.out).toContain('other users of this machine may read keys')
    const second = await runToEnd(args, { node })
    expect(second.code).toBe(4)
    expect(second.err).toContain(`in use by process ${first.child.pid}`)
    first.child.kill('SIGKILL')
    await first.ended
    const third = run(args, { node })
    await waitUntilReady(third)
    third.child.kill('SIGTERM')
    expect(await third.ended).toEqual([0, null])
    const names = readdirSync(join(folder, 'poor', 'regtest'))
    expect(names.filter((name) => name.startsWith('quarry.lock'))).toEqual([])
  })
})

describe.skipIf(!isRoot)('a user without a home directory (skipped unless root)', () => {
  const homeless = { uid: STRANGER, environment: { HOME: undefined as unknown as string } }
  const commands = [
    ['start', ...NODE_FLAGS],
    ['config', 'show'],
    ['rpc', 'getblockcount'],
    ['mine'],
    ['tail'],
    ['export', 'file'],
  ]

  it.each(commands.map((args) => [args[0], args] as const))(
    'is asked for a data directory by %s, and only where none is given',
    async (_, args) => {
      const { code, err } = await runToEnd(args, homeless)
      expect(err).toContain('This user has no home directory')
      expect(err).toContain('--datadir or QUARRY_DATADIR')
      expect(code).toBe(3)
      const given = { ...homeless.environment, QUARRY_DATADIR: '/proc/no-such-directory' }
      const second = await runToEnd(args, { uid: STRANGER, environment: given })
      expect(second.err).not.toContain('home directory')
    },
  )
})

describe.skipIf(!isRoot)("another user's data directory (skipped unless root)", () => {
  it('is told apart: whose it is, and what to do', async () => {
    chmodSync(folder, 0o755)
    const path = join(folder, 'foreign')
    mkdirSync(join(path, 'regtest'), { recursive: true })
    chownSync(path, OWNER, OWNER)
    chmodSync(path, 0o700)
    const sentence = `${path} belongs to user ${OWNER}, and this program runs as user ${STRANGER}. Run it as that user, or choose another directory with --datadir.`
    for (const args of [
      ['start', ...NODE_FLAGS, '--datadir', path],
      ['export', '--chain', 'regtest', '--datadir', path, 'file'],
      ['rpc', '--chain', 'regtest', '--datadir', path, 'getblockcount'],
      ['mine', '--chain', 'regtest', '--datadir', path],
      ['devnet', '--nodes', '1', '--datadir', path],
    ]) {
      const { code, err } = await runToEnd(args, { uid: STRANGER })
      expect(err).toContain(sentence)
      expect(code).not.toBe(0)
    }
  })
})
