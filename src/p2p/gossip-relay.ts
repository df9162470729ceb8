/** @module INVs and blocks over gossipsub: publishing, validating, and noticing when it has gone quiet. */

import {
  type GossipSub,
  type GossipsubMessage,
  type Message,
  TopicValidatorResult,
} from '@chainsafe/libp2p-gossipsub'
import type { PeerId as Libp2pPeerId, Stream } from '@libp2p/interface'
import {
  type Announcement,
  type GossipBlock,
  type GossipVerdict,
  MAX_ANNOUNCED_BLOCKS,
  MAX_GOSSIP_BLOCK_SIZE,
  MAX_INV_ITEMS,
  type PeerId,
} from '../sync/index.ts'
import { equalBytes, type RandomSource, toErrorMessage } from '../util/index.ts'
import {
  GOSSIP_EXCESS_BYTES,
  INV_SALT_SIZE,
  MAX_EARLY_GOSSIP,
  MAX_GOSSIP_BLOCK_MESSAGE_SIZE,
  MAX_INV_SIZE,
  MAX_PENDING_GOSSIP_BLOCKS,
  MAX_REPEATED_GOSSIP,
  MISBEHAVIOUR_BAN_MS,
} from './limits.ts'
import { decodeGossipBlock, decodeInv, encodeGossipBlock, encodeInv } from './message-codec.ts'
import type { NetworkContext } from './network-context.ts'
import type { Peer } from './peer-table.ts'
import type { MessageName } from './traffic.ts'

const VERDICTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} as const satisfies Record<GossipVerdict, TopicValidatorResult>

/** What one peer sends at a time, as far as it is looked at here. */
interface GossipRpc {
  readonly messages: readonly unknown[]
}

/** What gossipsub's exported type hides and its class has. */
interface GossipInternals {
  getScore(id: PeerId): number
  reportMessageValidationResult(
    messageId: string,
    source: PeerId,
    result: TopicValidatorResult,
  ): void
  handleReceivedRpc(from: Libp2pPeerId, rpc: GossipRpc): Promise<void>
  readonly streamsInbound: ReadonlyMap<PeerId, { readonly rawStream: Stream }>
  readonly streamsOutbound: Map<PeerId, { readonly rawStream: Stream }>
}

/** What the relay needs beside the shared context. */
export interface GossipRelayDeps {
  readonly context: NetworkContext
  readonly pubsub: GossipSub
  readonly random: RandomSource
  /** Multihash bytes of our own peer id. */
  readonly selfBytes: Uint8Array
  /** The peer of an id, once a handshake that is under way has ended; undefined if there is none. */
  whenPeer(id: PeerId): Promise<Peer | undefined>
}

/** The gossip side of one network. */
export class GossipRelay {
  readonly #context: NetworkContext
  readonly #deps: GossipRelayDeps
  readonly #internals: GossipInternals
  #earlyMessages = 0
  /** Messages that were new to us, of all peers, and our own. */
  #newMessages = 0

  constructor(deps: GossipRelayDeps) {
    this.#deps = deps
    this.#context = deps.context
    this.#internals = deps.pubsub as unknown as GossipInternals
  }

  /** Validates from now on. To be called before any connection exists. */
  prepare(): void {
    const { pubsub } = this.#deps
    const { invTopic, blockTopic } = this.#context.names
    // A validator that throws would be taken for Ignore without a word, hence the guard.
    pubsub.topicValidators.set(invTopic, (id, message) =>
      this.#guard(() => this.#validateInv(id, message)),
    )
    pubsub.topicValidators.set(blockTopic, (id, message) =>
      this.#guard(() => this.#admitBlock(id, message)),
    )
    const handleRpc = this.#internals.handleReceivedRpc.bind(pubsub)
    this.#internals.handleReceivedRpc = async (from, rpc) => {
      if (this.#areTolerable(from.toString(), rpc.messages.length)) await handleRpc(from, rpc)
    }
    pubsub.addEventListener('gossipsub:message', (event) => {
      if (event.detail.msg.topic === blockTopic) this.#validateBlock(event.detail)
    })
  }

  /**
   * Whether a peer may send so many more messages, before they are looked at. Gossipsub drops what it has seen, but at
   * no cost to the sender. Honest peers send no message twice, and ours back at the most: so none can have sent many more
   * than there were.
   */
  #areTolerable(id: PeerId, count: number): boolean {
    const peer = this.#context.table.get(id)
    if (peer === undefined) return true
    peer.gossipCount += count
    peer.gossipBefore ??= this.#newMessages
    const most = MAX_REPEATED_GOSSIP + 2 * (this.#newMessages - peer.gossipBefore)
    if (peer.gossipCount <= most) return true
    this.#context.punish(id, MISBEHAVIOUR_BAN_MS, 'repeats gossip')
    return false
  }

  /** Joins the topics. libp2p must have started. */
  subscribe(): void {
    this.#deps.pubsub.subscribe(this.#context.names.invTopic)
    this.#deps.pubsub.subscribe(this.#context.names.blockTopic)
  }

  /** Never rejects: a block that could not be gossiped is announced and fetched like any other. */
  async publishBlock(block: GossipBlock): Promise<void> {
    if (block.bytes.length > MAX_GOSSIP_BLOCK_SIZE) {
      this.#context.log.error('Block is too large for gossip', { size: block.bytes.length })
      return
    }
    await this.#publish(this.#context.names.blockTopic, encodeGossipBlock(block))
  }

  /** Never rejects. More items than fit go out as several INVs. */
  async publishAnnouncements(items: readonly Announcement[]): Promise<void> {
    const { random, selfBytes } = this.#deps
    const hasBlocks = items.some(({ kind }) => kind === 'block')
    const size = hasBlocks ? MAX_ANNOUNCED_BLOCKS : MAX_INV_ITEMS
    for (let start = 0; start < items.length; start += size) {
      const batch = items.slice(start, start + size)
      const inv = encodeInv(selfBytes, random.bytes(INV_SALT_SIZE), batch)
      await this.#publish(this.#context.names.invTopic, inv)
    }
  }

  /** The peer's gossipsub score: zero is neutral, negative is bad. */
  score(id: PeerId): number {
    return this.#internals.getScore(id)
  }

  /**
   * Whether gossip can flow both ways.
   *
   * A peer that once received too large a message from us, or whose gossip stream broke, stays connected
   * and looks well while nothing arrives any more; gossipsub itself never notices.
   */
  isFlowing(id: PeerId): boolean {
    const { names } = this.#context
    const inbound = this.#internals.streamsInbound.get(id)?.rawStream
    const outbound = this.#internals.streamsOutbound.get(id)?.rawStream
    // Neither side ends its half of either stream while all is well.
    const areOpen = [inbound, outbound].every(
      (stream) => stream?.status === 'open' && stream.remoteWriteStatus === 'writable',
    )
    return areOpen && [names.invTopic, names.blockTopic].every((topic) => this.#hears(topic, id))
  }

  /**
   * Drops gossipsub's outbound stream to a peer if it is closed, and tells whether it was.
   *
   * When a connection closes while gossipsub opens its stream on it, the closed stream is registered
   * after the peer has been removed, and stands in the way of a new one when the peer comes back.
   */
  dropClosedStream(id: PeerId): boolean {
    const stream = this.#internals.streamsOutbound.get(id)?.rawStream
    if (stream === undefined || stream.status === 'open') return false
    return this.#internals.streamsOutbound.delete(id)
  }

  #hears(topic: string, id: PeerId): boolean {
    return this.#deps.pubsub.getSubscribers(topic).some((peerId) => peerId.toString() === id)
  }

  #nameOf(topic: string): MessageName {
    return topic === this.#context.names.blockTopic ? 'block' : 'inv'
  }

  async #publish(topic: string, data: Uint8Array): Promise<void> {
    if (this.#context.stopping.aborted) return
    this.#newMessages++
    try {
      const { recipients } = await this.#deps.pubsub.publish(topic, data)
      for (const recipient of recipients) {
        this.#context.table.get(recipient.toString())?.onSent(data.length, this.#nameOf(topic))
      }
    } catch (error) {
      this.#context.log.warn('Could not publish', { topic, error: toErrorMessage(error) })
    }
  }

  async #guard(validate: () => Promise<GossipVerdict>): Promise<TopicValidatorResult> {
    try {
      return VERDICTS[await validate()]
    } catch (error) {
      this.#context.log.error('A gossip validator threw', { error: toErrorMessage(error) })
      return TopicValidatorResult.Ignore
    }
  }

  /** Never `accept`: what a peer holds is for its neighbours to ask, not for theirs. */
  async #validateInv(from: Libp2pPeerId, message: Message): Promise<GossipVerdict> {
    const peer = await this.#admit(from, message)
    if (peer === undefined) return 'ignore'
    if (message.data.length > MAX_INV_SIZE) return this.#reject(peer, 'inv too large')
    let inv: ReturnType<typeof decodeInv>
    try {
      inv = decodeInv(new Uint8Array(message.data))
    } catch (error) {
      return this.#reject(peer, toErrorMessage(error))
    }
    if (!equalBytes(inv.announcer, from.toMultihash().bytes)) return 'ignore'
    const verdict = this.#context.handlers.onAnnouncements(inv.items, peer.id)
    return verdict === 'reject' ? this.#reject(peer, 'announcement') : 'ignore'
  }

  /** Lets a block through to the chain: `accept` means no more than that here. */
  async #admitBlock(from: Libp2pPeerId, message: Message): Promise<GossipVerdict> {
    const peer = await this.#admit(from, message)
    if (peer === undefined) return 'ignore'
    if (message.data.length > MAX_GOSSIP_BLOCK_MESSAGE_SIZE)
      return this.#reject(peer, 'block too large')
    return peer.pendingGossipBlocks < MAX_PENDING_GOSSIP_BLOCKS ? 'accept' : 'ignore'
  }

  #validateBlock({ msg, msgId, propagationSource }: GossipsubMessage): void {
    const id = propagationSource.toString()
    const peer = this.#context.table.get(id)
    const validate = async (): Promise<GossipVerdict> => {
      // A copy, because libp2p's bytes may be a Node.js Buffer, whose `slice` does not copy.
      const verdict = await this.#judgeBlock(new Uint8Array(msg.data), id)
      return verdict === 'reject' && peer !== undefined ? this.#reject(peer, 'block') : verdict
    }
    if (peer !== undefined) peer.pendingGossipBlocks++
    this.#guard(validate)
      .then((result) => {
        if (peer !== undefined) peer.pendingGossipBlocks--
        this.#internals.reportMessageValidationResult(msgId, id, result)
      })
      .catch((error: unknown) => {
        this.#context.log.error('Could not report a verdict', { error: toErrorMessage(error) })
      })
  }

  async #judgeBlock(bytes: Uint8Array, from: PeerId): Promise<GossipVerdict> {
    let block: GossipBlock
    try {
      block = decodeGossipBlock(bytes)
    } catch {
      return 'reject'
    }
    return this.#context.handlers.onGossipBlock(block, from)
  }

  /** The sender, if it is a peer within its quota. */
  async #admit(from: Libp2pPeerId, message: Message): Promise<Peer | undefined> {
    this.#newMessages++
    const id = from.toString()
    const peer = this.#context.table.get(id) ?? (await this.#awaitHandshake(id))
    if (peer === undefined || this.#context.stopping.aborted) return undefined
    const { length } = message.data
    peer.onReceived(length, this.#nameOf(message.topic))
    const { gossip, gossipBytes, gossipFlood } = peer.quotas
    const isWithinBytes = gossipBytes.tryTake(length)
    if (!gossipFlood.tryTake(isWithinBytes ? 1 : Math.ceil(length / GOSSIP_EXCESS_BYTES))) {
      this.#context.punish(peer.id, MISBEHAVIOUR_BAN_MS, 'gossip flood')
      return undefined
    }
    if (isWithinBytes && gossip.tryTake(1)) return peer
    return undefined
  }

  /** Gossip may overtake the handshake, so it waits, but not much of it. */
  async #awaitHandshake(id: PeerId): Promise<Peer | undefined> {
    if (this.#earlyMessages >= MAX_EARLY_GOSSIP) return undefined
    this.#earlyMessages++
    try {
      return await this.#deps.whenPeer(id)
    } finally {
      this.#earlyMessages--
    }
  }

  #reject(peer: Peer, reason: string): GossipVerdict {
    this.#context.hostileLog.write('Gossip rejected', { peer: peer.id, reason })
    return 'reject'
  }
}
