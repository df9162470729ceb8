import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { P2pError } from '../../../src/p2p/index.ts'
import {
  computeBlockHash,
  decodeHeader,
  encodeBlock,
  encodeTransaction,
  HEADER_SIZE,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { MAX_VERSIONS_PER_PEER, REBUILD_PATIENCE_MAX_MS } from '../../../src/sync/block-arrivals.ts'
import {
  MAX_ALTERNATES,
  MAX_SERVED_DEPTH,
  MISSING_TIMEOUT_MS,
} from '../../../src/sync/block-relay.ts'
import { decodeCompactBlock } from '../../../src/sync/compact-block.ts'
import type { GossipBlock, GossipVerdict } from '../../../src/sync/index.ts'
import { createBlock, type PlacedBlock } from '../../support/chain-generator.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'
import { createMemoryDatabases, openMemoryChain } from '../../support/memory-chain.ts'
import { spendOpen } from '../../support/open-spends.ts'
import { createFullBlock, createRelayScene, toCompactMessage } from '../../support/relay-scene.ts'
import {
  createPeer,
  never,
  type ScriptedPeer,
  type SyncedNode,
  startSyncedNode,
} from '../../support/scripted-network.ts'

const params = createConsensusParams(REGTEST_SPEC)
const scene = createRelayScene(params, 12)
const { transactions } = scene
const next = createFullBlock(scene, params, transactions)

let node: SyncedNode

/** A peer with the scene's chain and these blocks behind it. */
function createSender(
  id: string,
  blocks: readonly PlacedBlock[] = [next],
  changes: Partial<ScriptedPeer> = {},
): ScriptedPeer {
  const known = createPeer(id, scene.blocks)
  return createPeer(id, [...scene.blocks, ...blocks], { status: known.status, ...changes })
}

async function know(known: readonly Transaction[]): Promise<void> {
  for (const tx of known) await node.mempool.accept(tx)
}

/** Lets a peer gossip a block and waits until the node has said what becomes of it. */
async function gossip(message: GossipBlock, from = 'sender'): Promise<GossipVerdict | undefined> {
  let verdict: GossipVerdict | undefined
  void node.network.gossip(message, from).then((given) => {
    verdict = given
  })
  await node.advanceUntil(() => verdict !== undefined, 4 * MISSING_TIMEOUT_MS)
  return verdict
}

function announceNext(from: string): void {
  const { hash, block } = next
  node.network.announce([{ kind: 'block', hash, header: block.header }], from)
}

const isAtNext = (): boolean => node.chain.tip.hashHex === toDisplayHex(next.hash)

beforeEach(async () => {
  const databases = createMemoryDatabases()
  const clock = new FakeClock((scene.tip.block.header.time + 1_000) * 1_000)
  const chain = await openMemoryChain(params, clock, databases)
  for (const { block } of scene.blocks) await chain.acceptBlock(block)
  await chain.flush()
  node = await startSyncedNode(params, databases)
  node.network.join(createSender('sender'))
})
afterEach(async () => {
  expect(node.failures).toEqual([])
  await node.stop()
})

describe('a compact block', () => {
  it('is rebuilt from the mempool, forwarded and connected, and nothing is asked for', async () => {
    await know(transactions)
    expect(await gossip(toCompactMessage(next.block))).toBe('accept')
    await node.advanceUntil(isAtNext, 1_000)
    expect(node.chain.tip.hashHex).toBe(toDisplayHex(next.hash))
    expect(node.mempool.size).toBe(0)
    expect(node.network.askedTransactions).toEqual([])
    expect(node.network.askedBlocks.get('sender') ?? []).toEqual([])
    const stored = await node.chain.readBlockBytes(next.hash)
    expect(stored).toEqual(encodeBlock(next.block))
  })

  it('is completed with what its sender has', async () => {
    await know(transactions.slice(3, 9))
    expect(await gossip(toCompactMessage(next.block))).toBe('accept')
    await node.advanceUntil(isAtNext, 1_000)
    expect(isAtNext()).toBe(true)
    expect(node.network.askedTransactions).toEqual([['sender', 6]])
    expect(node.network.askedBlocks.get('sender') ?? []).toEqual([])
  })

  it('is completed when nothing of it is known', async () => {
    expect(await gossip(toCompactMessage(next.block))).toBe('accept')
    await node.advanceUntil(isAtNext, 1_000)
    expect(isAtNext()).toBe(true)
    expect(node.network.askedTransactions).toEqual([['sender', transactions.length]])
  })

  it('is rebuilt from its rival, which has emptied the mempool', async () => {
    await know(transactions)
    await gossip(toCompactMessage(next.block))
    await node.advanceUntil(isAtNext, 1_000)
    const rival = createFullBlock(scene, params, transactions, 1)
    // Of equal work: kept, and of no use to others.
    expect(await gossip(toCompactMessage(rival.block))).toBe('ignore')
    expect(node.chain.getEntry(toDisplayHex(rival.hash))?.hasBody).toBe(true)
    expect(node.network.askedTransactions).toEqual([])
  })

  it('whose short ids stand for other transactions is fetched whole, and nobody is blamed', async () => {
    await know(transactions)
    // What a collision looks like: a short id of the block is that of another transaction in the mempool.
    const message = toCompactMessage(next.block, (compact) => {
      const [first = 0, second = 0, ...rest] = compact.shortIds
      return { ...compact, shortIds: [second, first, ...rest] }
    })
    expect(await gossip(message)).toBe('accept')
    await node.advanceUntil(isAtNext, 1_000)
    expect(isAtNext()).toBe(true)
    expect(node.network.askedBlocks.get('sender')).toEqual([toDisplayHex(next.hash)])
    expect(node.network.dropped.size).toBe(0)
  })

  it('with one short id twice is fetched whole', async () => {
    await know(transactions)
    const message = toCompactMessage(next.block, (compact) => {
      const [first = 0, , ...rest] = compact.shortIds
      return { ...compact, shortIds: [first, first, ...rest] }
    })
    expect(await gossip(message)).toBe('accept')
    await node.advanceUntil(isAtNext, 1_000)
    expect(isAtNext()).toBe(true)
    expect(node.network.askedTransactions).toEqual([])
  })

  it('is fetched whole if its sender answers with other transactions', async () => {
    const wrong = transactions.map((tx) => ({ ...tx, lockTime: 1 }))
    node.network.join(createSender('sender', [next], { transactions: async () => wrong }))
    expect(await gossip(toCompactMessage(next.block))).toBe('accept')
    await node.advanceUntil(isAtNext, 1_000)
    expect(isAtNext()).toBe(true)
    expect(node.network.dropped.size).toBe(0)
  })

  it.each([
    ['keeps silent', never],
    ['does not have it', async () => undefined],
    ['fails', () => Promise.reject(new P2pError('stream-failed', 'cut'))],
  ])('is completed by another that has announced it if its sender %s', async (_, answer) => {
    node.network.join(createSender('sender', [next], { transactions: answer, block: never }))
    node.network.join(createSender('uninformed'))
    node.network.join(createSender('other'))
    announceNext('other')
    expect(await gossip(toCompactMessage(next.block))).toBe('accept')
    await node.advanceUntil(isAtNext, 1_000)
    expect(isAtNext()).toBe(true)
    const { length } = transactions
    expect(node.network.askedTransactions).toEqual([
      ['sender', length],
      ['other', length],
    ])
    expect(node.network.askedBlocks.size).toBe(0)
  })

  it('is fetched whole if all who were asked in turn keep silent, and not before', async () => {
    const silent = ['sender', 'one', 'two', 'three']
    for (const id of silent) {
      node.network.join(createSender(id, [next], { transactions: never }))
    }
    for (const id of silent.slice(1)) announceNext(id)
    const arriving = gossip(toCompactMessage(next.block))
    // One after another, each for so long.
    for (let asked = 1; asked <= 1 + MAX_ALTERNATES; asked++) {
      await node.advanceUntil(() => node.network.askedTransactions.length === asked, 4_000)
      expect(node.network.askedTransactions.map(([id]) => id)).toEqual(silent.slice(0, asked))
      expect(node.network.askedBlocks.size).toBe(0)
    }
    await node.advanceUntil(isAtNext, 4_000)
    expect(isAtNext()).toBe(true)
    expect(await arriving).toBe('ignore')
    expect(node.network.askedTransactions).toHaveLength(1 + MAX_ALTERNATES)
    expect(node.network.askedBlocks.size).toBeGreaterThan(0)
  })

  it('is fetched whole in time, however many versions of it silent peers send', async () => {
    const silent = Array.from({ length: 5 }, (_, index) => `silent ${index}`)
    for (const id of silent) {
      node.network.join(createSender(id, [next], { transactions: never }))
    }
    node.network.join(createSender('honest', [next], { transactions: never }))
    let nonce = 0
    // One version after another, so that there always is one for which somebody is asked.
    const keepComing = async (from: string): Promise<void> => {
      for (let version = 0; version < MAX_VERSIONS_PER_PEER; version++) {
        const message = toCompactMessage(next.block, (compact) => ({
          ...compact,
          nonce: new Uint8Array(8).fill(nonce++),
        }))
        await node.network.gossip(message, from)
      }
    }
    for (const id of silent) void keepComing(id)
    announceNext('honest')
    await node.advanceUntil(isAtNext, REBUILD_PATIENCE_MAX_MS + 2_000)
    expect(isAtNext()).toBe(true)
  })

  it('is fetched whole from whoever announces it later if its sender keeps silent', async () => {
    node.network.join(createSender('sender', [next], { transactions: never, block: never }))
    node.network.join(createSender('other'))
    expect(await gossip(toCompactMessage(next.block))).toBe('ignore')
    announceNext('other')
    await node.advanceUntil(isAtNext, 3_000)
    expect(isAtNext()).toBe(true)
    expect(node.network.askedTransactions).toEqual([['sender', transactions.length]])
    expect(node.network.askedBlocks.get('sender') ?? []).toEqual([])
    expect(node.network.askedBlocks.get('other')).toEqual([toDisplayHex(next.hash)])
  })

  it('that its sender does not have is left alone', async () => {
    node.network.join(createSender('sender', []))
    expect(await gossip(toCompactMessage(next.block))).toBe('ignore')
    expect(node.chain.tip.height).toBe(scene.tip.height)
    expect(node.network.dropped.size).toBe(0)
  })

  it('does not wait for one that another keeps back', async () => {
    node.network.join(createSender('silent', [next], { transactions: never, block: never }))
    void node.network.gossip(toCompactMessage(next.block), 'silent')
    const other = { ...toCompactMessage(next.block, (compact) => ({ ...compact })) }
    expect(await gossip(other)).toBe('accept')
    await node.advanceUntil(isAtNext, 1_000)
    expect(isAtNext()).toBe(true)
  })

  it('is not fetched while it is on its way, however many announce it', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const slow = createSender('slow')
    node.network.join({
      ...slow,
      transactions: async (hash, indexes) => {
        await held
        return slow.transactions(hash, indexes)
      },
    })
    node.network.join(createSender('other'))
    void node.network.gossip(toCompactMessage(next.block), 'slow')
    await settle()
    const { hash, block } = next
    node.network.announce([{ kind: 'block', hash, header: block.header }], 'other')
    await node.advanceUntil(() => false, 1_000)
    expect(node.network.askedBlocks.get('other')).toBeUndefined()
    release()
    await node.advanceUntil(isAtNext, 1_000)
    expect(isAtNext()).toBe(true)
    expect(node.network.askedBlocks.size).toBe(0)
  })
})

describe('a hostile compact block', () => {
  it('without proof of work, or malformed, is rejected before anything is asked', async () => {
    const { bytes } = toCompactMessage(next.block)
    const worthless = Uint8Array.from(bytes)
    // Regtest's target is met by every second hash: the top bit decides.
    const hashOf = () => computeBlockHash(decodeHeader(worthless.subarray(0, HEADER_SIZE)))
    for (let nonce = 0; ((hashOf()[31] ?? 0) & 0x80) === 0; nonce++) worthless[76] = nonce
    expect(await gossip({ form: 'compact', bytes: worthless })).toBe('reject')
    expect(await gossip({ form: 'compact', bytes: bytes.subarray(0, 200) })).toBe('reject')
    expect(node.network.askedTransactions).toEqual([])
  })

  it('is looked at a few times from one peer, and still taken from another', async () => {
    node.network.join(createSender('hostile', []))
    const { hash } = next
    for (let nonce = 0; nonce < 10; nonce++) {
      const message = toCompactMessage(next.block, (compact) => ({
        ...compact,
        nonce: new Uint8Array(8).fill(nonce),
      }))
      expect(await gossip(message, 'hostile')).toBe('ignore')
    }
    expect(node.network.askedTransactions).toHaveLength(MAX_VERSIONS_PER_PEER)
    expect(node.chain.getEntry(toDisplayHex(hash))?.hasBody).toBe(false)
    expect(await gossip(toCompactMessage(next.block))).toBe('accept')
  })

  it.each([
    { who: 'whom we chose', direction: 'outbound', hasSent: false },
    { who: 'who has sent a block before', direction: 'inbound', hasSent: true },
  ] as const)(
    'from strangers who keep its transactions back does not keep out $who',
    async ({ direction, hasSent }) => {
      const second = createFullBlock({ ...scene, tip: next }, params, [], 7)
      node.network.join(createSender('honest', [next, second], { direction }))
      if (hasSent) {
        await gossip({ form: 'whole', bytes: encodeBlock(next.block) }, 'honest')
        await node.advanceUntil(isAtNext, 500)
      }
      const placed = hasSent ? second : next
      const never = () => new Promise<never>(() => undefined)
      const bogus = toCompactMessage(placed.block, (compact) => ({
        ...compact,
        prefilled: compact.prefilled.slice(0, 1),
        nonce: new Uint8Array(8).fill(9),
        shortIds: [0x1234, 0x5678],
      }))
      for (const id of ['liar 1', 'liar 2', 'liar 3', 'liar 4']) {
        node.network.join(createSender(id, [placed], { transactions: never, block: never }))
        void node.network.gossip(bogus, id)
      }
      const whole = { form: 'whole', bytes: encodeBlock(placed.block) } as const
      expect(await gossip(whole, 'honest')).toBe('accept')
      await node.advanceUntil(() => node.chain.tip.hashHex === toDisplayHex(placed.hash), 500)
      expect(node.chain.tip.hashHex).toBe(toDisplayHex(placed.hash))
    },
  )

  it('whose transactions its sender keeps back has that one believed last, even if we chose it', async () => {
    const [spent] = transactions
    if (spent === undefined) throw new RangeError('a larger scene is needed')
    const child = spendOpen([{ tx: spent, vout: 0 }], 1_000n)
    const second = createFullBlock({ ...scene, tip: next }, params, [child], 7)
    const hide = { transactions: never, block: never }
    node.network.join(createSender('liar', [next, second], { direction: 'outbound', ...hide }))
    node.network.join(createSender('other', [next, second]))
    announceNext('other')
    expect(await gossip(toCompactMessage(next.block), 'liar')).toBe('accept')
    await node.advanceUntil(isAtNext, 1_000)
    expect(node.network.credited).toContain('other block')
    expect(node.network.credited).not.toContain('liar block')
    node.network.join(createSender('third', [next, second], hide))
    const { hash, block } = second
    for (const id of ['liar', 'other']) {
      node.network.announce([{ kind: 'block', hash, header: block.header }], id)
    }
    expect(await gossip(toCompactMessage(block), 'third')).toBe('accept')
    expect(node.network.askedTransactions.map(([id]) => id)).toEqual([
      'liar',
      'other',
      'third',
      'other',
    ])
  })

  it('of a block that is invalid to itself is rejected, and one invalid at connecting is not', async () => {
    const bad = createBlock(scene.tip, params, {
      transactions,
      fees: 12_000n,
      changeCoinbase: (tx) => ({ ...tx, outputs: [] }),
    })
    const greedy = createBlock(scene.tip, params, { transactions, fees: 99_000n })
    node.network.join(createSender('sender', [greedy]))
    await know(transactions)
    expect(await gossip(toCompactMessage(bad.block))).toBe('ignore')
    expect(node.chain.getEntry(toDisplayHex(bad.hash))?.isFailed).toBe(true)
    expect(await gossip(toCompactMessage(greedy.block))).toBe('accept')
    await node.advanceUntil(() => false, 500)
    expect(node.chain.getEntry(toDisplayHex(greedy.hash))?.isFailed).toBe(true)
    expect(node.chain.tip.height).toBe(scene.tip.height)
    expect(node.network.dropped.size).toBe(0)
    // It is not served any more.
    expect(await node.sync.serveTransactions(greedy.hash, [0])).toBeUndefined()
    expect(await node.sync.serveData({ kind: 'block', hash: greedy.hash })).toBeUndefined()
  })

  it('whose sender serves another body for it is rejected', async () => {
    const other = createFullBlock(scene, params, transactions, 3)
    const swapped = { header: next.block.header, transactions: other.block.transactions }
    node.network.join(
      createSender('sender', [next], {
        transactions: async () => [...transactions].reverse(),
        block: async () => encodeBlock(swapped),
      }),
    )
    expect(await gossip(toCompactMessage(next.block))).toBe('reject')
    expect(node.chain.getEntry(toDisplayHex(next.hash))?.isFailed).toBe(false)
  })
})

describe('transactions of a block', () => {
  it('are served while the block is being stored, and afterwards', async () => {
    await know(transactions)
    const indexes = [0, 5, 12]
    const wanted = indexes.map((index) => {
      return encodeTransaction(next.block.transactions[index] as Transaction)
    })
    expect(await node.sync.serveTransactions(next.hash, indexes)).toBeUndefined()
    expect(await gossip(toCompactMessage(next.block))).toBe('accept')
    expect(await node.sync.serveTransactions(next.hash, indexes)).toEqual(wanted)
    await node.advanceUntil(isAtNext, 1_000)
    expect(await node.sync.serveTransactions(next.hash, indexes)).toEqual(wanted)
    expect(await node.sync.serveTransactions(next.hash, [5, 13])).toBeUndefined()
  })

  it('are served from the store, but not of old blocks', async () => {
    const { blocks } = scene
    const near = blocks.at(-1 - MAX_SERVED_DEPTH)
    const old = blocks.at(-2 - MAX_SERVED_DEPTH)
    if (near === undefined || old === undefined) throw new RangeError('a longer scene is needed')
    expect(await node.sync.serveTransactions(near.hash, [0])).toHaveLength(1)
    expect(await node.sync.serveTransactions(old.hash, [0])).toBeUndefined()
  })
})

describe('a block of our own', () => {
  it('goes out whole if it is small', async () => {
    const { block } = createBlock(scene.tip, params)
    await node.sync.submitBlock(block)
    expect(node.network.gossiped).toEqual([{ form: 'whole', bytes: encodeBlock(block) }])
  })

  it('else goes out compact, with what others may not know', async () => {
    await know(transactions.slice(1))
    await node.sync.submitBlock(next.block)
    const [message] = node.network.gossiped
    expect(message?.form).toBe('compact')
    const compact = decodeCompactBlock(message?.bytes ?? new Uint8Array())
    expect(compact.header).toEqual(next.block.header)
    expect(compact.prefilled).toEqual(
      [0, 1].map((index) => ({ index, tx: next.block.transactions[index] })),
    )
    expect(compact.shortIds).toHaveLength(transactions.length - 1)
    // Who asks for transactions is answered at once.
    expect(await node.sync.serveTransactions(next.hash, [3])).toHaveLength(1)
  })
})
