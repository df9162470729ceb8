/**
 * Every bound on what other nodes can make this one hold, wait for or do.
 *
 * @module
 */

import { HASH_SIZE, HEADER_SIZE } from '../primitives/index.ts'
import {
  MAX_ANNOUNCED_BLOCKS,
  MAX_GOSSIP_BLOCK_SIZE,
  MAX_HEADERS,
  MAX_INV_ITEMS,
  MAX_LOCATOR_HASHES,
  MAX_REQUESTED_INDEXES,
} from '../sync/index.ts'
import type { Quota } from '../util/index.ts'

/** The largest block or transaction that travels, in bytes: Bitcoin's weight limit allows no more. */
export const MAX_DATA_SIZE = 4_000_000

/** Room for a field's tag and length in an envelope, generously. */
const FIELD_OVERHEAD = 8
/** Room for an envelope around bytes that have a bound of their own. */
const ENVELOPE_OVERHEAD = 1_024

/** The largest encoded INV, in bytes. */
export const MAX_INV_SIZE =
  ENVELOPE_OVERHEAD +
  MAX_INV_ITEMS * (HASH_SIZE + 3 * FIELD_OVERHEAD) +
  MAX_ANNOUNCED_BLOCKS * (HEADER_SIZE + FIELD_OVERHEAD)
/** The largest gossiped block with its envelope, in bytes. */
export const MAX_GOSSIP_BLOCK_MESSAGE_SIZE = MAX_GOSSIP_BLOCK_SIZE + FIELD_OVERHEAD
/** The largest encoded GETDATA, in bytes: transactions of a block take less than so many items. */
export const MAX_GET_DATA_SIZE =
  ENVELOPE_OVERHEAD + MAX_INV_ITEMS * (HASH_SIZE + 3 * FIELD_OVERHEAD)
/** The largest frame that answers a GETDATA, in bytes: one item, or many transactions that are no larger together. */
export const MAX_DATA_REPLY_SIZE =
  ENVELOPE_OVERHEAD + MAX_DATA_SIZE + MAX_REQUESTED_INDEXES * FIELD_OVERHEAD
/** The largest STATUS or GETHEADERS, in bytes. */
export const MAX_SYNC_REQUEST_SIZE =
  2 * ENVELOPE_OVERHEAD + MAX_LOCATOR_HASHES * (HASH_SIZE + FIELD_OVERHEAD)
/** The largest answer to them, in bytes. */
export const MAX_SYNC_RESPONSE_SIZE =
  2 * ENVELOPE_OVERHEAD + MAX_HEADERS * (HEADER_SIZE + FIELD_OVERHEAD)

/** The longest user agent, in characters. */
export const MAX_USER_AGENT_LENGTH = 256
/** The longest peer id, in bytes. */
export const MAX_PEER_ID_SIZE = 64
/** Random bytes that make an INV unlike any earlier one. */
export const INV_SALT_SIZE = 8
/** The most bytes of a claimed chain work. */
export const MAX_CHAIN_WORK_SIZE = 32

/**
 * One gossip message with its control messages, in bytes. The same on every node: a receiver drops
 * whoever sends more from gossipsub and keeps the connection, so the sender would publish into nothing.
 */
export const MAX_GOSSIP_RPC_SIZE = 2 * 1_048_576
/** What may wait to be written to one peer's gossip stream, in bytes. */
export const MAX_GOSSIP_SEND_BUFFER_SIZE = 16 * 1_048_576
/** Blocks from one peer that may be under validation at a time. */
export const MAX_PENDING_GOSSIP_BLOCKS = 16
/** Gossip messages, of all nodes, that may wait for their sender's handshake. */
export const MAX_EARLY_GOSSIP = 32

/** Yamux window of one stream, in bytes: what a peer may send while nobody reads. */
export const MAX_STREAM_WINDOW_SIZE = 1_048_576
/** Streams of any kind that one connection may have open in each direction, named or not yet. */
export const MAX_STREAMS_PER_CONNECTION = 64
/** Streams of one of our protocols that one connection may have open in each direction. */
export const MAX_STREAMS_PER_PROTOCOL = 4
/** Requests to one peer and protocol that may wait for their turn. */
export const MAX_WAITING_REQUESTS = 64
/** Inbound connections that may wait for encryption at a time, and as many for their handshake. */
export const MAX_PENDING_INBOUND = 128
/** Connections of one peer that are kept: one in each direction, and as many while old ones die. */
export const MAX_CONNECTIONS_PER_PEER = 4

/** How long a connection may take to become a peer, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 5_000
/** How long a peer may take to send us a request once its stream is open. */
export const REQUEST_READ_TIMEOUT_MS = 5_000
/** How long a request on the sync stream may take in all. */
export const SYNC_REQUEST_TIMEOUT_MS = 15_000
/** How long one frame of the data stream may take, either way: 4 MB at 133 kB/s. */
export const DATA_FRAME_TIMEOUT_MS = 30_000
/** How long a dial may take, encryption and all. */
export const DIAL_TIMEOUT_MS = 10_000
/** How long negotiating a stream's protocol may take. Gossipsub opens its streams one after another. */
export const NEGOTIATION_TIMEOUT_MS = 5_000
/** How long an orderly close may take before the connection is cut. */
export const CLOSE_TIMEOUT_MS = 1_000
/** How long libp2p may take to stop. */
export const STOP_TIMEOUT_MS = 5_000

/** First pause before a redial, doubled after each failure, in milliseconds. */
export const REDIAL_DELAY_MS = 250
/** Longest pause before a redial, in milliseconds. */
export const REDIAL_DELAY_MAX_MS = 15_000
/** A peer that was connected for so long is redialled without more pause than the first. */
export const STEADY_PEER_MS = 15_000
/** Addresses that are redialled until forgotten. */
export const MAX_KEPT_ADDRESSES = 256
/** Discovered peers that wait for an outbound slot. */
export const MAX_CANDIDATES = 128
/** Outbound peers that are sought among discovered ones. */
export const DEFAULT_OUTBOUND_TARGET = 8

/** The largest signed peer record, in bytes. */
export const MAX_PEER_RECORD_SIZE = 1_024
/** Addresses in one record. */
export const MAX_RECORD_ADDRESSES = 8
/** Records in one ADDR. @see Bitcoin Core `MAX_ADDR_TO_SEND` */
export const MAX_ADDR_RECORDS = 1_000
/** The largest GETADDR, in bytes. */
export const MAX_GET_ADDR_SIZE = ENVELOPE_OVERHEAD + MAX_PEER_RECORD_SIZE
/** The largest ADDR, in bytes. */
export const MAX_ADDR_SIZE =
  ENVELOPE_OVERHEAD + MAX_ADDR_RECORDS * (MAX_PEER_RECORD_SIZE + FIELD_OVERHEAD)
/** How long an exchange of addresses may take in all, in milliseconds. */
export const ADDR_REQUEST_TIMEOUT_MS = 15_000
/** First pause between two GETADDRs to one peer, doubled each time, and the longest one, in milliseconds. */
export const ADDR_INTERVAL_MS = 2_000
export const ADDR_INTERVAL_MAX_MS = 600_000
/** How long the same sample of addresses is told, for each record in it; a whole ADDR lasts a day. */
export const ADDR_SAMPLE_MS_PER_RECORD = 86_400
/** Records that are verified before others have a turn. */
export const RECORDS_PER_TURN = 25

/** Buckets of addresses that others told of. @see Bitcoin Core `ADDRMAN_NEW_BUCKET_COUNT`, four times as many */
export const NEW_BUCKETS = 256
/** Buckets of addresses that we were connected to. @see Bitcoin Core `ADDRMAN_TRIED_BUCKET_COUNT` */
export const TRIED_BUCKETS = 64
/** Places in each bucket. */
export const ADDRESS_BUCKET_SIZE = 32
/** Buckets that one network of sources can reach: a sixteenth, 512 places. */
export const NEW_BUCKETS_PER_SOURCE = 16
/** Buckets that the nodes of one network can reach: an eighth, 256 places. */
export const TRIED_BUCKETS_PER_GROUP = 8
/** Bytes of the secret that places follow from. */
export const ADDRESS_SECRET_SIZE = 32
/** Holders of places that others have earned, who wait for a feeler. */
export const MAX_CONTESTED_ADDRESSES = 10
/** Older records are worth nothing. @see Bitcoin Core `ADDRMAN_HORIZON` */
export const ADDRESS_HORIZON_MS = 30 * 86_400_000
/** How far ahead of our clock a record may have been made. */
export const MAX_CLOCK_SKEW_MS = 7_200_000
/** Failed dials after which an address may lose its place: never reached, and reached once. */
export const ADDRESS_FAILURES_MAX_UNTRIED = 3
export const ADDRESS_FAILURES_MAX = 10
/** First pause before an address is dialled again, doubled after each failure, and the longest one. */
export const ADDRESS_RETRY_MS = 60_000
export const ADDRESS_RETRY_MAX_MS = 3_600_000
/** How often the connect loop looks whether a peer is missing, in milliseconds. @see Bitcoin Core `ThreadOpenConnections` */
export const OUTBOUND_INTERVAL_MS = 500
/** How often a node in the book is looked after, on average. @see Bitcoin Core `FEELER_INTERVAL` */
export const FEELER_INTERVAL_MS = 120_000
/** Outbound peers that are dialled first after a restart. @see Bitcoin Core `MAX_BLOCK_RELAY_ONLY_ANCHORS` */
export const MAX_ANCHORS = 2
/** The nodes of a devnet share a machine, and people wait for them: all these pauses are that much shorter. */
const DEVNET_PACE = 1 / 60
/** How much shorter than usual the pauses of discovery are: 1 for not at all. */
export function paceOf(isDevnet: boolean): number {
  return isDevnet ? DEVNET_PACE : 1
}

/** How often peers are looked over, in milliseconds. */
export const UPKEEP_INTERVAL_MS = 1_000
/** How long a peer's gossip may be broken before the peer is cut, in milliseconds. */
export const MUTE_PEER_TIMEOUT_MS = 10_000
/** How long libp2p's record of a departed peer is kept, in milliseconds. */
export const DEPARTED_PEER_RETENTION_MS = 60_000

/** Departed peers of whom libp2p's record is still kept. */
export const MAX_DEPARTED_PEERS = 10_000

/** Peers that the node itself refuses for a while; the oldest ban goes first. */
export const MAX_BANS = 1_000
/** Peers, hosts and networks that operators refuse; more are not taken. */
export const MAX_MANUAL_BANS = 10_000
/** The longest reason of a ban, in characters. */
export const MAX_BAN_REASON_SIZE = 256
/** Peers of whom it is remembered why they were banned last. */
export const MAX_REMEMBERED_BAN_REASONS = 1_000
/** How long a peer is refused that sent malformed or oversized messages, in milliseconds. */
export const MISBEHAVIOUR_BAN_MS = 600_000
/** How long a peer is refused whose gossip score fell below the graylist threshold. */
export const GRAYLIST_BAN_MS = 600_000

/** Departed peers whose quotas are remembered, so that reconnecting does not refill them. */
export const MAX_REMEMBERED_QUOTAS = 1_000
/** The longest that a peer over its quota waits for an answer before its stream is cut. */
export const MAX_QUOTA_WAIT_MS = 10_000

/** Log lines about what other nodes do wrong. */
export const HOSTILE_LOG_QUOTA: Quota = { burst: 20, perSecond: 1 / 6 }
/** Log lines about peers that come and go. */
export const PEER_LOG_QUOTA: Quota = { burst: 500, perSecond: 2 }
/** Requests of any kind that we answer to one peer. */
export const REQUEST_QUOTA: Quota = { burst: 200, perSecond: 50 }
/** GETADDRs that we answer to one peer. */
export const ADDR_QUOTA: Quota = { burst: 12, perSecond: 1 / 120 }
/** Items of GETDATA that we look up for one peer. */
export const ITEM_QUOTA: Quota = { burst: 20_000, perSecond: 2_000 }
/** Bytes that we serve to one peer. */
export const BYTE_QUOTA: Quota = { burst: 64_000_000, perSecond: 16_000_000 }
/** Gossip messages, first seen through one peer, that we look at; others are dropped. */
export const GOSSIP_QUOTA: Quota = { burst: 1_000, perSecond: 200 }
/** Those that it may send, before it is: far more than a miner of worthless blocks does, hundreds a second. */
export const GOSSIP_FLOOD_QUOTA: Quota = { burst: 4_000, perSecond: 2_000 }
/** Gossip messages that a peer may send beyond twice as many as there were: repeats. */
export const MAX_REPEATED_GOSSIP = 2_000
/** Bytes of them: the largest blocks, one each tenth of a second for a quarter of a minute. */
export const GOSSIP_BYTE_QUOTA: Quota = { burst: 128_000_000, perSecond: 8_000_000 }
/** So many bytes beyond the quota weigh as much as one message beyond it. */
export const GOSSIP_EXCESS_BYTES = 1_024
