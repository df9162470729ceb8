/** @module What a devnet looks like at one moment, asked of the nodes themselves. */

import { type Clock, sleep, toErrorMessage } from '../util/index.ts'
import { DevnetError } from './errors.ts'
import type { NodeAddress } from './node-launcher.ts'

/** How long a node may take to answer before it counts as silent. */
export const STATUS_TIMEOUT_MS = 2_000

/** A call of JSON-RPC. */
export interface NodeCall {
  readonly method: string
  readonly params?: readonly unknown[]
}

const STATUS_CALLS: readonly NodeCall[] = [
  { method: 'getblockchaininfo' },
  { method: 'getconnectioncount' },
  { method: 'getmininginfo' },
]

/**
 * Calls methods on one node, in one batch.
 *
 * @returns The results, in the order of `calls`. Rejects if the node is not reached or one fails.
 */
export type CallNode = (address: NodeAddress, calls: readonly NodeCall[]) => Promise<unknown[]>

/** One node at one moment. */
export interface NodeStatus {
  readonly index: number
  readonly height: number
  /** The tip's hash, as people write it. */
  readonly tip: string
  readonly peers: number
  /** What this node's own miner does. */
  readonly hashesPerSecond: number
  /** Compact bits of the tip, 8 hex digits. */
  readonly bits: string
  /** Since the node's start. */
  readonly reorgs: number
  /** Why the other fields are those of an earlier moment. */
  readonly problem?: string
}

/** All nodes at one moment. */
export interface DevnetStatus {
  /** Those that are up, in their order. */
  readonly nodes: readonly NodeStatus[]
  /** Indices of those that are not. */
  readonly gone: readonly number[]
  /** Height of the next block whose bits may differ; null where bits follow another rhythm. */
  readonly nextRetarget: number | null
}

function readField<Type extends 'number' | 'string'>(
  result: unknown,
  field: string,
  type: Type,
): Type extends 'number' ? number : string
function readField(result: unknown, field: string, type: string): unknown {
  const value =
    typeof result === 'object' && result !== null
      ? (result as Record<string, unknown>)[field]
      : undefined
  if (typeof value !== type) {
    throw new DevnetError('bad-answer', `A node's answer has no ${type} called ${field}.`)
  }
  return value
}

/** Reads one node's status out of the answers to {@link STATUS_CALLS}. */
function toNodeStatus(index: number, results: readonly unknown[]): NodeStatus {
  const [chain, peers, mining] = results
  if (typeof peers !== 'number') {
    throw new DevnetError('bad-answer', 'getconnectioncount did not answer with a number.')
  }
  return {
    index,
    height: readField(chain, 'blocks', 'number'),
    tip: readField(chain, 'bestblockhash', 'string'),
    peers,
    hashesPerSecond: readField(mining, 'quarry_hashps', 'number'),
    bits: readField(chain, 'bits', 'string'),
    reorgs: readField(chain, 'quarry_reorgs', 'number'),
  }
}

/** What is shown of a node that has never answered. */
function createUnknownStatus(index: number): NodeStatus {
  return { index, height: 0, tip: '', peers: 0, hashesPerSecond: 0, bits: '', reorgs: 0 }
}

/**
 * Asks one node. Never rejects: a node that does not answer in time keeps its last known numbers, with
 * the `problem` beside them.
 *
 * @param last - Its status before.
 */
export async function sampleNode(
  call: CallNode,
  clock: Clock,
  address: NodeAddress,
  last: NodeStatus = createUnknownStatus(address.index),
): Promise<NodeStatus> {
  const controller = new AbortController()
  try {
    const timeout = sleep(clock, STATUS_TIMEOUT_MS, controller.signal).then(() => {
      throw new DevnetError('bad-answer', `no answer within ${STATUS_TIMEOUT_MS / 1_000} s`)
    })
    const results = await Promise.race([call(address, STATUS_CALLS), timeout])
    return toNodeStatus(address.index, results)
  } catch (error) {
    return { ...last, hashesPerSecond: 0, problem: toErrorMessage(error) }
  } finally {
    controller.abort()
  }
}

/**
 * The height at which bits change next.
 *
 * @param windowBlocks - Undefined where the chain does not retarget by windows.
 */
export function computeNextRetarget(
  nodes: readonly NodeStatus[],
  windowBlocks: number | undefined,
): number | null {
  if (windowBlocks === undefined) return null
  const height = Math.max(0, ...nodes.map((node) => node.height))
  return (Math.floor(height / windowBlocks) + 1) * windowBlocks
}

/** Whether every one of `nodeCount` nodes is at or past a height and all are on one tip. */
export function haveConverged(
  nodes: readonly NodeStatus[],
  nodeCount: number,
  height: number,
): boolean {
  const [first] = nodes
  return (
    nodes.length === nodeCount &&
    nodes.every(
      (node) => node.problem === undefined && node.height >= height && node.tip === first?.tip,
    )
  )
}
