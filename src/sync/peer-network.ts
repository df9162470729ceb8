/**
 * The port through which `sync/` sees other nodes. `p2p/` implements it with libp2p.
 *
 * @module
 */

import type { BlockHash, BlockHeader, Hash256, Transaction } from '../primitives/index.ts'

/** A peer's identity as text: the base58 spelling of its libp2p peer id. */
export type PeerId = string

/** The most items in one INV or one GETDATA. */
export const MAX_INV_ITEMS = 1_000
/** The most blocks in one INV: each costs its receiver a proof of work to check. Honest nodes announce half as many. */
export const MAX_ANNOUNCED_BLOCKS = 16
/** The most headers in one HEADERS. @see Bitcoin Core `MAX_HEADERS_RESULTS` */
export const MAX_HEADERS = 2_000
/** The most hashes in one GETHEADERS locator. @see Bitcoin Core `MAX_LOCATOR_SZ` */
export const MAX_LOCATOR_HASHES = 101
/** The largest form of a block that travels by gossip, in bytes; what is larger goes by INV and DATA. */
export const MAX_GOSSIP_BLOCK_SIZE = 1_048_576
/** The most transactions of a block in one request; who lacks more asks for the whole block. */
export const MAX_REQUESTED_INDEXES = 4_096

/** What can be announced, asked for and brought. */
export type InventoryKind = 'block' | 'tx'

/** What a data request names: `txid` is a transaction of which no wtxid is known, such as an orphan's parent. */
export type RequestKind = InventoryKind | 'txid'

/** Names one thing that a node wants. */
export interface DataItem {
  readonly kind: RequestKind
  /** Block hash; of a transaction the wtxid, or the txid if the kind says so. Internal order. */
  readonly hash: Hash256
}

/** Names one thing that a node holds. */
export interface InventoryItem extends DataItem {
  readonly kind: InventoryKind
}

/** An announcement: block items carry their header, so that work is checked before anybody asks. */
export interface Announcement extends InventoryItem {
  readonly header?: BlockHeader
}

/** A new block as it is gossiped. Both forms begin with the header. */
export interface GossipBlock {
  /** Compact: as `decodeCompactBlock` reads it. */
  readonly form: 'whole' | 'compact'
  readonly bytes: Uint8Array
}

/** What two nodes tell each other before either counts as a peer. */
export interface PeerStatus {
  readonly genesisHash: BlockHash
  readonly tipHash: BlockHash
  readonly tipHeight: number
  /** Sum of expected hashes of the peer's active chain: a claim, never trusted. */
  readonly chainWork: bigint
  /** For people; at most 256 characters. */
  readonly userAgent: string
  /** Blocks of its active chain up to this height it has no more; absent if it has all. */
  readonly prunedHeight?: number
}

/** One answer to one requested item; `bytes` is undefined for NOTFOUND. */
export interface DataReply extends DataItem {
  readonly bytes: Uint8Array | undefined
}

/** A peer whose handshake is done. */
export interface PeerInfo {
  readonly id: PeerId
  /** Counts up from 0 with each peer that connects, for people and for clients of Bitcoin. */
  readonly number: number
  /** The remote multiaddr. */
  readonly address: string
  readonly direction: 'inbound' | 'outbound'
  /** Milliseconds since the Unix epoch. */
  readonly connectedAtMs: number
  /** What the peer said in its latest STATUS. */
  readonly status: PeerStatus
  /** The height in its first STATUS. */
  readonly startingHeight: number
  /** Round-trip time of the latest ping in milliseconds, if any was answered. */
  readonly pingMs: number | undefined
  /** Milliseconds since the Unix epoch of the last message in each direction, if any. */
  readonly lastSendMs: number | undefined
  readonly lastReceiveMs: number | undefined
  /** The same of the last block and the last transaction for which the peer was credited. */
  readonly lastBlockMs: number | undefined
  readonly lastTransactionMs: number | undefined
  /** Bytes of our protocols' messages in each direction. */
  readonly bytesSent: number
  readonly bytesReceived: number
}

/**
 * What becomes of a gossiped message: `accept` forwards it, `ignore` drops it and blames nobody,
 * `reject` drops it and lowers the sender's score.
 */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'

/** What a node does when others speak to it. Handlers may be slow; none may throw. */
export interface PeerNetworkHandlers {
  /** Our own STATUS, asked for at each handshake. */
  status(): PeerStatus
  /** Tells whether a STATUS is of our chain; if not, the connection is closed. */
  acceptsStatus(status: PeerStatus): boolean
  /** A peer's handshake is done, or it has sent a fresh STATUS (`isNew` is false then). */
  onPeerStatus(peer: PeerInfo, isNew: boolean): void
  onPeerGone(id: PeerId): void
  /** A block came by gossip. Settles as soon as it is known whether to forward it. */
  onGossipBlock(block: GossipBlock, from: PeerId): Promise<GossipVerdict>
  /** An INV from `from` itself. `reject` only if objectively wrong; otherwise `ignore`: never forwarded. */
  onAnnouncements(items: readonly Announcement[], from: PeerId): GossipVerdict
  /** Serves GETHEADERS: at most {@link MAX_HEADERS} encoded headers after the locator's fork point. */
  serveHeaders(
    locator: readonly BlockHash[],
    stop: BlockHash | undefined,
  ): readonly Uint8Array[] | Promise<readonly Uint8Array[]>
  /** Serves one item of GETDATA; undefined is NOTFOUND. */
  serveData(item: DataItem): Promise<Uint8Array | undefined>
  /**
   * Serves some transactions of a block, encoded, in the order asked; undefined is NOTFOUND.
   *
   * @param indexes - Strictly increasing, at least one and at most {@link MAX_REQUESTED_INDEXES}.
   */
  serveTransactions(
    blockHash: BlockHash,
    indexes: readonly number[],
  ): Promise<readonly Uint8Array[] | undefined>
}

/**
 * Other nodes of our chain.
 *
 * Requests reject with a `P2pError` on time-out, on a broken stream or when the peer is gone, and with
 * a `DecodeError` when the answer is malformed. At most one request per peer and protocol runs at a
 * time; further ones wait their turn.
 */
export interface PeerNetwork {
  readonly selfId: PeerId
  /** Multiaddrs that others can dial, each ending in our peer id. */
  addresses(): readonly string[]
  start(handlers: PeerNetworkHandlers): Promise<void>
  stop(): Promise<void>
  /** Peers whose handshake is done. */
  peers(): readonly PeerInfo[]
  /** Dials a multiaddr and keeps redialling it with back-off until {@link forget}. */
  connect(address: string): void
  /** Stops redialling a multiaddr. Returns whether it was kept. */
  forget(address: string): boolean
  /** Dials once. Resolves when the handshake is done. */
  dialOnce(address: string, signal?: AbortSignal): Promise<void>
  disconnect(id: PeerId, reason: string): Promise<void>
  /** Disconnects and refuses the peer for a while. */
  ban(id: PeerId, durationMs: number, reason: string): Promise<void>
  /**
   * Notes that a peer has just brought something that was new and valid: such peers are kept when slots are
   * short. Does nothing if the peer has gone.
   */
  credit(id: PeerId, kind: InventoryKind): void
  /** Gossips a block in a form of at most {@link MAX_GOSSIP_BLOCK_SIZE} bytes to every peer. */
  publishBlock(block: GossipBlock): Promise<void>
  /** Announces what we hold to every peer; at most {@link MAX_INV_ITEMS} items. */
  publishAnnouncements(items: readonly Announcement[]): Promise<void>
  /** Sends our current STATUS to one peer and takes its own, as at the handshake. */
  exchangeStatus(id: PeerId, signal?: AbortSignal): Promise<PeerStatus>
  requestHeaders(
    id: PeerId,
    locator: readonly BlockHash[],
    stop: BlockHash | undefined,
    signal?: AbortSignal,
  ): Promise<readonly BlockHeader[]>
  /** Asks for items; yields one reply for each, in the order asked. */
  requestData(
    id: PeerId,
    items: readonly DataItem[],
    signal?: AbortSignal,
  ): AsyncIterable<DataReply>
  /**
   * Asks for some transactions of a block: one for each index, in the order asked, or undefined for NOTFOUND.
   *
   * @param indexes - Strictly increasing, at least one and at most {@link MAX_REQUESTED_INDEXES}.
   */
  requestTransactions(
    id: PeerId,
    blockHash: BlockHash,
    indexes: readonly number[],
    signal?: AbortSignal,
  ): Promise<readonly Transaction[] | undefined>
}
