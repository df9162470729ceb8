/**
 * What every `PeerNetwork` has to do, whatever carries it.
 *
 * @module
 */

import { afterEach, describe, expect, it } from 'vitest'
import {
  type BlockHash,
  type BlockHeader,
  computeBlockHash,
  encodeTransaction,
  type Hash256,
  type Transaction,
  type Txid,
} from '../../src/primitives/index.ts'
import {
  type DataItem,
  type DataReply,
  type GossipBlock,
  MAX_BLOCK_TRANSACTIONS,
  MAX_GOSSIP_BLOCK_SIZE,
  MAX_HEADERS,
  MAX_LOCATOR_HASHES,
  MAX_REQUESTED_INDEXES,
  type PeerNetwork,
  type PeerNetworkHandlers,
} from '../../src/sync/index.ts'
import { DecodeError } from '../../src/util/index.ts'
import { createRecorder, filledHash, type Recorder } from './peer-network-recorder.ts'

/** How the suite gets networks of one kind, and waits for them. */
export interface PeerNetworkHarness {
  /** A network that is not started. `identity` makes it the same node as an earlier one. */
  create(options: { chainId: string; identity?: string }): Promise<PeerNetwork>
  /** Waits until a condition holds, and fails with `what` if it does not in good time. */
  until(condition: () => boolean, what: string): Promise<void>
  /** Lets whatever is under way arrive. */
  settle(): Promise<void>
}

const CHAIN = '0a0b0c0d'

/** Runs the suite against one implementation. */
export function describePeerNetwork(name: string, harness: PeerNetworkHarness): void {
  describe(`PeerNetwork: ${name}`, { timeout: 20_000 }, () => {
    const started: PeerNetwork[] = []

    afterEach(async () => {
      await Promise.all(started.splice(0).map((network) => network.stop()))
    })

    async function start(
      handlers: PeerNetworkHandlers,
      options: { chainId?: string; identity?: string } = {},
    ): Promise<PeerNetwork> {
      const network = await harness.create({ chainId: CHAIN, ...options })
      started.push(network)
      await network.start(handlers)
      return network
    }

    async function startAll(count: number): Promise<{ network: PeerNetwork; seen: Recorder }[]> {
      const nodes: { network: PeerNetwork; seen: Recorder }[] = []
      for (let index = 0; index < count; index++) {
        const seen = createRecorder({ tipHeight: index })
        nodes.push({ network: await start(seen.handlers), seen })
      }
      return nodes
    }

    async function startPair(): Promise<[Node: NodeUnderTest, other: NodeUnderTest]> {
      const [a, b] = await startAll(2)
      if (a === undefined || b === undefined) throw new TypeError('two were started')
      await a.network.dialOnce(addressOf(b.network))
      await harness.until(() => b.network.peers().length === 1, 'both are peers')
      return [a, b]
    }

    type NodeUnderTest = { network: PeerNetwork; seen: Recorder }

    it('makes peers of two nodes after the handshake', async () => {
      const [a, b] = await startPair()
      const [peerOfA] = a.network.peers()
      const [peerOfB] = b.network.peers()
      expect(peerOfA).toMatchObject({ id: b.network.selfId, direction: 'outbound' })
      expect(peerOfA?.status.tipHeight).toBe(1)
      expect(peerOfA?.address).toContain(b.network.selfId)
      expect(peerOfB).toMatchObject({ id: a.network.selfId, direction: 'inbound' })
      expect(peerOfB?.status).toMatchObject({ tipHeight: 0, chainWork: 12_345n, userAgent: '/t/' })
      expect(a.seen.statuses).toEqual([[b.network.selfId, true]])
      expect(b.seen.statuses).toEqual([[a.network.selfId, true]])
    })

    it('keeps nodes of another chain out', async () => {
      const seen = createRecorder()
      const a = await start(seen.handlers)
      const other = createRecorder()
      const b = await start(other.handlers, { chainId: 'ffffffff' })
      await expect(a.dialOnce(addressOf(b))).rejects.toMatchObject({ code: 'wrong-chain' })
      await harness.settle()
      expect([a.peers(), b.peers()]).toEqual([[], []])
      expect([seen.statuses, other.statuses]).toEqual([[], []])
    })

    it('refuses a STATUS that its handlers refuse', async () => {
      const a = await start(createRecorder().handlers)
      const picky = createRecorder({ acceptsStatus: () => false })
      const b = await start(picky.handlers)
      await a.dialOnce(addressOf(b)).catch(() => undefined)
      await harness.until(() => a.peers().length === 0, 'the connection is closed')
      expect(b.peers()).toEqual([])
      expect(picky.statuses).toEqual([])
    })

    it('counts nodes that dial each other at once as one peer', async () => {
      const [a, b] = await startAll(2)
      if (a === undefined || b === undefined) throw new TypeError('two were started')
      await Promise.all([
        a.network.dialOnce(addressOf(b.network)),
        b.network.dialOnce(addressOf(a.network)),
      ])
      await harness.settle()
      expect(a.network.peers()).toHaveLength(1)
      expect(b.network.peers()).toHaveLength(1)
      expect(a.seen.statuses.filter(([, isNew]) => isNew)).toHaveLength(1)
      expect(b.seen.statuses.filter(([, isNew]) => isNew)).toHaveLength(1)
    })

    it('tells when a peer has gone', async () => {
      const [a, b] = await startPair()
      await a.network.disconnect(b.network.selfId, 'test')
      await harness.until(() => b.seen.gone.length === 1, 'b has heard')
      expect(a.seen.gone).toEqual([b.network.selfId])
      expect(b.seen.gone).toEqual([a.network.selfId])
      expect([...a.network.peers(), ...b.network.peers()]).toEqual([])
    })

    it('numbers peers, and remembers what they began with and brought', async () => {
      const [a, b] = await startPair()
      const [c] = await startAll(1)
      if (c === undefined) throw new TypeError('one was started')
      await a.network.dialOnce(addressOf(c.network))
      b.seen.tipHeight = 77
      await a.network.exchangeStatus(b.network.selfId)
      a.network.credit(b.network.selfId, 'block')
      a.network.credit(c.network.selfId, 'tx')
      a.network.credit('nobody', 'tx')
      const [first, second] = a.network.peers()
      expect(first).toMatchObject({ number: 0, startingHeight: 1, lastBlockMs: expect.any(Number) })
      expect(first?.lastTransactionMs).toBeUndefined()
      expect(second).toMatchObject({ number: 1, lastTransactionMs: expect.any(Number) })
      expect(second?.lastBlockMs).toBeUndefined()
      await a.network.disconnect(c.network.selfId, 'test')
      await harness.until(() => c.network.peers().length === 0, 'gone')
      await a.network.dialOnce(addressOf(c.network))
      expect(a.network.peers().map(({ number }) => number)).toEqual([0, 2])
    })

    it('exchanges STATUS again', async () => {
      const [a, b] = await startPair()
      b.seen.tipHeight = 77
      const status = await a.network.exchangeStatus(b.network.selfId)
      expect(status.tipHeight).toBe(77)
      expect(a.network.peers()[0]?.status.tipHeight).toBe(77)
      await harness.until(() => b.seen.statuses.length === 2, 'b has heard')
      expect(b.seen.statuses[1]).toEqual([a.network.selfId, false])
    })

    it('forwards a block that is accepted, and no other', async () => {
      const [a, b, c] = await startLine(startAll, harness)
      b.seen.blockVerdict = 'ignore'
      await a.network.publishBlock(blockOf(1))
      await harness.until(() => b.seen.blocks.length === 1, 'b has the ignored block')
      b.seen.blockVerdict = 'reject'
      await a.network.publishBlock(blockOf(2))
      await harness.until(() => b.seen.blocks.length === 2, 'b has the rejected block')
      b.seen.blockVerdict = 'accept'
      await a.network.publishBlock(blockOf(3))
      await harness.until(() => c.seen.blocks.length > 0, 'c has a block')
      await harness.settle()
      expect(b.seen.blocks.map(([{ bytes }]) => bytes[0])).toEqual([1, 2, 3])
      expect(c.seen.blocks.map(([{ bytes }]) => bytes[0])).toEqual([3])
      expect(c.seen.blocks[0]?.[1]).toBe(b.network.selfId)
      expect(c.seen.blocks[0]?.[0]).toEqual(blockOf(3))
    })

    it('carries the largest block in either form', async () => {
      const [a, b] = await startPair()
      await harness.settle()
      for (const form of ['whole', 'compact'] as const) {
        const block = { form, bytes: new Uint8Array(MAX_GOSSIP_BLOCK_SIZE).fill(form.length) }
        const before = b.seen.blocks.length
        await a.network.publishBlock(block)
        await harness.until(() => b.seen.blocks.length > before, `b has the ${form} block`)
        const [received] = b.seen.blocks.at(-1) ?? []
        expect(received?.form).toBe(form)
        expect(Buffer.from(received?.bytes ?? []).equals(block.bytes)).toBe(true)
      }
      const tooLarge = new Uint8Array(MAX_GOSSIP_BLOCK_SIZE + 1)
      await a.network.publishBlock({ form: 'compact', bytes: tooLarge })
      await harness.settle()
      expect(b.seen.blocks).toHaveLength(2)
    })

    it('takes an INV to every peer and no farther, as often as it is sent', async () => {
      const [a, b, c] = await startLine(startAll, harness)
      const header = headerOf(5)
      const items = [
        { kind: 'block', hash: computeBlockHash(header), header },
        { kind: 'tx', hash: filledHash(9) },
      ] as const
      await b.network.publishAnnouncements(items)
      await harness.until(
        () => a.seen.announcements.length === 1 && c.seen.announcements.length === 1,
        'both neighbours have heard',
      )
      expect(a.seen.announcements[0]).toEqual([items, b.network.selfId])
      await a.network.publishAnnouncements(items)
      await a.network.publishAnnouncements(items)
      await harness.until(() => b.seen.announcements.length === 2, 'b has heard twice')
      await harness.settle()
      expect(c.seen.announcements).toHaveLength(1)
    })

    it('serves headers', async () => {
      const [a, b] = await startPair()
      b.seen.headers = [headerOf(1), headerOf(2), headerOf(3)]
      const locator = Array.from({ length: MAX_LOCATOR_HASHES }, (_, index) => filledHash(index))
      const headers = await a.network.requestHeaders(b.network.selfId, locator, filledHash(200))
      expect(headers).toEqual(b.seen.headers)
      expect(b.seen.locators).toEqual([[locator, filledHash(200)]])
      b.seen.headers = Array.from({ length: MAX_HEADERS }, (_, index) => headerOf(index))
      expect(await a.network.requestHeaders(b.network.selfId, [], undefined)).toHaveLength(
        MAX_HEADERS,
      )
      b.seen.headers = []
      expect(await a.network.requestHeaders(b.network.selfId, [], undefined)).toEqual([])
    })

    it('serves data in the order asked, with NOTFOUND in its place', async () => {
      const [a, b] = await startPair()
      const large = new Uint8Array(3_900_000).map((_, index) => index * 7)
      b.seen.data.set(1, Uint8Array.of(1, 2, 3))
      b.seen.data.set(3, large)
      const items: DataItem[] = [
        { kind: 'tx', hash: filledHash(1) },
        { kind: 'block', hash: filledHash(2) },
        { kind: 'block', hash: filledHash(3) },
        { kind: 'txid', hash: filledHash(1) },
      ]
      const replies = await collect(a.network.requestData(b.network.selfId, items))
      expect(replies.map(({ kind, hash }) => ({ kind, hash }))).toEqual(items)
      expect(replies[0]?.bytes).toEqual(Uint8Array.of(1, 2, 3))
      expect(replies[1]?.bytes).toBeUndefined()
      expect(replies[3]?.bytes).toEqual(Uint8Array.of(1, 2, 3))
      expect(replies[2]?.bytes?.length).toBe(large.length)
      expect(Buffer.from(replies[2]?.bytes ?? []).equals(large)).toBe(true)
    })

    it('serves transactions of a block by their places, or NOTFOUND', async () => {
      const [a, b] = await startPair()
      const transactions = [5, 6, 7].map(transactionOf)
      b.seen.transactions.set(1, transactions.map(encodeTransaction))
      const indexes = [0, 300, MAX_BLOCK_TRANSACTIONS - 1]
      const { selfId } = b.network
      expect(await a.network.requestTransactions(selfId, filledHash(1), indexes)).toEqual(
        transactions,
      )
      expect(b.seen.askedIndexes).toEqual([indexes])
      expect(await a.network.requestTransactions(selfId, filledHash(2), [4])).toBeUndefined()
    })

    it('serves as many transactions as may be asked for, and none of another number', async () => {
      const [a, b] = await startPair()
      const indexes = Array.from({ length: MAX_REQUESTED_INDEXES }, (_, index) => index)
      b.seen.transactions.set(1, indexes.map(transactionOf).map(encodeTransaction))
      const { selfId } = b.network
      const found = await a.network.requestTransactions(selfId, filledHash(1), indexes)
      expect(found?.map(({ lockTime }) => lockTime)).toEqual(indexes)
      const fewer = a.network.requestTransactions(selfId, filledHash(1), indexes.slice(1))
      await expect(fewer).rejects.toBeInstanceOf(DecodeError)
    })

    it('gives up on transactions when the signal aborts', async () => {
      const [a, b] = await startPair()
      b.seen.beforeServing = () => new Promise(() => undefined)
      const controller = new AbortController()
      const { selfId } = b.network
      const request = a.network.requestTransactions(selfId, filledHash(1), [1], controller.signal)
      await harness.settle()
      controller.abort(new RangeError('enough'))
      await expect(request).rejects.toThrow('enough')
    })

    it('holds the sender back while the receiver is busy', async () => {
      const [a, b] = await startPair()
      b.seen.data.set(4, new Uint8Array(3_000_000).fill(4))
      const items = Array.from(
        { length: 6 },
        () => ({ kind: 'block', hash: filledHash(4) }) as const,
      )
      let received = 0
      for await (const reply of a.network.requestData(b.network.selfId, items)) {
        received += reply.bytes?.length ?? 0
        await harness.settle()
      }
      expect(received).toBe(18_000_000)
    })

    it('lets requests wait their turn, and one that is dropped does not block the next', async () => {
      const [a, b] = await startPair()
      b.seen.data.set(1, Uint8Array.of(1))
      const items = [filledHash(1), filledHash(1)].map((hash) => ({ kind: 'tx', hash }) as const)
      const ask = (): Promise<DataReply[]> =>
        collect(a.network.requestData(b.network.selfId, items))
      for await (const reply of a.network.requestData(b.network.selfId, items)) {
        expect(reply.bytes).toEqual(Uint8Array.of(1))
        break
      }
      const answers = await Promise.all([ask(), ask(), ask()])
      expect(answers.map((replies) => replies.length)).toEqual([2, 2, 2])
    })

    it('gives up on a request when its signal aborts', async () => {
      const [a, b] = await startPair()
      b.seen.beforeServing = () => new Promise(() => undefined)
      const controller = new AbortController()
      const request = collect(
        a.network.requestData(
          b.network.selfId,
          [{ kind: 'tx', hash: filledHash(1) }],
          controller.signal,
        ),
      )
      await harness.settle()
      controller.abort(new RangeError('enough'))
      await expect(request).rejects.toThrow('enough')
    })

    it('rejects a request to nobody', async () => {
      const [a] = await startPair()
      const nobody = a.network.selfId
      await expect(a.network.requestHeaders(nobody, [], undefined)).rejects.toMatchObject({
        code: 'unknown-peer',
      })
      await expect(
        collect(a.network.requestData(nobody, [{ kind: 'tx', hash: filledHash(1) }])),
      ).rejects.toMatchObject({ code: 'unknown-peer' })
    })

    it('redials until told to forget', async () => {
      const [a] = await startAll(1)
      if (a === undefined) throw new TypeError('one was started')
      const identity = 'comes back'
      const first = await start(createRecorder().handlers, { identity })
      const address = addressOf(first)
      a.network.connect(address)
      await harness.until(() => a.network.peers().length === 1, 'connected')
      await a.network.disconnect(first.selfId, 'test')
      await harness.until(() => a.seen.gone.length === 1, 'gone')
      await harness.until(() => a.network.peers().length === 1, 'connected again')
      expect(a.network.forget(address)).toBe(true)
      expect(a.network.forget(address)).toBe(false)
      await a.network.disconnect(first.selfId, 'test')
      await harness.settle()
      expect(a.network.peers()).toEqual([])
    })

    it('refuses a banned peer both ways, for as long as the ban runs', async () => {
      const [a, b] = await startPair()
      await a.network.ban(b.network.selfId, 60_000, 'test')
      await harness.until(() => b.network.peers().length === 0, 'cut off')
      await expect(b.network.dialOnce(addressOf(a.network))).rejects.toThrow()
      await expect(a.network.dialOnce(addressOf(b.network))).rejects.toThrow()
      expect(a.network.peers()).toEqual([])
      expect(a.seen.statuses).toHaveLength(1)
    })

    it('publishes into nothing without complaint', async () => {
      const [a] = await startAll(1)
      if (a === undefined) throw new TypeError('one was started')
      await expect(a.network.publishBlock(blockOf(1))).resolves.toBeUndefined()
      await expect(
        a.network.publishAnnouncements([{ kind: 'tx', hash: filledHash(1) }]),
      ).resolves.toBeUndefined()
    })

    it('stops twice, mid-request, and says nothing afterwards', async () => {
      const [a, b] = await startPair()
      b.seen.beforeServing = () => new Promise(() => undefined)
      const request = collect(
        a.network.requestData(b.network.selfId, [{ kind: 'tx', hash: filledHash(1) }]),
      )
      const failure = expect(request).rejects.toThrow()
      await harness.settle()
      await Promise.all([a.network.stop(), a.network.stop()])
      await failure
      expect(a.seen.gone).toEqual([])
      await expect(a.network.publishBlock(blockOf(1))).resolves.toBeUndefined()
    })
  })
}

/** The address under which a network can be dialled, peer id included. */
export function addressOf(network: PeerNetwork): string {
  const [address] = network.addresses()
  if (address === undefined) throw new TypeError('the network listens nowhere')
  return address
}

/** Three nodes, the middle one connected to both others, gossip flowing. */
async function startLine(
  startAll: (count: number) => Promise<{ network: PeerNetwork; seen: Recorder }[]>,
  harness: PeerNetworkHarness,
): Promise<
  [
    { network: PeerNetwork; seen: Recorder },
    { network: PeerNetwork; seen: Recorder },
    { network: PeerNetwork; seen: Recorder },
  ]
> {
  const [a, b, c] = await startAll(3)
  if (a === undefined || b === undefined || c === undefined)
    throw new TypeError('three were started')
  await a.network.dialOnce(addressOf(b.network))
  await c.network.dialOnce(addressOf(b.network))
  await harness.until(() => b.network.peers().length === 2, 'the line stands')
  await harness.settle()
  return [a, b, c]
}

async function collect(replies: AsyncIterable<DataReply>): Promise<DataReply[]> {
  const collected: DataReply[] = []
  for await (const reply of replies) collected.push(reply)
  return collected
}

function blockOf(tag: number, form: GossipBlock['form'] = 'whole'): GossipBlock {
  return { form, bytes: new Uint8Array(1_000).fill(tag) }
}

function transactionOf(lockTime: number): Transaction {
  const prevout = { txid: filledHash(9) as Hash256 as Txid, vout: 1 }
  const input = { prevout, scriptSig: Uint8Array.of(1), sequence: 7, witness: [Uint8Array.of(2)] }
  return { version: 2, inputs: [input], outputs: [], lockTime }
}

function headerOf(nonce: number): BlockHeader {
  return {
    version: 4,
    prevBlockHash: filledHash(1) as BlockHash,
    merkleRoot: filledHash(2),
    time: 1_700_000_000,
    bits: 0x207fffff,
    nonce,
  }
}
