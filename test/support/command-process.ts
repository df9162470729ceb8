/** @module Commands of the program as processes, and its RPC as any client sees it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const children = new Set<ChildProcess>()

/** Starts a command; what it has printed so far is in `out` and `err`. */
export function runCommand(
  args: readonly string[],
  input?: string,
  environment: Readonly<Record<string, string>> = {},
) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  children.add(child)
  child.stdin.end(input)
  const state = { child, out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    state.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    state.err += text
  })
  return state
}

/** Runs a command to its end. */
export async function runToEnd(
  args: readonly string[],
  input?: string,
  environment: Readonly<Record<string, string>> = {},
) {
  const state = runCommand(args, input, environment)
  const [code] = (await once(state.child, 'close')) as [number | null]
  return { code, out: state.out, err: state.err }
}

/** Ends all commands that were started. */
export function killCommands(): void {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
}

/** Posts a body with a user's password. */
export async function postAs(url: string, credentials: string, body: unknown) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
      connection: 'close',
    },
    body: JSON.stringify(body),
  })
  return { status: response.status, text: await response.text() }
}
