/** @module What `quarry mine --stratum` prints: JSON lines for programs, a page and a live line for people. */

import { formatHashRate } from '../../devnet/index.ts'
import type { HashRates, MinerStats } from '../../mining/index.ts'
import { formatPoolUrl, type PoolLink, type ShareCounts } from '../../stratum/index.ts'
import { formatDifficulty, formatDuration, type MineEvent } from './mine-output.ts'
import type { Style, Terminal } from './terminal.ts'

/** Expected hashes for a share of difficulty 1, as all pools count. */
const HASHES_PER_DIFFICULTY = 2 ** 32

/** What happens while mining for a pool, one JSON object a line. Rates are hashes per second. */
export type StratumMineEvent =
  | {
      readonly type: 'start'
      readonly threads: number
      readonly throttle: number
      readonly versionRolling: boolean
      readonly pools: readonly string[]
      readonly user: string
    }
  | ({
      readonly type: 'status'
      /** The one that has let this miner in; null while there is none. */
      readonly pool: string | null
      /** Of the block to be; null while there is nothing to mine on. */
      readonly height: number | null
      /** Of the shares that the current job asks for. */
      readonly difficulty: number | null
      /** How long a share takes on average at the rate of the last minute; null while that is not known. */
      readonly expectedSeconds: number | null
      readonly hashesPerSecond: HashRates
      readonly workers: MinerStats['workers']
      readonly bestDifficulty: number
      readonly pending: number
      readonly invalid: number
      readonly isDegraded: boolean
    } & Readonly<ShareCounts>)
  /** The pool has taken a share, or has not and says why. */
  | {
      readonly type: 'share'
      readonly height: number
      readonly difficulty: number
      readonly hash: string
      readonly isBlock: boolean
      readonly refusal: string | null
    }
  /** A pool cannot be reached or was lost, or, with null, has let this miner in. */
  | { readonly type: 'connection'; readonly pool: string; readonly problem: string | null }
  /** The pool has a text for people. */
  | { readonly type: 'message'; readonly text: string }
  /** Something about the pool is wrong. */
  | { readonly type: 'warning'; readonly message: string }
  | Extract<MineEvent, { type: 'fault' }>
  /** The last line. */
  | ({ readonly type: 'done'; readonly hashes: number } & Readonly<ShareCounts>)

/** Puts a status together. */
export function describeStratumStatus(stats: MinerStats, link: PoolLink): StratumMineEvent {
  const { job, pool, counts, pendingShares } = link
  const { minute } = stats.hashesPerSecond
  const isKnown = job !== undefined && minute > 0
  return {
    type: 'status',
    pool: pool === undefined ? null : formatPoolUrl(pool),
    height: job?.height ?? null,
    difficulty: job?.difficulty ?? null,
    expectedSeconds: isKnown ? (job.difficulty * HASHES_PER_DIFFICULTY) / minute : null,
    hashesPerSecond: stats.hashesPerSecond,
    workers: stats.workers,
    bestDifficulty: stats.bestDifficulty,
    ...counts,
    pending: pendingShares,
    invalid: stats.invalidSolutions,
    isDegraded: stats.isDegraded,
  }
}

/** The live line, which ends where the terminal does: what matters most comes first. */
export function formatStratumStatus(status: Extract<StratumMineEvent, { type: 'status' }>): string {
  const { pool, height, expectedSeconds, difficulty } = status
  const unsent = status.stale + status.dropped
  return [
    pool === null ? 'no pool' : pool.replace(/^.*:\/\//, ''),
    height === null ? 'waiting for work' : `height ${height}`,
    formatHashRate(status.hashesPerSecond.second),
    `accepted ${status.accepted}`,
    `refused ${status.refused}`,
    ...(difficulty === null ? [] : [`diff ${formatDifficulty(difficulty)}`]),
    ...(expectedSeconds === null ? [] : [`a share in ~${formatDuration(expectedSeconds)}`]),
    `best ${formatDifficulty(status.bestDifficulty)}`,
    ...(status.blocks === 0 ? [] : [`blocks ${status.blocks}`]),
    ...(unsent === 0 ? [] : [`stale ${unsent}`]),
    ...(status.lost === 0 ? [] : [`lost ${status.lost}`]),
    ...(status.unpaidJobs === 0 ? [] : [`NOT PAID in ${status.unpaidJobs} jobs`]),
    ...(status.isDegraded ? ['SLOW: fallback engine'] : []),
  ].join(' · ')
}

/** One JSON object a line, nothing else. */
export function createJsonStratumOutput(terminal: Terminal): (event: StratumMineEvent) => void {
  return (event) => terminal.line(JSON.stringify(event))
}

/** For a person at a terminal. */
export function createHumanStratumOutput(
  terminal: Terminal,
  style: Style,
): (event: StratumMineEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'start':
        terminal.line('')
        terminal.line(
          `  ${style.bold('Quarry miner')} · ${event.threads} threads at ${Math.round(event.throttle * 100)} % of a core each`,
        )
        terminal.line(style.dim(`  ${event.pools.join(', then ')} as ${event.user} · Ctrl-C stops`))
        terminal.line('')
        break
      case 'status':
        terminal.live(formatStratumStatus(event))
        break
      case 'share': {
        const what = event.isBlock ? `block ${event.height}` : `share at height ${event.height}`
        if (event.refusal !== null) {
          terminal.line(`  ${style.red(`${what} refused: ${event.refusal}`)} ${event.hash}`)
        } else if (event.isBlock) terminal.line(`  ${style.green(what)} ${event.hash}`)
        break
      }
      case 'connection':
        terminal.line(
          event.problem === null
            ? `  Mining for ${event.pool}.`
            : style.red(`  ${event.pool}: ${event.problem}`),
        )
        break
      case 'message':
        terminal.line(`  The pool says: ${event.text}`)
        break
      case 'warning':
      case 'fault':
        terminal.line(style.red(`  ${event.message}`))
        break
      case 'done':
        terminal.endLive()
        terminal.line(
          `Stopped. Pools took ${event.accepted} shares, ${event.blocks} of them blocks, and refused ${event.refused}.`,
        )
        break
    }
  }
}
