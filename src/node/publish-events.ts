/** @module What the parts of a node tell, put into its event log. */

import type { BlockEvent, Chain, TipEvent } from '../chain/index.ts'
import { bitsToHex } from '../consensus/index.ts'
import type { Mempool, MempoolEntry } from '../mempool/index.ts'
import type { HashRates, Miner } from '../mining/index.ts'
import type { SoloPool } from '../pool/index.ts'
import { type Block, computeTxid, isCoinbase, toDisplayHex } from '../primitives/index.ts'
import type { BlockEventData, BlockPlace, PeerEventData } from '../rpc/index.ts'
import { toHostPortText } from '../rpc/index.ts'
import type { BanControl, PeerInfo, Synchronizer } from '../sync/index.ts'
import type { Clock, Timer } from '../util/index.ts'
import type { EventRing } from './event-ring.ts'

/** A running miner's rate is told so often. */
export const HASH_RATE_INTERVAL_MS = 10_000
/** Of what a reorganisation has dropped or mined again, so many ids are told. */
export const MAX_REORG_TXIDS = 250
/** Transactions of blocks that have left the chain which are remembered until the tip is told. */
const MAX_TRACKED_TXIDS = 100_000
const MS_PER_SECOND = 1_000

type Place = { readonly hashHex: string; readonly height: number }

function toPlace({ hashHex, height }: Place): BlockPlace {
  return { hash: hashHex, height }
}

function describeBlock({ entry, block }: BlockEvent): BlockEventData {
  return {
    ...toPlace(entry),
    previousblockhash: entry.prev?.hashHex ?? '',
    time: entry.time,
    bits: bitsToHex(entry.header.bits),
    nTx: block.transactions.length,
  }
}

/** What happens to the transactions of blocks that leave the chain. */
class ReorgTracker {
  readonly #left = new Set<string>()
  #leftCount = 0
  #remined: string[] = []
  #reminedCount = 0

  onDisconnected(block: Block): void {
    for (const tx of block.transactions) {
      if (isCoinbase(tx)) continue
      this.#leftCount += 1
      if (this.#left.size < MAX_TRACKED_TXIDS) this.#left.add(toDisplayHex(computeTxid(tx)))
    }
  }

  onConnected(block: Block): void {
    if (this.#left.size === 0) return
    for (const tx of block.transactions) {
      const txid = toDisplayHex(computeTxid(tx))
      if (!this.#left.delete(txid)) continue
      this.#reminedCount += 1
      if (this.#remined.length < MAX_REORG_TXIDS) this.#remined.push(txid)
    }
  }

  /** What has happened since the last time. */
  finish() {
    const result = {
      dropped_count: this.#leftCount - this.#reminedCount,
      dropped: [...this.#left].slice(0, MAX_REORG_TXIDS),
      remined_count: this.#reminedCount,
      remined: this.#remined,
    }
    this.#left.clear()
    this.#leftCount = 0
    this.#remined = []
    this.#reminedCount = 0
    return result
  }
}

/**
 * Tells of blocks and reorganisations. Called before anybody else listens to the chain, so that a block is told
 * before what follows from it.
 */
export function publishChainEvents(ring: EventRing, { events }: Chain): void {
  const tracker = new ReorgTracker()
  events.on('blockConnected', (event) => {
    tracker.onConnected(event.block)
    ring.publish('blocks', 'connected', describeBlock(event))
  })
  events.on('blockDisconnected', (event) => {
    tracker.onDisconnected(event.block)
    ring.publish('blocks', 'disconnected', describeBlock(event))
  })
  events.on('tipChanged', ({ tip, previous, forkPoint, depth }: TipEvent) => {
    const transactions = tracker.finish()
    if (depth === 0) return
    ring.publish('reorgs', 'reorganised', {
      depth,
      forkpoint: toPlace(forkPoint),
      previous: toPlace(previous),
      tip: toPlace(tip),
      ...transactions,
    })
  })
}

/** Tells of transactions that wait, and that wait no more. */
export function publishMempoolEvents(ring: EventRing, { events }: Mempool): void {
  events.on('entered', ({ txid, wtxid, virtualSize, fee }: MempoolEntry) => {
    const fee_sats = Number(fee)
    ring.publish('mempool', 'added', { txid, wtxid, vsize: virtualSize, fee_sats })
  })
  events.on('removed', ({ txid, reason }) => {
    ring.publish('mempool', 'removed', { txid, reason })
  })
}

function describePeer({ id, number, address, direction, status }: PeerInfo): PeerEventData {
  return {
    id: number,
    quarry_peer_id: id,
    addr: toHostPortText(address),
    inbound: direction === 'inbound',
    subver: status.userAgent,
  }
}

/** Tells of peers that come, go, and are refused. */
export function publishPeerEvents(
  ring: EventRing,
  sync: Pick<Synchronizer, 'events'>,
  bans: BanControl,
): void {
  sync.events.on('peerConnected', (peer) => {
    ring.publish('peers', 'connected', describePeer(peer))
  })
  sync.events.on('peerGone', (peer) => {
    ring.publish('peers', 'disconnected', describePeer(peer))
  })
  bans.events.on('banned', ({ subject, endsAtMs, reason, isManual }) => {
    const banned_until = Math.floor(endsAtMs / MS_PER_SECOND)
    ring.publish('peers', 'banned', { subject, banned_until, reason, manual: isManual })
  })
  bans.events.on('unbanned', (subject) => ring.publish('peers', 'unbanned', { subject }))
}

function describeRates({ second, minute, quarterHour }: HashRates) {
  return { '1s': second, '1m': minute, '15m': quarterHour }
}

function describeSettings({ stats: { threads, throttle, isPaused } }: Miner) {
  return { threads, throttle, paused: isPaused }
}

/** Tells what the local miner does, and while it runs how fast it is. */
export function publishMinerEvents(ring: EventRing, miner: Miner, clock: Clock): void {
  let timer: Timer | undefined
  const tellRate = (): void => {
    const { hashesPerSecond, hashes, isDegraded } = miner.stats
    const hashps = describeRates(hashesPerSecond)
    ring.publish('miner', 'hashrate', { hashps, hashes, degraded: isDegraded })
    timer = clock.schedule(HASH_RATE_INTERVAL_MS, tellRate)
  }
  miner.events.on('started', () => {
    ring.publish('miner', 'started', describeSettings(miner))
    timer = clock.schedule(HASH_RATE_INTERVAL_MS, tellRate)
  })
  miner.events.on('configured', () => {
    ring.publish('miner', 'configured', describeSettings(miner))
  })
  miner.events.on('blockFound', ({ hash, height, transactions }) => {
    ring.publish('miner', 'blockfound', { hash: toDisplayHex(hash), height, nTx: transactions })
  })
  miner.events.on('stopped', () => {
    timer?.cancel()
    ring.publish('miner', 'stopped', { blocks_found: miner.stats.blocksFound })
  })
}

/** Tells of the pool's workers and of the blocks that they find. */
export function publishPoolEvents(ring: EventRing, { events }: Pick<SoloPool, 'events'>): void {
  events.on('workerJoined', (worker) => ring.publish('pool', 'workerjoined', { worker }))
  events.on('workerLeft', (worker) => ring.publish('pool', 'workerleft', { worker }))
  events.on('blockFound', ({ hash, height, worker, outcome }) => {
    const data = { hash: toDisplayHex(hash), height, worker, outcome: outcome ?? 'submitted' }
    ring.publish('pool', 'blockfound', data)
  })
}
