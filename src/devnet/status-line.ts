/** @module A devnet's status as one line for people. */

import { computeDifficulty } from '../consensus/index.ts'
import type { DevnetStatus, NodeStatus } from './devnet-status.ts'

/** Beyond this many nodes the line shows ranges instead of one number for each. */
const MAX_LISTED_NODES = 5
/** Hashes end in random digits and begin with zeros: the end tells them apart. */
const TIP_DIGITS = 6

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

function formatEach(nodes: readonly NodeStatus[], read: (node: NodeStatus) => number): string {
  const values = nodes.map(read)
  if (nodes.length <= MAX_LISTED_NODES) return values.join(' ')
  const low = Math.min(...values)
  const high = Math.max(...values)
  return low === high ? `${low}` : `${low}–${high}`
}

function formatTips(nodes: readonly NodeStatus[]): string {
  const tips = [...new Set(nodes.map((node) => node.tip))]
  const shown = tips.slice(0, MAX_LISTED_NODES).map((tip) => `…${tip.slice(-TIP_DIGITS)}`)
  return tips.length === 1 ? `tip ${shown[0]}` : `${tips.length} tips ${shown.join(' ')}`
}

function formatDifficulty(nodes: readonly NodeStatus[]): string {
  const best = nodes.reduce((a, b) => (b.height > a.height ? b : a))
  return computeDifficulty(Number.parseInt(best.bits || '0', 16)).toPrecision(3)
}

/**
 * Formats a status: heights, tips, peers, hash rate, difficulty, next retarget, reorgs. Numbers of
 * single nodes stand in the nodes' order.
 */
export function formatStatusLine(status: DevnetStatus): string {
  const { nodes, nextRetarget } = status
  if (nodes.length === 0) return 'no node is up'
  const height = Math.max(...nodes.map((node) => node.height))
  const rate = nodes.reduce((sum, node) => sum + node.hashesPerSecond, 0)
  const silent = nodes.filter((node) => node.problem !== undefined).map((node) => node.index)
  return [
    `height ${formatEach(nodes, (node) => node.height)}`,
    formatTips(nodes),
    `peers ${formatEach(nodes, (node) => node.peers)}`,
    formatHashRate(rate),
    `diff ${formatDifficulty(nodes)}`,
    ...(nextRetarget === null ? [] : [`retarget in ${nextRetarget - height}`]),
    `reorgs ${formatEach(nodes, (node) => node.reorgs)}`,
    ...(silent.length === 0 ? [] : [`silent: ${silent.join(' ')}`]),
  ].join(' · ')
}
