/** Terminals that go away, with real ones. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { waitFor } from '../support/node-process.ts'
import { findMissingTerminal, killTerminalCommands, TerminalCommand } from '../support/terminal.ts'

const CHILD = fileURLToPath(new URL('../support/shutdown-child.mjs', import.meta.url))
const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const QUARRY_SCRIPT = fileURLToPath(new URL('../../scripts/quarry', import.meta.url))
const SIGHUP = 1
const SIGTERM = 15

const missing = findMissingTerminal()
const folder = mkdtempSync(join(tmpdir(), 'quarry-terminal-'))
let count = 0

/** A path that no other test uses. */
function newPath(): string {
  count += 1
  return join(folder, `${count}`)
}

afterEach(killTerminalCommands)

function readTicks(path: string): number {
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0
}

/** Waits until a child's timer has fired ten times more, each time with a line to the log and one to standard error. */
async function waitForTicks(path: string): Promise<void> {
  const start = readTicks(path)
  await waitFor('the process goes on', async () => readTicks(path) >= start + 10, 20_000)
}

async function startChild(kind: 'controlling' | 'foreign', environment: Record<string, string>) {
  const alive = newPath()
  const command = new TerminalCommand(kind, [process.execPath, CHILD], {
    ...environment,
    ALIVE_PATH: alive,
  })
  await waitForTicks(alive)
  return { command, alive }
}

interface RpcPlace {
  readonly url: string
  readonly auth: string
}

async function waitForRpc(root: string): Promise<RpcPlace> {
  const read = (name: string) => readFileSync(join(root, name), 'utf8')
  await waitFor('the node is up', async () => {
    if (!existsSync(join(root, 'rpc.json'))) return false
    const { url } = JSON.parse(read('rpc.json')) as { url: string }
    return (await fetch(`${url}/readyz`)).ok
  })
  const { url } = JSON.parse(read('rpc.json')) as { url: string }
  return { url, auth: Buffer.from(read('.cookie')).toString('base64') }
}

async function call({ url, auth }: RpcPlace, method: string, ...params: unknown[]) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Basic ${auth}`, connection: 'close' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  return (await response.json()) as { result?: unknown; error?: { message: string } }
}

const NODE_FLAGS = ['--listen', '/ip4/127.0.0.1/tcp/0', '--rpc-port', '0', '--no-discovery']

describe.skipIf(missing !== undefined)(
  `a process on a terminal that goes away${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    it.each(['pretty', 'json'])(
      'goes on without a %s log, and stops on SIGTERM',
      async (format) => {
        const { command, alive } = await startChild('foreign', { LOG_FORMAT: format })
        command.close()
        await waitForTicks(alive)
        command.kill(SIGTERM)
        expect(await command.ended).toBe(0)
      },
    )

    it.each(['pretty', 'json'])('stops cleanly on its SIGHUP with a %s log', async (format) => {
      const { command } = await startChild('controlling', { LOG_FORMAT: format, STOP_MS: '200' })
      command.close()
      // As a shell does that passes the signal on.
      command.kill(SIGHUP)
      expect(await command.ended).toBe(0)
    })

    it('is ended by the watchdog when stopping hangs', async () => {
      const { command } = await startChild('controlling', { STOP_MS: '60000', WATCHDOG_MS: '300' })
      command.close()
      expect(await command.ended).toBe(1)
    })

    it('goes on over a SIGHUP that nohup has ignored', async () => {
      const alive = newPath()
      const nohup = ['nohup', process.execPath, CHILD]
      // Where nohup.out goes.
      const command = new TerminalCommand('controlling', nohup, { ALIVE_PATH: alive }, folder)
      await waitForTicks(alive)
      command.close()
      command.kill(SIGHUP)
      await waitForTicks(alive)
      command.kill(SIGTERM)
      expect(await command.ended).toBe(0)
    })
  },
)

describe.skipIf(missing !== undefined)('commands on a terminal that goes away', () => {
  it('are a node and a miner that go on, a follower and a call that end', async () => {
    const dataDir = newPath()
    const root = join(dataDir, 'regtest')
    // No terminal is left to the script's child as standard input, so that only the script can know.
    const node = new TerminalCommand('controlling', [
      ...['bash', '-c', `trap '' HUP; exec "$0" "$@" < /dev/null`, QUARRY_SCRIPT],
      ...['start', '--chain', 'regtest', '--datadir', dataDir, ...NODE_FLAGS],
    ])
    const place = await waitForRpc(root)
    const at = ['--chain', 'regtest', '--datadir', dataDir]
    const mine = new TerminalCommand('foreign', [process.execPath, MAIN, 'mine', ...at])
    const tail = new TerminalCommand('foreign', [process.execPath, MAIN, 'tail', ...at])
    const rpc = new TerminalCommand('foreign', [
      ...[process.execPath, MAIN, 'rpc', ...at, 'waitfornewblock', '60000'],
    ])
    await waitFor('the miner mines', async () => mine.text.includes('accepted'))
    await waitFor('the follower follows', async () => tail.text.includes('block'))
    for (const command of [node, mine, tail, rpc]) command.close()
    node.kill(SIGHUP)
    // Each block is a line of the node's log, of the follower and of the miner.
    const { result } = await call(place, 'generatetodescriptor', 3, 'raw(51)')
    expect(result).toHaveLength(3)
    expect(await Promise.all([tail.ended, rpc.ended])).toEqual([0, 0])
    expect(mine.isRunning).toBe(true)
    for (const command of [mine, node]) command.kill(SIGTERM)
    expect(await Promise.all([mine.ended, node.ended])).toEqual([0, 0])
  })

  it('are a devnet that stops its nodes on SIGHUP and says so in devnet.json', async () => {
    const path = newPath()
    const devnet = new TerminalCommand('controlling', [
      ...[process.execPath, MAIN, 'devnet', '--nodes', '1', '--datadir', path],
    ])
    const read = () => JSON.parse(readFileSync(join(path, 'devnet.json'), 'utf8'))
    let pid = 0
    await waitFor('the devnet is up', async () => {
      if (!existsSync(join(path, 'devnet.json'))) return false
      pid = read().nodes[0]?.pid ?? 0
      return pid !== 0
    })
    devnet.close()
    expect(await devnet.ended).toBe(0)
    expect(read().nodes).toEqual([])
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
})

process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
