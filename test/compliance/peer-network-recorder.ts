/** @module Handlers that remember what they were told and answer what they are set to. */

import { type BlockHash, type BlockHeader, encodeHeader } from '../../src/primitives/index.ts'
import type {
  Announcement,
  GossipBlock,
  GossipVerdict,
  PeerId,
  PeerNetworkHandlers,
  PeerStatus,
} from '../../src/sync/index.ts'

/** What a recorder has seen, and how it answers. */
export interface Recorder {
  readonly handlers: PeerNetworkHandlers
  readonly statuses: [id: PeerId, isNew: boolean][]
  readonly gone: PeerId[]
  readonly blocks: [block: GossipBlock, from: PeerId][]
  readonly announcements: [items: readonly Announcement[], from: PeerId][]
  readonly locators: [locator: readonly BlockHash[], stop: BlockHash | undefined][]
  /** What it serves, by the hash's first byte. */
  readonly data: Map<number, Uint8Array>
  /** Transactions of blocks, by the block hash's first byte. */
  readonly transactions: Map<number, readonly Uint8Array[]>
  readonly askedIndexes: (readonly number[])[]
  headers: readonly BlockHeader[]
  blockVerdict: GossipVerdict
  announcementVerdict: GossipVerdict
  tipHeight: number
  beforeServing: () => Promise<void>
}

/** 32 bytes of one value. */
export function filledHash(byte: number): BlockHash {
  return new Uint8Array(32).fill(byte) as BlockHash
}

/** Makes handlers that accept all and hold nothing, unless told otherwise. */
export function createRecorder(
  options: { tipHeight?: number; acceptsStatus?: (status: PeerStatus) => boolean } = {},
): Recorder {
  const recorder: Recorder = {
    statuses: [],
    gone: [],
    blocks: [],
    announcements: [],
    locators: [],
    data: new Map(),
    transactions: new Map(),
    askedIndexes: [],
    headers: [],
    blockVerdict: 'accept',
    announcementVerdict: 'ignore',
    tipHeight: options.tipHeight ?? 0,
    beforeServing: () => Promise.resolve(),
    handlers: {
      status: () => ({
        genesisHash: filledHash(0xee),
        tipHash: filledHash(recorder.tipHeight),
        tipHeight: recorder.tipHeight,
        chainWork: 12_345n,
        userAgent: '/t/',
      }),
      acceptsStatus: options.acceptsStatus ?? (() => true),
      onPeerStatus: (peer, isNew) => recorder.statuses.push([peer.id, isNew]),
      onPeerGone: (id) => recorder.gone.push(id),
      onGossipBlock: async (block, from) => {
        recorder.blocks.push([block, from])
        return recorder.blockVerdict
      },
      onAnnouncements: (items, from) => {
        recorder.announcements.push([items, from])
        return recorder.announcementVerdict
      },
      serveHeaders: (locator, stop) => {
        recorder.locators.push([locator, stop])
        return recorder.headers.map(encodeHeader)
      },
      serveData: async (item) => {
        await recorder.beforeServing()
        return recorder.data.get(item.hash[0] ?? 0)
      },
      serveTransactions: async (blockHash, indexes) => {
        await recorder.beforeServing()
        recorder.askedIndexes.push(indexes)
        return recorder.transactions.get(blockHash[0] ?? 0)
      },
    },
  }
  return recorder
}
