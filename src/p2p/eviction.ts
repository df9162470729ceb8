/** @module Which inbound peer has to go when another one comes and every slot is taken. */

import type { RandomSource } from '../util/index.ts'
import { originOf } from './host.ts'

/** What is known of a peer that might have to go. */
export interface EvictionCandidate {
  /** Counts up from peer to peer: the lowest has been connected longest. */
  readonly number: number
  /** The remote multiaddr. */
  readonly address: string
  readonly pingMs: number | undefined
  /** When it last brought a block, and a transaction, that was new and valid. */
  readonly lastBlockMs: number | undefined
  readonly lastTransactionMs: number | undefined
}

/** Peers that are kept for their latency. @see Bitcoin Core `SelectNodeToEvict` */
const MAX_KEPT_BY_LATENCY = 8
/** Peers that are kept for the blocks, and as many for the transactions, that they brought last. */
const MAX_KEPT_BY_USE = 4
/** None of these may keep more than one in so many, so that small nodes can be joined as well. */
const KEPT_SHARE_DIVISOR = 8

/** All but the `count` best, of those that have a value at all; the higher the better. */
function withoutBest<Candidate>(
  candidates: readonly Candidate[],
  count: number,
  readValue: (candidate: Candidate) => number | undefined,
): readonly Candidate[] {
  const best = candidates
    .filter((candidate) => readValue(candidate) !== undefined)
    .sort((a, b) => (readValue(b) ?? 0) - (readValue(a) ?? 0))
    .slice(0, count)
  const kept = new Set(best)
  return candidates.filter((candidate) => !kept.has(candidate))
}

/** The largest class; of equally large ones, that of the youngest peer. `candidates` come oldest first. */
export function largestClass<Candidate>(
  candidates: readonly Candidate[],
  classOf: (candidate: Candidate) => string,
): readonly Candidate[] {
  const classes = new Map<string, Candidate[]>()
  for (const candidate of candidates) {
    const name = classOf(candidate)
    const members = classes.get(name) ?? []
    // Moved to the end, so that the class with the youngest member is the last one.
    classes.delete(name)
    classes.set(name, [...members, candidate])
  }
  let largest: readonly Candidate[] = []
  for (const members of classes.values()) if (members.length >= largest.length) largest = members
  return largest
}

/**
 * Chooses the inbound peer that makes room for a new one.
 *
 * Kept are the fastest, those that brought blocks and transactions last, and of the others the half that has
 * been connected longest: what an attacker cannot have by coming in great numbers. Of the rest the youngest
 * goes, of the host with most of them, in the network with most of them.
 *
 * Differs from Bitcoin: on loopback, where all nodes of a devnet share one host, the choice is random,
 * since otherwise whoever connected last would always go. No peers are kept for their network, and fewer in
 * all where there are few slots.
 *
 * @returns Undefined only if there is no candidate.
 * @see Bitcoin Core `SelectNodeToEvict`
 */
export function chooseEvicted<Candidate extends EvictionCandidate>(
  candidates: readonly Candidate[],
  random: RandomSource,
): Candidate | undefined {
  const share = Math.floor(candidates.length / KEPT_SHARE_DIVISOR)
  const byUse = Math.min(MAX_KEPT_BY_USE, share)
  let rest = [...candidates].sort((a, b) => a.number - b.number) as readonly Candidate[]
  rest = withoutBest(rest, Math.min(MAX_KEPT_BY_LATENCY, share), ({ pingMs }) =>
    pingMs === undefined ? undefined : -pingMs,
  )
  rest = withoutBest(rest, byUse, ({ lastTransactionMs }) => lastTransactionMs)
  rest = withoutBest(rest, byUse, ({ lastBlockMs }) => lastBlockMs)
  rest = rest.slice(Math.floor(rest.length / 2))
  const inGroup = largestClass(rest, ({ address }) => originOf(address).group)
  const ofHost = largestClass(inGroup, ({ address }) => originOf(address).host)
  const youngest = ofHost.at(-1)
  if (youngest === undefined || !originOf(youngest.address).isLoopback) return youngest
  return ofHost[Math.floor(random.float() * ofHost.length)]
}
