/** @module What `quarry mine` prints: JSON lines for programs, a page and a live line for people. */

import { computeDifficulty, computeWork } from '../../consensus/index.ts'
import { formatHashRate } from '../../devnet/index.ts'
import type { BlockTemplate, HashRates, MinerStats } from '../../mining/index.ts'
import { countOf } from '../../util/index.ts'
import type { Style, Terminal } from './terminal.ts'

/** Beyond this many workers the line does not list their rates. */
const MAX_LISTED_WORKERS = 8
const SECONDS_PER_MINUTE = 60
const SECONDS_PER_HOUR = 3_600
const SECONDS_PER_DAY = 86_400

/** What happens while mining, one JSON object a line. Rates are hashes per second. */
export type MineEvent =
  | {
      readonly type: 'start'
      readonly threads: number
      readonly throttle: number
      readonly payoutScripts: readonly string[]
      readonly versionRolling: boolean
    }
  | {
      readonly type: 'status'
      /** Of the block to be; null while there is nothing to mine on. */
      readonly height: number | null
      readonly difficulty: number | null
      /** How long a block takes on average at the rate of the last minute; null while that is not known. */
      readonly expectedSeconds: number | null
      readonly hashesPerSecond: HashRates
      readonly workers: MinerStats['workers']
      readonly bestDifficulty: number
      readonly accepted: number
      readonly stale: number
      readonly duplicate: number
      readonly invalid: number
      readonly isDegraded: boolean
    }
  /** The node has taken a block, or has not and says why. */
  | {
      readonly type: 'block'
      readonly height: number
      readonly hash: string
      readonly refusal: string | null
    }
  /** The node does not answer, or, with null, answers again. */
  | { readonly type: 'connection'; readonly problem: string | null }
  /** Something went wrong with a worker. */
  | { readonly type: 'fault'; readonly message: string }
  /** The last line. */
  | { readonly type: 'done'; readonly accepted: number; readonly hashes: number }

/** Puts a status together. */
export function describeStatus(stats: MinerStats, template: BlockTemplate | undefined): MineEvent {
  const { minute } = stats.hashesPerSecond
  const isKnown = template !== undefined && minute > 0
  return {
    type: 'status',
    height: template?.height ?? null,
    difficulty: template === undefined ? null : computeDifficulty(template.bits),
    expectedSeconds: isKnown ? Number(computeWork(template.bits)) / minute : null,
    hashesPerSecond: stats.hashesPerSecond,
    workers: stats.workers,
    bestDifficulty: stats.bestDifficulty,
    accepted: stats.blocksFound,
    stale: stats.staleSolutions,
    duplicate: stats.duplicateSolutions,
    invalid: stats.invalidSolutions,
    isDegraded: stats.isDegraded,
  }
}

/** Writes a duration with its largest unit: `42 s`, `3.5 min`, `12 days`. */
export function formatDuration(seconds: number): string {
  const format = (value: number): string => (value < 9.95 ? value.toFixed(1) : value.toFixed(0))
  if (seconds < SECONDS_PER_MINUTE) return `${format(seconds)} s`
  if (seconds < SECONDS_PER_HOUR) return `${format(seconds / SECONDS_PER_MINUTE)} min`
  if (seconds < SECONDS_PER_DAY) return `${format(seconds / SECONDS_PER_HOUR)} h`
  return `${format(seconds / SECONDS_PER_DAY)} days`
}

/** Three digits, or a dash for none. */
export function formatDifficulty(difficulty: number): string {
  return difficulty === 0 ? '–' : difficulty.toPrecision(3)
}

/** The live line, which ends where the terminal does: what matters most comes first. */
export function formatMineStatus(status: Extract<MineEvent, { type: 'status' }>): string {
  const { workers, expectedSeconds, height } = status
  const rates = workers.map(({ hashesPerSecond: { second } }) => (second / 1e6).toFixed(2))
  const isListed = rates.length > 1 && rates.length <= MAX_LISTED_WORKERS
  return [
    height === null ? 'waiting for work' : `height ${height}`,
    `${formatHashRate(status.hashesPerSecond.second)}${isListed ? ` (${rates.join(' + ')})` : ''}`,
    ...(expectedSeconds === null ? [] : [`a block in ~${formatDuration(expectedSeconds)}`]),
    `accepted ${status.accepted}`,
    `best ${formatDifficulty(status.bestDifficulty)}`,
    ...(status.difficulty === null ? [] : [`diff ${formatDifficulty(status.difficulty)}`]),
    ...(status.stale === 0 ? [] : [`stale ${status.stale}`]),
    ...(status.invalid === 0 ? [] : [`invalid ${status.invalid}`]),
    ...(status.isDegraded ? ['SLOW: fallback engine'] : []),
  ].join(' · ')
}

/** One JSON object a line, nothing else. */
export function createJsonMineOutput(terminal: Terminal): (event: MineEvent) => void {
  return (event) => terminal.line(JSON.stringify(event))
}

/** For a person at a terminal. */
export function createHumanMineOutput(
  terminal: Terminal,
  style: Style,
): (event: MineEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'start':
        terminal.line('')
        terminal.line(
          `  ${style.bold('Quarry miner')} · ${countOf(event.threads, 'thread')} at ${Math.round(event.throttle * 100)} % of a core each`,
        )
        terminal.line(
          style.dim(`  pays to script ${event.payoutScripts.join(', ')} · Ctrl-C stops`),
        )
        terminal.line('')
        break
      case 'status':
        terminal.live(formatMineStatus(event))
        break
      case 'block':
        terminal.line(
          event.refusal === null
            ? `  ${style.green(`block ${event.height}`)} ${event.hash}`
            : `  ${style.red(`block ${event.height} refused: ${event.refusal}`)} ${event.hash}`,
        )
        break
      case 'connection':
        terminal.line(
          event.problem === null ? '  The node answers again.' : style.red(`  ${event.problem}`),
        )
        break
      case 'fault':
        terminal.line(style.red(`  ${event.message}`))
        break
      case 'done':
        terminal.endLive()
        terminal.line(`Stopped. The node took ${countOf(event.accepted, 'block')}.`)
        break
    }
  }
}
