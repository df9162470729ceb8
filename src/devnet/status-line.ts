/** @module A devnet's status as one line for people. */

import { computeDifficulty } from '../consensus/index.ts'
import { countOf } from '../util/index.ts'
import type { DevnetStatus, NodeStatus } from './devnet-status.ts'

/** Beyond this many nodes the line shows ranges instead of one number for each. */
const MAX_LISTED_NODES = 5
/** Hashes end in random digits and begin with zeros: the end tells them apart. */
const TIP_DIGITS = 6

/** Stands where the number of a node would be that is gone. */
const GONE = '–'

const RATE_UNITS = ['H/s', 'kH/s', 'MH/s', 'GH/s', 'TH/s'] as const

/** Writes a hash rate with three digits: `1.24 MH/s`. */
export function formatHashRate(hashesPerSecond: number): string {
  let value = hashesPerSecond
  let unit = 0
  while (value >= 999.5 && unit < RATE_UNITS.length - 1) {
    value /= 1_000
    unit++
  }
  return `${value >= 99.5 || unit === 0 ? Math.round(value) : value.toPrecision(3)} ${RATE_UNITS[unit]}`
}

/** How much a line leaves out. Each step leaves out what the steps before it do, and more. */
const DETAILS = ['all', 'equal-once', 'no-hashes', 'least'] as const
type Detail = (typeof DETAILS)[number]

function isAtMost(detail: Detail, limit: Detail): boolean {
  return DETAILS.indexOf(detail) >= DETAILS.indexOf(limit)
}

function isListed({ nodes, gone }: DevnetStatus): boolean {
  return nodes.length + gone.length <= MAX_LISTED_NODES
}

function formatEach(
  status: DevnetStatus,
  detail: Detail,
  read: (node: NodeStatus) => number,
): string {
  const { nodes, gone } = status
  const values = nodes.map(read)
  const low = Math.min(...values)
  const high = Math.max(...values)
  if (!isListed(status)) return low === high ? `${low}` : `${low}–${high}`
  if (low === high && gone.length === 0 && isAtMost(detail, 'equal-once')) return `${low}`
  const places = [
    ...nodes.map((node) => ({ index: node.index, text: `${read(node)}` })),
    ...gone.map((index) => ({ index, text: GONE })),
  ]
  return places
    .sort((a, b) => a.index - b.index)
    .map(({ text }) => text)
    .join(' ')
}

function formatTips(nodes: readonly NodeStatus[], detail: Detail): readonly string[] {
  const tips = [...new Set(nodes.map((node) => node.tip))]
  if (isAtMost(detail, 'no-hashes')) return tips.length === 1 ? [] : [countOf(tips.length, 'tip')]
  const shown = tips.slice(0, MAX_LISTED_NODES).map((tip) => `…${tip.slice(-TIP_DIGITS)}`)
  return [tips.length === 1 ? `tip ${shown[0]}` : `${tips.length} tips ${shown.join(' ')}`]
}

function formatDifficulty(nodes: readonly NodeStatus[]): string {
  const best = nodes.reduce((a, b) => (b.height > a.height ? b : a))
  return computeDifficulty(Number.parseInt(best.bits || '0', 16)).toPrecision(3)
}

function formatWith(status: DevnetStatus, detail: Detail): string {
  const { nodes, gone, nextRetarget } = status
  const height = Math.max(...nodes.map((node) => node.height))
  const rate = nodes.reduce((sum, node) => sum + node.hashesPerSecond, 0)
  const silent = nodes.filter((node) => node.problem !== undefined).map((node) => node.index)
  const isLeast = isAtMost(detail, 'least')
  return [
    `height ${formatEach(status, detail, (node) => node.height)}`,
    ...formatTips(nodes, detail),
    ...(isLeast ? [] : [`peers ${formatEach(status, detail, (node) => node.peers)}`]),
    formatHashRate(rate),
    ...(isLeast ? [] : [`diff ${formatDifficulty(nodes)}`]),
    ...(nextRetarget === null ? [] : [`retarget in ${nextRetarget - height}`]),
    `reorgs ${formatEach(status, detail, (node) => node.reorgs)}`,
    ...(silent.length === 0 ? [] : [`silent: ${silent.join(' ')}`]),
    ...(gone.length === 0 || isListed(status) ? [] : [`gone: ${gone.join(' ')}`]),
  ].join(' · ')
}

/**
 * Formats a status: heights, tips, peers, hash rate, difficulty, next retarget, reorgs. Numbers of
 * single nodes stand in the nodes' order, with a dash for one that is gone, or once if they are equal and there
 * is no room.
 *
 * @param columns - Room for the line. What fits least is left out first: equal numbers, hashes, then peers
 * and difficulty. The rest may still be longer.
 */
export function formatStatusLine(status: DevnetStatus, columns = Number.POSITIVE_INFINITY): string {
  if (status.nodes.length === 0) return 'no node is up'
  const lines = DETAILS.map((detail) => formatWith(status, detail))
  return lines.find((line) => line.length <= columns) ?? lines.at(-1) ?? ''
}
