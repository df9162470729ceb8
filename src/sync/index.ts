/**
 * Keeping a chain level with other nodes: headers first, then bodies, then relay at the tip.
 *
 * Owns the ports `PeerNetwork` and `PeerControl`; knows nothing of libp2p. Decides who is asked for what and when, and
 * never what is valid: that is `chain/`'s.
 *
 * Purity: isomorphic.
 *
 * @module
 */
export type { PropagationStats } from './block-propagation.ts'
export { MAX_BLOCK_TRANSACTIONS } from './compact-block.ts'
export type {
  Ban,
  BanControl,
  BanEvents,
  BytesByMessage,
  ConnectionType,
  KnownAddress,
  PeerControl,
  PeerDetails,
} from './peer-control.ts'
export {
  type Announcement,
  type DataItem,
  type DataReply,
  type GossipBlock,
  type GossipVerdict,
  type InventoryItem,
  type InventoryKind,
  MAX_ANNOUNCED_BLOCKS,
  MAX_GOSSIP_BLOCK_SIZE,
  MAX_HEADERS,
  MAX_INV_ITEMS,
  MAX_LOCATOR_HASHES,
  MAX_REQUESTED_INDEXES,
  type PeerId,
  type PeerInfo,
  type PeerNetwork,
  type PeerNetworkHandlers,
  type PeerStatus,
  type RequestKind,
} from './peer-network.ts'
export {
  type SubmittedBlock,
  Synchronizer,
  type SynchronizerDeps,
  type SynchronizerEvents,
  type SynchronizerOptions,
} from './synchronizer.ts'
