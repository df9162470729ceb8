/** @module The names of our topics and stream protocols, spelled here and nowhere else. */

/** What libp2p's own protocols (identify, ping) are filed under. */
export const LIBP2P_PROTOCOL_PREFIX = 'quarry'

/** How many hex digits of the chain spec's hash stand in every name. */
export const CHAIN_ID_LENGTH = 8

/** Every name of one chain. Nodes of another chain share none of them, so they never talk. */
export interface ProtocolNames {
  /** Gossip topic: what nodes hold. */
  readonly invTopic: string
  /** Gossip topic: new blocks. */
  readonly blockTopic: string
  /** Stream protocol: GETDATA and its replies. */
  readonly dataProtocol: string
  /** Stream protocol: STATUS and GETHEADERS. */
  readonly syncProtocol: string
  /** Stream protocol: GETADDR and ADDR. */
  readonly addrProtocol: string
  /** What signed peer records are signed for. */
  readonly recordDomain: string
}

/** @param chainId - The first {@link CHAIN_ID_LENGTH} hex digits of the chain spec's hash. */
export function createProtocolNames(chainId: string): ProtocolNames {
  return {
    invTopic: `/quarry/${chainId}/inv/1`,
    blockTopic: `/quarry/${chainId}/block/1`,
    dataProtocol: `/quarry/${chainId}/data/1`,
    syncProtocol: `/quarry/${chainId}/sync/1`,
    addrProtocol: `/quarry/${chainId}/addr/1`,
    recordDomain: `/quarry/${chainId}/peer-record/1`,
  }
}
