/** @module What a node tells as it happens: events under one sequence number, and who keeps the latest of them. */

import type { MempoolRemovalReason } from '../mempool/index.ts'

/** What events are about. */
export const EVENT_TOPICS = ['blocks', 'reorgs', 'mempool', 'peers', 'miner', 'pool'] as const
/** One of {@link EVENT_TOPICS}. */
export type EventTopic = (typeof EVENT_TOPICS)[number]

/** So many of the latest events are kept for those who come back. */
export const MAX_KEPT_EVENTS = 4_096

/** A block and where it stands; hashes as people spell them. */
export interface BlockPlace {
  readonly hash: string
  readonly height: number
}

/** A block that has joined or left the active chain. */
export interface BlockEventData extends BlockPlace {
  /** Empty for genesis. */
  readonly previousblockhash: string
  /** Unix seconds. */
  readonly time: number
  /** The compact target, 8 hex digits. */
  readonly bits: string
  readonly nTx: number
}

/** Blocks have left the active chain, and mostly others have taken their place. */
export interface ReorgEventData {
  /** How many blocks have left it. */
  readonly depth: number
  readonly forkpoint: BlockPlace
  readonly previous: BlockPlace
  /** The same as the fork point after `invalidateblock` without another branch. */
  readonly tip: BlockPlace
  /** Transactions of blocks that have left, and of none that has come; coinbases not counted. */
  readonly dropped_count: number
  /** The first of their ids. */
  readonly dropped: readonly string[]
  /** Transactions that both have. */
  readonly remined_count: number
  readonly remined: readonly string[]
}

/** A transaction that waits for a block. */
export interface MempoolAddedData {
  readonly txid: string
  readonly wtxid: string
  /** Virtual bytes. */
  readonly vsize: number
  readonly fee_sats: number
}

/** A transaction that waits no more. */
export interface MempoolRemovedData {
  readonly txid: string
  readonly reason: MempoolRemovalReason
}

/** A peer whose handshake is done, or who has gone. */
export interface PeerEventData {
  /** As in `getpeerinfo`. */
  readonly id: number
  readonly quarry_peer_id: string
  readonly addr: string
  readonly inbound: boolean
  readonly subver: string
}

/** Somebody who is refused from now on. */
export interface BanEventData {
  /** A peer id, or a network of addresses. */
  readonly subject: string
  /** Unix seconds. */
  readonly banned_until: number
  readonly reason: string
  /** Whether an operator did it. */
  readonly manual: boolean
}

/** How the local miner is told to work. */
export interface MinerSettingsData {
  readonly threads: number
  readonly throttle: number
  readonly paused: boolean
}

/** How fast the local miner is; hashes per second as in `getminerinfo`. */
export interface MinerRateData {
  readonly hashps: { readonly '1s': number; readonly '1m': number; readonly '15m': number }
  readonly hashes: number
  readonly degraded: boolean
}

/** A worker of the pool, by the name that it gave. */
export interface WorkerEventData {
  readonly worker: string
}

/** A block that a miner of the pool has found. */
export interface PoolBlockEventData extends BlockPlace, WorkerEventData {
  /** `connected`, `stored` beside the active chain, or `refused`. */
  readonly outcome: string
}

/** What each type of event carries: plain data, as JSON has it. */
export interface EventData {
  readonly blocks: { readonly connected: BlockEventData; readonly disconnected: BlockEventData }
  readonly reorgs: { readonly reorganised: ReorgEventData }
  readonly mempool: { readonly added: MempoolAddedData; readonly removed: MempoolRemovedData }
  readonly peers: {
    readonly connected: PeerEventData
    readonly disconnected: PeerEventData
    readonly banned: BanEventData
    readonly unbanned: { readonly subject: string }
  }
  readonly miner: {
    readonly started: MinerSettingsData
    readonly configured: MinerSettingsData
    readonly blockfound: BlockPlace & { readonly nTx: number }
    readonly hashrate: MinerRateData
    readonly stopped: { readonly blocks_found: number }
  }
  readonly pool: {
    readonly workerjoined: WorkerEventData
    readonly workerleft: WorkerEventData
    readonly blockfound: PoolBlockEventData
  }
}

interface EventOf<Topic, Type, Data> {
  /** One more than that of the event before. */
  readonly seq: number
  /** When it was told, in milliseconds since the Unix epoch. */
  readonly time_ms: number
  readonly topic: Topic
  readonly type: Type
  readonly data: Data
}

type EventsOfTopic<Topic extends EventTopic> = {
  [Type in keyof EventData[Topic]]: EventOf<Topic, Type, EventData[Topic][Type]>
}[keyof EventData[Topic]]

/** One event. */
export type NodeEvent = { [Topic in EventTopic]: EventsOfTopic<Topic> }[EventTopic]

/**
 * The latest {@link MAX_KEPT_EVENTS} events of a node. Their numbers have no gaps, and those of a later run are
 * always higher: whoever names one of an earlier run can be told that he missed something.
 */
export interface EventLog {
  /** The number that this run's first event has or will have. */
  readonly startSeq: number
  /** The number of the oldest event that is kept; that of the next one if there is none. */
  readonly firstSeq: number
  /** The number of the latest event; one less than `startSeq` if there is none yet. */
  readonly lastSeq: number
  /** An event that is kept; undefined if it is no more, or not yet. */
  at(seq: number): NodeEvent | undefined
  /** Calls the listener after each new event. Returns what ends that. */
  onPublished(listener: () => void): () => void
}
