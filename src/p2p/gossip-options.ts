/** @module How gossipsub is set up, and why it differs from its defaults. */

import type { GossipsubOpts, Message } from '@chainsafe/libp2p-gossipsub'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import {
  MAX_GOSSIP_RPC_SIZE,
  MAX_GOSSIP_SEND_BUFFER_SIZE,
  MAX_STREAMS_PER_PROTOCOL,
} from './limits.ts'
import type { ProtocolNames } from './protocol-names.ts'

/** Below this score a peer's gossip is not even read, so the peer is cut. */
export const GRAYLIST_SCORE = -160

const MESSAGE_ID_SIZE = 20
const TOPIC_END = Uint8Array.of(0)

/** Every setting of gossipsub that is not its default. */
export function createGossipOptions(
  names: ProtocolNames,
  isDevnet: boolean,
): Partial<GossipsubOpts> {
  const topics = [names.invTopic, names.blockTopic]
  return {
    // A block proves itself, and a signature would let one block travel under many message ids.
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: computeMessageId,
    emitSelf: false,
    fallbackToFloodsub: false,
    // Nothing is forwarded before the chain has had a say.
    asyncValidation: true,
    allowedTopics: topics,

    // Small meshes: measured at 30 nodes, half the CPU and half the time to the last node of D 6/4/12.
    D: 4,
    Dlo: 3,
    Dhi: 6,
    Dout: 1,
    Dscore: 2,
    Dlazy: 4,
    // INVs are never forwarded and own blocks race others', so both go to every peer at once.
    floodPublish: true,
    batchPublish: true,
    // A lone node publishes into nothing, which is no error; nor is telling again what was told.
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,

    heartbeatInterval: 1_000,
    mcacheLength: 6,
    mcacheGossip: 3,
    // Replays older than this reach the validator, which knows the block and ignores it.
    seenTTL: 10 * 60_000,
    gossipsubIWantFollowupMs: 12_000,
    idontwantMinDataSize: 16_384,
    // Addresses that come without a signature are never passed on.
    doPX: false,
    // libp2p's pruner, which the tags are for, never runs: peers are limited at the handshake.
    tagMeshPeers: false,

    maxInboundDataLength: MAX_GOSSIP_RPC_SIZE,
    maxOutboundBufferSize: MAX_GOSSIP_SEND_BUFFER_SIZE,
    maxInboundStreams: MAX_STREAMS_PER_PROTOCOL,
    maxOutboundStreams: MAX_STREAMS_PER_PROTOCOL,
    decodeRpcLimits: {
      // Two topics exist. The rest leaves room for bursts of honest peers and bounds the others.
      maxSubscriptions: 16,
      maxMessages: 500,
      maxControlMessages: 500,
      maxIhaveMessageIDs: 1_000,
      maxIwantMessageIDs: 1_000,
      maxIdontwantMessageIDs: 512,
      maxPeerInfos: 0,
    },

    scoreThresholds: {
      gossipThreshold: -40,
      publishThreshold: -80,
      graylistThreshold: GRAYLIST_SCORE,
      acceptPXThreshold: 0,
      opportunisticGraftThreshold: 1,
    },
    scoreParams: createScoreParams(topics, isDevnet),
  }
}

function createScoreParams(
  topics: readonly string[],
  isDevnet: boolean,
): NonNullable<GossipsubOpts['scoreParams']> {
  const topicParams = {
    topicWeight: 1,
    // The default quantum is one millisecond: a full bonus at once, which hides any penalty.
    timeInMeshQuantum: 1_000,
    timeInMeshWeight: 0.01,
    timeInMeshCap: 300,
    firstMessageDeliveriesWeight: 0.5,
    firstMessageDeliveriesDecay: 0.9,
    firstMessageDeliveriesCap: 20,
    // Off: they expect a steady flow and would prune honest peers whenever no block is found.
    meshMessageDeliveriesWeight: 0,
    meshMessageDeliveriesDecay: 0.5,
    meshMessageDeliveriesCap: 100,
    meshMessageDeliveriesThreshold: 20,
    meshMessageDeliveriesWindow: 10,
    meshMessageDeliveriesActivation: 5_000,
    meshFailurePenaltyWeight: 0,
    meshFailurePenaltyDecay: 0.5,
    // Squared by gossipsub: the third invalid message in quick succession graylists.
    invalidMessageDeliveriesWeight: -20,
    invalidMessageDeliveriesDecay: 0.97,
  }
  return {
    topics: Object.fromEntries(topics.map((topic) => [topic, topicParams])),
    // The nodes of a devnet share one address.
    IPColocationFactorWeight: isDevnet ? 0 : -5,
    IPColocationFactorThreshold: 5,
    behaviourPenaltyWeight: -10,
    behaviourPenaltyThreshold: 6,
    behaviourPenaltyDecay: 0.9,
    decayInterval: 1_000,
    retainScore: 30 * 60_000,
  }
}

/** Identifies a message by topic and content. Synchronous; the default for unsigned messages is not. */
export function computeMessageId(message: Message): Uint8Array {
  return sha256
    .create()
    .update(utf8ToBytes(message.topic))
    .update(TOPIC_END)
    .update(message.data)
    .digest()
    .subarray(0, MESSAGE_ID_SIZE)
}
