/** @module New blocks by gossip: whole or compact, judged, rebuilt, forwarded and connected. */

import type { BlockEntry, Chain } from '../chain/index.ts'
import { ConsensusError, checkProofOfWork, isBodyMutation } from '../consensus/index.ts'
import type { Mempool } from '../mempool/index.ts'
import {
  type Block,
  type BlockHash,
  type BlockHashHex,
  type BlockHeader,
  computeBlockHash,
  computeBlockSize,
  computeWtxid,
  decodeBlock,
  decodeHeader,
  encodeBlock,
  encodeTransaction,
  HEADER_SIZE,
  type Transaction,
  toDisplayHex,
} from '../primitives/index.ts'
import {
  type Clock,
  DecodeError,
  type Logger,
  type RandomSource,
  toErrorMessage,
} from '../util/index.ts'
import { BlockArrivals, GOSSIP_GRACE_MS } from './block-arrivals.ts'
import { BLOCK_DOWNLOAD_WINDOW } from './block-download.ts'
import { verdictOf } from './block-policy.ts'
import type { BlockPropagation } from './block-propagation.ts'
import { BlockRebuild } from './block-rebuild.ts'
import {
  COMPACT_NONCE_SIZE,
  createCompactBlock,
  decodeCompactBlock,
  encodeCompactBlock,
} from './compact-block.ts'
import {
  type GossipBlock,
  type GossipVerdict,
  MAX_GOSSIP_BLOCK_SIZE,
  MAX_REQUESTED_INDEXES,
  type PeerId,
  type PeerNetwork,
} from './peer-network.ts'
import { compareTrust, isTrusted, type PeerState } from './peer-state.ts'
import { RelayedBlocks } from './relayed-blocks.ts'
import type { StoredBlocks } from './stored-blocks.ts'

/** Blocks up to so many bytes travel whole: a compact one saves little there, and what is missing costs a round trip. */
export const MAX_WHOLE_BLOCK_SIZE = 4_096
/** How long a peer may take to send what is missing of a block that it has just forwarded. */
export const MISSING_TIMEOUT_MS = 1_500
/** How many others who have the block are asked for it then, one after another, before it is fetched whole. */
export const MAX_ALTERNATES = 2
/** Transactions of blocks that many below the tip are still served. @see Bitcoin Core `MAX_BLOCKTXN_DEPTH` */
export const MAX_SERVED_DEPTH = 10

/** What the relay works with. */
export interface BlockRelayDeps {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly network: PeerNetwork
  readonly stored: StoredBlocks
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  readonly signal: AbortSignal
  /** Of our own blocks: up to so many bytes they travel whole. */
  readonly maxWholeBlockSize: number
  readonly propagation: BlockPropagation
  readonly getPeer: (id: PeerId) => PeerState | undefined
  readonly peers: () => readonly PeerState[]
  /** Whether a header that nobody asked for is worth a place in memory. */
  readonly isHeaderWanted: (header: BlockHeader) => boolean
  readonly onError: (error: unknown, from: PeerId) => void
  /** Called when a block has come, or won't. */
  readonly onProgress: () => void
}

/** Says that a block may be forwarded, or may not; only the first word counts. */
type Settle = (verdict: GossipVerdict) => void

/**
 * Takes blocks from gossip and forwards them before they are connected: as soon as proof of work, parent, size and
 * merkle root are right. Of a compact block it asks the sender for what the mempool lacks.
 */
export class BlockRelay {
  readonly #deps: BlockRelayDeps
  readonly #arrivals: BlockArrivals
  readonly #relayed = new RelayedBlocks()

  constructor(deps: BlockRelayDeps) {
    this.#deps = deps
    this.#arrivals = new BlockArrivals(deps.clock)
  }

  /**
   * Whether asking for a block would most likely bring what comes anyway: one that is coming, and for a moment any
   * that extends the tip. Calls `onProgress` when the moment has passed.
   */
  isOnItsWay({ hashHex, prev }: BlockEntry): boolean {
    const { chain, clock, onProgress } = this.#deps
    if (prev === chain.tip && this.#arrivals.expect(hashHex)) {
      clock.schedule(GOSSIP_GRACE_MS, onProgress)
    }
    return this.#arrivals.isOnItsWay(hashHex)
  }

  /** A block came by gossip. Settles as soon as it is known whether to forward it. Never rejects. */
  onGossipBlock(message: GossipBlock, from: PeerId): Promise<GossipVerdict> {
    return new Promise((settle) => void this.#take(message, from, settle))
  }

  /**
   * Sends a block of our own to every peer, if one of its forms fits.
   *
   * @param unknown - Transactions of it that were not in our mempool, so that others may lack them too.
   */
  async publish(block: Block, unknown: ReadonlySet<Transaction>): Promise<void> {
    const hashHex = toDisplayHex(computeBlockHash(block.header))
    this.#deps.propagation.onOwn(hashHex)
    this.#relayed.add(hashHex, block)
    const message = this.#toMessage(block, unknown)
    if (message.bytes.length <= MAX_GOSSIP_BLOCK_SIZE) {
      await this.#deps.network.publishBlock(message)
    }
  }

  /** A block that is about to be stored. */
  getUnstored(hashHex: BlockHashHex): Block | undefined {
    return this.#relayed.get(hashHex)
  }

  /** Some transactions of a block near the tip, or of one that is about to be stored. */
  async serveTransactions(
    hash: BlockHash,
    indexes: readonly number[],
  ): Promise<readonly Uint8Array[] | undefined> {
    const { chain } = this.#deps
    const hashHex = toDisplayHex(hash)
    const entry = chain.getEntry(hashHex)
    if (entry === undefined || entry.isFailed) return undefined
    const isDeep = entry.height < chain.tip.height - MAX_SERVED_DEPTH
    const block = this.#relayed.get(hashHex) ?? (isDeep ? undefined : await this.#readStored(entry))
    const found = indexes.flatMap((index) => block?.transactions[index] ?? [])
    return found.length === indexes.length ? found.map(encodeTransaction) : undefined
  }

  async #readStored(entry: BlockEntry): Promise<Block | undefined> {
    const bytes = await this.#deps.stored.read(entry)
    return bytes === undefined ? undefined : decodeBlock(bytes)
  }

  #toMessage(block: Block, unknown: ReadonlySet<Transaction>): GossipBlock {
    const { random, maxWholeBlockSize } = this.#deps
    const isWhole =
      block.transactions.length === 1 || computeBlockSize(block).totalSize <= maxWholeBlockSize
    if (isWhole) return { form: 'whole', bytes: encodeBlock(block) }
    const nonce = random.bytes(COMPACT_NONCE_SIZE)
    const compact = createCompactBlock(block, nonce, (tx) => !unknown.has(tx))
    return { form: 'compact', bytes: encodeCompactBlock(compact) }
  }

  async #take({ form, bytes }: GossipBlock, from: PeerId, settle: Settle): Promise<void> {
    let begun: BlockHashHex | undefined
    try {
      const entry = this.#acceptHeader(bytes, from)
      const peer = this.#deps.getPeer(from)
      const isKnownGood = peer !== undefined && isTrusted(peer)
      if (entry !== undefined && this.#arrivals.begin(entry.hashHex, from, isKnownGood)) {
        begun = entry.hashHex
        if (form === 'compact') await this.#takeCompact(entry, bytes, from, settle)
        else await this.#connect(entry, decodeBlock(bytes), from, settle, bytes)
      }
      settle('ignore')
    } catch (error) {
      this.#deps.onError(error, from)
      settle(verdictOf(error))
    } finally {
      if (begun !== undefined) this.#arrivals.end(begun, from)
      this.#deps.onProgress()
    }
  }

  /** Judges the header whole before the body is even decoded: a body is cheap to send, and dear to hash. */
  #acceptHeader(bytes: Uint8Array, from: PeerId): BlockEntry | undefined {
    const { chain, isHeaderWanted } = this.#deps
    const header = decodeHeader(bytes.subarray(0, HEADER_SIZE))
    const hash = computeBlockHash(header)
    // Proof of work before anything else: it is the cheapest proof that somebody paid.
    checkProofOfWork(header, hash, chain.params)
    const known = chain.getEntry(toDisplayHex(hash))
    if (known?.hasBody === true || !isHeaderWanted(header)) {
      if (known !== undefined) this.#noteNews(known, from, false)
      return undefined
    }
    const entry = chain.acceptHeader(header)
    this.#noteNews(entry, from, known === undefined)
    // A block of a branch with less work is fetched if its branch ever wins, and not stored before.
    if (entry.isFailed || entry.chainWork < chain.tip.chainWork) return undefined
    // One block far ahead would make us store all the headers before it: it is fetched when its turn comes.
    return entry.height > chain.tip.height + BLOCK_DOWNLOAD_WINDOW ? undefined : entry
  }

  #noteNews({ hashHex }: BlockEntry, from: PeerId, isNews: boolean): void {
    const { propagation, getPeer } = this.#deps
    if (getPeer(from) !== undefined) propagation.onHeard(hashHex, from, isNews)
  }

  /** Rebuilds a block, or else fetches it whole from its sender. */
  async #takeCompact(
    entry: BlockEntry,
    bytes: Uint8Array,
    from: PeerId,
    settle: Settle,
  ): Promise<void> {
    const rebuild = new BlockRebuild(decodeCompactBlock(bytes))
    if (!rebuild.isHopeless) {
      const giver = await this.#fill(rebuild, entry, from)
      if (giver === undefined) return
      const block = rebuild.toBlock()
      if (block !== undefined && (await this.#connectRebuilt(entry, block, giver, settle))) return
    }
    const whole = await this.#fetchWhole(entry, from)
    if (whole !== undefined) {
      await this.#connect(entry, whole.block, from, settle, whole.bytes)
    } else if (!entry.hasBody) this.#deps.getPeer(from)?.noteWithheldBlock()
  }

  /**
   * Fills in what is known, then what the sender knows, or else others. Returns whose merit it is: another's, if the
   * sender keeps back what it has announced; undefined if nobody says.
   */
  async #fill(rebuild: BlockRebuild, entry: BlockEntry, from: PeerId): Promise<PeerId | undefined> {
    const { mempool } = this.#deps
    rebuild.fill(transactionsOf(mempool))
    // A rival of a block that has just emptied the mempool has much in common with it.
    for (const { transactions } of this.#relayed.values()) {
      if (!rebuild.isComplete) rebuild.fill(transactions)
    }
    if (rebuild.isComplete) return from
    const missing = rebuild.listMissing()
    if (missing.length > MAX_REQUESTED_INDEXES) return from
    const asked: PeerId[] = []
    for (
      let id: PeerId | undefined = from;
      id !== undefined;
      id = this.#findAlternate(entry, asked)
    ) {
      asked.push(id)
      const found = await this.#askForMissing(id, entry, missing)
      if (found !== undefined) {
        rebuild.complete(found)
        return id
      }
      // Unless it was others' turn meanwhile, it has announced what it does not have.
      if (!entry.hasBody) this.#deps.getPeer(id)?.noteWithheldBlock()
    }
    return undefined
  }

  /** Undefined if the peer does not have them, does not answer in time, or not as it should. */
  async #askForMissing(
    id: PeerId,
    { hash, hashHex }: BlockEntry,
    missing: readonly number[],
  ): Promise<readonly Transaction[] | undefined> {
    const { network, log } = this.#deps
    this.#arrivals.prolong(hashHex)
    try {
      return await this.#inTime((signal) => network.requestTransactions(id, hash, missing, signal))
    } catch (error) {
      // What is malformed has been held against the peer already.
      log.debug('no transactions of a block', { peer: id, reason: toErrorMessage(error) })
      return undefined
    }
  }

  /** Another peer that has a block, by what it has announced; those that we chose ourselves first. */
  #findAlternate(entry: BlockEntry, asked: readonly PeerId[]): PeerId | undefined {
    if (asked.length > MAX_ALTERNATES || entry.hasBody || this.#deps.signal.aborted)
      return undefined
    const candidates = this.#deps.peers().filter(({ id, bestKnown }) => {
      return !asked.includes(id) && bestKnown?.getAncestor(entry.height) === entry
    })
    return candidates.sort(compareTrust)[0]?.id
  }

  /** Returns false if another body belongs to the header: two transactions have one short id, which is nobody's fault. */
  async #connectRebuilt(
    entry: BlockEntry,
    block: Block,
    from: PeerId,
    settle: Settle,
  ): Promise<boolean> {
    try {
      await this.#connect(entry, block, from, settle)
      return true
    } catch (error) {
      if (error instanceof ConsensusError && isBodyMutation(error, block)) return false
      throw error
    }
  }

  async #fetchWhole(
    entry: BlockEntry,
    from: PeerId,
  ): Promise<{ readonly block: Block; readonly bytes: Uint8Array } | undefined> {
    const { network } = this.#deps
    if (entry.hasBody) return undefined
    const bytes = await this.#inTime(async (signal) => {
      const items = [{ kind: 'block', hash: entry.hash } as const]
      for await (const reply of network.requestData(from, items, signal)) return reply.bytes
      return undefined
    })
    if (bytes === undefined) return undefined
    const block = decodeBlock(bytes)
    if (toDisplayHex(computeBlockHash(block.header)) !== entry.hashHex) {
      throw new DecodeError('bad-value', 0, 'another block than the one asked for')
    }
    return { block, bytes }
  }

  /** Lets a block be forwarded once it is checked, then connects it. */
  async #connect(
    entry: BlockEntry,
    block: Block,
    from: PeerId,
    settle: Settle,
    bytes?: Uint8Array,
  ): Promise<void> {
    const { chain, network, getPeer } = this.#deps
    // Meanwhile another may have sent it, or its header have been forgotten for want of room.
    if (entry.hasBody || chain.getEntry(entry.hashHex) !== entry) return
    await chain.acceptBlock(block, bytes, async () => {
      this.#relayed.add(entry.hashHex, block)
      this.#arrivals.markChecked(entry.hashHex)
      getPeer(from)?.learn(entry)
      // Who has a block of equal work already keeps it: the later one is of no use to anybody yet.
      settle(entry.chainWork > chain.tip.chainWork ? 'accept' : 'ignore')
    })
    if (entry.validity !== 'connected') return
    network.credit(from, 'block')
    const peer = getPeer(from)
    peer?.noteBlock(this.#deps.clock.monotonic())
  }

  /** Resolves to undefined if that takes too long, or when the node stops. */
  #inTime<Result>(
    task: (signal: AbortSignal) => Promise<Result | undefined>,
  ): Promise<Result | undefined> {
    const { clock, signal } = this.#deps
    const late = new AbortController()
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        resolve(undefined)
        late.abort()
      }
      const timer = clock.schedule(MISSING_TIMEOUT_MS, giveUp)
      signal.addEventListener('abort', giveUp)
      task(late.signal)
        .then(resolve, reject)
        .finally(() => {
          timer.cancel()
          signal.removeEventListener('abort', giveUp)
        })
    })
  }
}

function* transactionsOf(mempool: Mempool): Generator<Transaction> {
  for (const { tx } of mempool.entries()) yield tx
}

/** Transactions of a block that the mempool lacks. */
export function findUnknown(block: Block, mempool: Mempool): ReadonlySet<Transaction> {
  const isUnknown = (tx: Transaction): boolean =>
    mempool.getByWtxid(toDisplayHex(computeWtxid(tx))) === undefined
  return new Set(block.transactions.filter(isUnknown))
}
