/** @module `quarry devnet partition|heal|slow|kill|restart|status|stop`: commands for a devnet that runs elsewhere. */

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import {
  type DevnetCommand,
  DevnetError,
  type DevnetReply,
  formatHashRate,
} from '../../devnet/index.ts'
import { sleep } from '../../util/index.ts'
import { systemClock } from '../system.ts'
import type { ControlAnswer } from './devnet-control.ts'
import { DEVNET_FILE_NAME } from './devnet-folder.ts'
import { formatFaults, formatStratum } from './devnet-output.ts'
import { LOCK_FILE } from './directory-lock.ts'
import { findDevnetFolder, findProgramName } from './program-name.ts'

/** Longer than a node may take to stop and to start. */
const COMMAND_TIMEOUT_MS = 90_000
/** Between two looks whether a devnet has ended. */
const STOP_POLL_MS = 100
/** Hashes end in random digits: the end tells them apart. */
const TIP_DIGITS = 6

const DEVNET_FILE = z.object({
  control: z.object({ url: z.string(), token: z.string() }).nullable(),
})

function createAbsence(folder: string, cause?: unknown): DevnetError {
  return new DevnetError(
    'no-devnet',
    `No devnet runs in ${folder}. Start one with "${findProgramName()} devnet", or say with --datadir where yours is.`,
    { cause },
  )
}

async function readControl(folder: string): Promise<{ url: string; token: string }> {
  try {
    const text = await readFile(join(folder, DEVNET_FILE_NAME), 'utf8')
    const { control } = DEVNET_FILE.parse(JSON.parse(text))
    if (control !== null) return control
  } catch (error) {
    throw createAbsence(folder, error)
  }
  throw createAbsence(folder)
}

/**
 * Gives a command to the devnet of a folder.
 *
 * @throws {@link DevnetError} `no-devnet` if none runs there, `bad-command` with its reason if it refuses.
 */
export async function sendDevnetCommand(
  folder: string,
  command: DevnetCommand,
): Promise<DevnetReply> {
  const { url, token } = await readControl(folder)
  let answer: ControlAnswer
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(command),
      signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS),
    })
    // Another program may have the port of a devnet that was killed.
    if (response.status === 401 || response.status === 404) throw createAbsence(folder)
    answer = (await response.json()) as ControlAnswer
  } catch (error) {
    if (error instanceof DevnetError) throw error
    if (error instanceof Error && error.name === 'TimeoutError') {
      throw new DevnetError('bad-answer', 'The devnet does not answer; is its terminal stopped?')
    }
    throw createAbsence(folder, error)
  }
  if ('error' in answer) throw new DevnetError('bad-command', answer.error)
  return answer.reply
}

/** Waits until a devnet that was told to stop has released its folder. */
async function waitForEnd(folder: string): Promise<void> {
  const end = systemClock.monotonic() + COMMAND_TIMEOUT_MS
  while (existsSync(join(folder, LOCK_FILE))) {
    if (systemClock.monotonic() > end) {
      throw new DevnetError('bad-answer', 'The devnet was told to stop and still runs.')
    }
    await sleep(systemClock, STOP_POLL_MS)
  }
}

function formatStatus(reply: Extract<DevnetReply, { type: 'status' }>): readonly string[] {
  const up = reply.nodes.map((node) => {
    const { index, height, tip, peers, hashesPerSecond, reorgs, problem } = node
    const line = `node ${index}  height ${height}  tip …${tip.slice(-TIP_DIGITS)}  peers ${peers}  ${formatHashRate(hashesPerSecond)}  reorgs ${reorgs}`
    return { index, line: problem === undefined ? line : `${line}  silent: ${problem}` }
  })
  const down = reply.gone.map((index) => ({ index, line: `node ${index}  down` }))
  return [
    ...[...up, ...down].sort((a, b) => a.index - b.index).map(({ line }) => line),
    ...formatFaults(reply),
  ]
}

/** What a reply says, for a person. */
export function formatReply(reply: DevnetReply): readonly string[] {
  switch (reply.type) {
    case 'status':
      return formatStatus(reply)
    case 'faults':
      return formatFaults(reply)
    case 'down':
      return [`node ${reply.index} is down`]
    case 'node':
      return [
        `node ${reply.index} is up  RPC ${reply.rpcUrl}${formatStratum(reply)}  pid ${reply.pid}`,
      ]
    case 'stopping':
      return ['the devnet has stopped; its chain is kept']
  }
}

/** Where a command goes and how its answer is printed. */
export interface DevnetClientOptions {
  readonly datadir?: string | undefined
  readonly json?: boolean | undefined
}

/** Gives a command and prints the answer. */
export async function runDevnetClient(
  command: DevnetCommand,
  { datadir, json = false }: DevnetClientOptions,
): Promise<void> {
  const folder = datadir === undefined ? findDevnetFolder() : resolve(datadir)
  const reply = await sendDevnetCommand(folder, command)
  if (reply.type === 'stopping') await waitForEnd(folder)
  const lines = json ? [JSON.stringify(reply)] : formatReply(reply)
  process.stdout.write(`${lines.join('\n')}\n`)
}
