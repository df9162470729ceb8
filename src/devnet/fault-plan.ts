/** @module Faults of a whole devnet: who is parted from whom, who is slow; and what follows for each node. */

import type { FaultRuleJson } from '../rpc/index.ts'
import { DevnetError } from './errors.ts'

/**
 * The most that a link can be slowed down by, latency and jitter of both its ends together, in milliseconds. To connect
 * takes eight messages one after the other, and `DIAL_TIMEOUT_MS` (10 s) for all of them: 1.2 s each still works.
 */
export const MAX_LINK_DELAY_MS = 1_000

/** How much longer everything takes that one node sends or is sent. */
export interface Slowness {
  readonly latencyMs: number
  /** Up to so much more. */
  readonly jitterMs: number
  /** What each of its connections may carry each way; undefined without a cap. */
  readonly bytesPerSecond?: number | undefined
}

/** The faults that are in force, in the form in which they are printed. */
export interface DevnetFaults {
  /** Groups of nodes that cannot reach each other; null if all can. */
  readonly partition: readonly (readonly number[])[] | null
  readonly slow: readonly ({ readonly node: number } & Slowness)[]
}

/** @throws {@link DevnetError} `bad-command` if there is no such node. */
export function checkIndex(index: number, nodeCount: number): void {
  if (index < nodeCount) return
  throw new DevnetError(
    'bad-command',
    `There is no node ${index}: the nodes are 0 to ${nodeCount - 1}.`,
  )
}

function checkGroups(groups: readonly (readonly number[])[], nodeCount: number): void {
  const named = groups.flat()
  for (const index of named) checkIndex(index, nodeCount)
  const twice = named.find((index, at) => named.indexOf(index) !== at)
  if (twice !== undefined) {
    throw new DevnetError('bad-command', `Node ${twice} is named twice: put it into one group.`)
  }
  if (groups.length === 1 && named.length === nodeCount) {
    throw new DevnetError('bad-command', 'All nodes in one group is no partition: name fewer.')
  }
}

/** The faults of a devnet, as they are changed. */
export class FaultPlan {
  #groups: readonly (readonly number[])[] | null = null
  readonly #slow = new Map<number, Slowness>()

  get faults(): DevnetFaults {
    return {
      partition: this.#groups,
      slow: [...this.#slow].map(([node, slowness]) => ({ node, ...slowness })),
    }
  }

  get isEmpty(): boolean {
    return this.#groups === null && this.#slow.size === 0
  }

  /**
   * Parts the nodes. Those that no group names are one group more.
   *
   * @throws {@link DevnetError} `bad-command` if a node is not there or named twice, or nothing is parted.
   */
  part(groups: readonly (readonly number[])[], nodeCount: number): void {
    checkGroups(groups, nodeCount)
    const named = new Set(groups.flat())
    const rest = Array.from({ length: nodeCount }, (_, index) => index).filter(
      (index) => !named.has(index),
    )
    this.#groups = rest.length === 0 ? groups : [...groups, rest]
  }

  /**
   * Slows a node down, or gives it its pace back.
   *
   * @throws {@link DevnetError} `bad-command` if it could not connect to another node any more.
   */
  slow(node: number, { latencyMs, jitterMs, bytesPerSecond }: Slowness): void {
    this.#checkDelay(node, latencyMs + jitterMs)
    const isSlow = latencyMs > 0 || jitterMs > 0 || bytesPerSecond !== undefined
    if (isSlow) this.#slow.set(node, { latencyMs, jitterMs, bytesPerSecond })
    else this.#slow.delete(node)
  }

  /** Ends all faults. */
  heal(): void {
    this.#groups = null
    this.#slow.clear()
  }

  /**
   * The rules for one node. Each end of a link holds up what it sends, so both ends get the slowness of both.
   *
   * @param peerIds - Of all nodes that have ever been up.
   */
  rulesFor(node: number, peerIds: ReadonlyMap<number, string>): readonly FaultRuleJson[] {
    return [...peerIds].flatMap(([other, peer]): readonly FaultRuleJson[] => {
      if (other === node) return []
      if (this.#areParted(node, other)) return [{ peer, blocked: true }]
      const ends = [node, other].flatMap((end) => this.#slow.get(end) ?? [])
      if (ends.length === 0) return []
      const caps = ends.flatMap(({ bytesPerSecond }) => bytesPerSecond ?? [])
      return [
        {
          peer,
          latency_ms: ends.reduce((sum, { latencyMs }) => sum + latencyMs, 0),
          jitter_ms: ends.reduce((sum, { jitterMs }) => sum + jitterMs, 0),
          ...(caps.length === 0 ? {} : { bytes_per_second: Math.min(...caps) }),
        },
      ]
    })
  }

  #checkDelay(node: number, delayMs: number): void {
    const others = [...this.#slow].filter(([other]) => other !== node)
    const [slowest] = others
      .map(([other, { latencyMs, jitterMs }]) => ({ other, delayMs: latencyMs + jitterMs }))
      .sort((a, b) => b.delayMs - a.delayMs)
    const sumMs = delayMs + (slowest?.delayMs ?? 0)
    if (delayMs === 0 || sumMs <= MAX_LINK_DELAY_MS) return
    const together =
      slowest === undefined || slowest.delayMs === 0
        ? 'latency and jitter are'
        : `with node ${slowest.other}, which is slow already, that is`
    throw new DevnetError(
      'bad-command',
      `Node ${node} could not connect any more: ${together} ${sumMs} ms a message, and more than ${MAX_LINK_DELAY_MS} ms are too slow. To connect takes eight messages one after the other, for which a node waits 10 s.`,
    )
  }

  #areParted(a: number, b: number): boolean {
    return this.#groups?.some((group) => group.includes(a) !== group.includes(b)) === true
  }
}
