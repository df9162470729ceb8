import { sha256 } from '@noble/hashes/sha2.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { P2pError } from '../../../src/p2p/index.ts'
import {
  computeTxid,
  computeWtxid,
  encodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import type { DataItem } from '../../../src/sync/index.ts'
import { MAX_MISSING_PARENTS } from '../../../src/sync/orphanage.ts'
import { REANNOUNCE_INTERVAL_MS, REANNOUNCE_JITTER_MS } from '../../../src/sync/own-transactions.ts'
import {
  TRANSACTION_LATE_MS,
  TRANSACTION_TIMEOUT_MS,
  WITHHOLDER_PAUSE_MS,
} from '../../../src/sync/transaction-relay.ts'
import {
  MAX_TRANSACTIONS_PER_REQUEST,
  MAX_WANTED_PER_PEER,
} from '../../../src/sync/transaction-requests.ts'
import { concatBytes } from '../../../src/util/index.ts'
import { createBlock, OP_TRUE_SCRIPT } from '../../support/chain-generator.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'
import { createMemoryDatabases, openMemoryChain } from '../../support/memory-chain.ts'
import { createBallast, spendOpen } from '../../support/open-spends.ts'
import { createFullBlock, createRelayScene } from '../../support/relay-scene.ts'
import {
  createPeer,
  never,
  type ScriptedPeer,
  type SyncedNode,
  startSyncedNode,
} from '../../support/scripted-network.ts'

const FEE = 1_000n
const STEP_MS = 250
/** More turns than anything takes that waits for no time. */
const TURNS = 50

const params = createConsensusParams(REGTEST_SPEC)
const scene = createRelayScene(params, 120)
const { transactions } = scene

let node: SyncedNode

const txidOf = (tx: Transaction): string => toDisplayHex(computeTxid(tx))
const wtxidOf = (tx: Transaction): string => toDisplayHex(computeWtxid(tx))

function pick(index: number): Transaction {
  const tx = transactions[index]
  if (tx === undefined) throw new RangeError('a larger scene is needed')
  return tx
}

/** A spend of another transaction's first output. */
function childOf(...parents: readonly Transaction[]): Transaction {
  return spendOpen(
    parents.map((tx) => ({ tx, vout: 0 })),
    FEE,
  )
}

/** A peer on our tip that has these transactions. */
function createSender(
  id: string,
  known: readonly Transaction[],
  changes: Partial<ScriptedPeer> = {},
): ScriptedPeer {
  const byWtxid = new Map(known.map((tx) => [wtxidOf(tx), tx]))
  const byTxid = new Map(known.map((tx) => [txidOf(tx), tx]))
  return createPeer(id, scene.blocks, {
    transaction: async ({ kind, hash }: DataItem) => {
      const tx = (kind === 'tx' ? byWtxid : byTxid).get(toDisplayHex(hash))
      return tx && encodeTransaction(tx)
    },
    ...changes,
  })
}

function join(...args: Parameters<typeof createSender>): void {
  node.network.join(createSender(...args))
}

async function rest(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await settle()
}

/** Lets a peer announce transactions, and the node do what it does about that at once. */
async function announce(from: string, known: readonly Transaction[]): Promise<void> {
  node.network.announce(
    known.map((tx) => ({ kind: 'tx', hash: computeWtxid(tx) })),
    from,
  )
  await rest()
}

async function pass(durationMs: number): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += STEP_MS) {
    await node.clock.advance(STEP_MS)
    await rest()
  }
}

/** Ids that a peer was asked for, all requests together. */
const askedOf = (id: string): readonly string[] => (node.network.askedIds.get(id) ?? []).flat()

const isWaiting = (tx: Transaction): boolean => node.mempool.get(txidOf(tx)) !== undefined

/** Ids in what the node has announced. */
const announced = (): readonly string[] =>
  node.network.announcements.flat().map(({ hash }) => toDisplayHex(hash))

beforeEach(async () => {
  const databases = createMemoryDatabases()
  const clock = new FakeClock((scene.tip.block.header.time + 1_000) * 1_000)
  const chain = await openMemoryChain(params, clock, databases)
  for (const { block } of scene.blocks) await chain.acceptBlock(block)
  await chain.flush()
  node = await startSyncedNode(params, databases)
  join('first', [])
  await node.advanceUntil(() => node.sync.isCaughtUp, 10_000)
  node.network.leave('first')
})
afterEach(async () => {
  expect(node.failures).toEqual([])
  await node.stop()
})

describe('a transaction that several announce', () => {
  it('is asked of one of them', async () => {
    const tx = pick(0)
    for (const id of ['a', 'b', 'c']) join(id, [tx])
    for (const id of ['a', 'b', 'c']) await announce(id, [tx])
    expect(askedOf('a')).toEqual([wtxidOf(tx)])
    expect(askedOf('b')).toEqual([])
    expect(askedOf('c')).toEqual([])
    expect(isWaiting(tx)).toBe(true)
    expect(node.network.credited).toEqual(['a tx'])
    await announce('b', [tx])
    expect(askedOf('b')).toEqual([])
  })

  it('is asked of another at once if the first does not have it', async () => {
    const tx = pick(0)
    let refuse = (): void => undefined
    const asked = new Promise<undefined>((resolve) => {
      refuse = () => resolve(undefined)
    })
    join('without', [], { transaction: () => asked })
    join('with', [tx])
    await announce('without', [tx])
    await announce('with', [tx])
    expect(askedOf('with')).toEqual([])
    refuse()
    await rest()
    expect(isWaiting(tx)).toBe(true)
    expect(node.network.dropped.size).toBe(0)
  })

  it('is asked of another soon if the first keeps silent, of the one that we dialled', async () => {
    const tx = pick(0)
    join('silent', [], { transaction: never })
    for (const id of ['inbound', 'outbound']) {
      join(id, [tx], { direction: id === 'inbound' ? 'inbound' : 'outbound' })
    }
    for (const id of ['silent', 'inbound', 'outbound']) await announce(id, [tx])
    await pass(TRANSACTION_LATE_MS - STEP_MS)
    expect(isWaiting(tx)).toBe(false)
    expect([...askedOf('inbound'), ...askedOf('outbound')]).toEqual([])
    await pass(STEP_MS)
    expect(isWaiting(tx)).toBe(true)
    expect(askedOf('outbound')).toEqual([wtxidOf(tx)])
    expect(askedOf('inbound')).toEqual([])
  })

  it('is asked of another as soon if the first only dribbles', async () => {
    const known = transactions.slice(0, 20)
    const dribble = createSender('dribbler', known)
    node.network.join({
      ...dribble,
      transaction: async (item) => {
        await new Promise<void>((resolve) => node.clock.schedule(800, resolve))
        return dribble.transaction(item)
      },
    })
    join('other', known)
    await announce('dribbler', known)
    await announce('other', known)
    await pass(TRANSACTION_LATE_MS + STEP_MS)
    expect(known.every(isWaiting)).toBe(true)
    // What had come was kept.
    expect(askedOf('other')).toEqual(known.slice(2).map(wtxidOf))
  })

  it('is asked of another if the first breaks off, or leaves', async () => {
    const [one, two] = [pick(0), pick(1)]
    const cut = () => Promise.reject(new P2pError('stream-failed', 'cut'))
    join('broken', [], { transaction: cut })
    join('leaving', [], { transaction: never })
    join('other', [one, two])
    await announce('leaving', [two])
    node.network.announce([{ kind: 'tx', hash: computeWtxid(one) }], 'broken')
    await announce('other', [one, two])
    expect(isWaiting(one)).toBe(true)
    expect(isWaiting(two)).toBe(false)
    node.network.leave('leaving')
    await rest()
    expect(isWaiting(two)).toBe(true)
  })
})

describe('a peer that keeps transactions back', () => {
  it('is not asked for a while, so that it delays others’ no more', async () => {
    join('silent', [], { transaction: never })
    join('other', transactions)
    await announce('silent', [pick(0)])
    await announce('other', [pick(0)])
    await pass(TRANSACTION_TIMEOUT_MS)
    for (let index = 1; index < 10; index++) {
      await announce('silent', [pick(index)])
      await announce('other', [pick(index)])
      expect(isWaiting(pick(index))).toBe(true)
    }
    expect(askedOf('silent')).toEqual([wtxidOf(pick(0))])
    await announce('silent', [pick(10)])
    await pass(WITHHOLDER_PAUSE_MS)
    expect(askedOf('silent')).toEqual([pick(0), pick(10)].map(wtxidOf))
  })

  it('is asked again for what it owes when nobody else has it', async () => {
    const known = transactions.slice(0, 3)
    const honest = createSender('slow', known)
    let isSlow = true
    node.network.join({
      ...honest,
      transaction: (item) => {
        return isSlow && toDisplayHex(item.hash) === wtxidOf(pick(1))
          ? never()
          : honest.transaction(item)
      },
    })
    await announce('slow', known)
    await pass(TRANSACTION_TIMEOUT_MS)
    expect(known.map(isWaiting)).toEqual([true, false, false])
    isSlow = false
    await pass(WITHHOLDER_PAUSE_MS)
    // The one for which it kept us waiting was given up: it has to announce it again.
    expect(known.map(isWaiting)).toEqual([true, false, true])
    await announce('slow', known)
    expect(known.every(isWaiting)).toBe(true)
  })

  it('is asked for few at a time, and little is remembered of what it announces', async () => {
    join('flooder', [], { transaction: never })
    const hashes = Array.from({ length: 50_000 }, (_, index) => {
      const hash = new Uint8Array(32)
      new DataView(hash.buffer).setUint32(0, index)
      return hash
    })
    for (let at = 0; at < hashes.length; at += 1_000) {
      const items = hashes.slice(at, at + 1_000).map((hash) => ({ kind: 'tx', hash }) as const)
      node.network.announce(items, 'flooder')
    }
    await rest()
    expect(node.network.askedIds.get('flooder')?.map((ids) => ids.length)).toEqual([
      MAX_TRANSACTIONS_PER_REQUEST,
    ])
    // It is asked for the rest of what was remembered, and for nothing beyond.
    join('flooder', [])
    await pass(TRANSACTION_TIMEOUT_MS + WITHHOLDER_PAUSE_MS)
    expect(new Set(askedOf('flooder')).size).toBe(MAX_WANTED_PER_PEER)
    const counts = node.network.askedIds.get('flooder')?.map((ids) => ids.length) ?? []
    expect(Math.max(...counts)).toBe(MAX_TRANSACTIONS_PER_REQUEST)
  })

  it('that sends another transaction than it was asked for is banned, and does no harm to that one', async () => {
    const [asked, other] = [pick(0), { ...pick(1), lockTime: 5 }]
    join('liar', [], { transaction: async () => encodeTransaction(other) })
    join('honest', [asked])
    await announce('liar', [asked])
    await announce('honest', [asked])
    expect(node.network.banned.has('liar')).toBe(true)
    expect(isWaiting(asked)).toBe(true)
  })
})

describe('peers that announce first and keep back', () => {
  const LIARS = 20

  /** Strangers that announce whatever they hear of, and never send it. */
  function joinLiars(count: number, from = 0): readonly string[] {
    const ids = Array.from({ length: count }, (_, index) => `liar ${from + index}`)
    for (const id of ids) join(id, [], { transaction: never })
    return ids
  }

  it.each([
    ['that we dialled', 'outbound'],
    ['that has sent one before', 'inbound'],
  ] as const)(
    'delay it once, however many there are, where a peer has it %s',
    async (_, direction) => {
      join('honest', transactions, { direction })
      await announce('honest', [pick(0)])
      const liars = joinLiars(LIARS)
      for (const id of [...liars, 'honest']) await announce(id, [pick(1)])
      expect(isWaiting(pick(1))).toBe(false)
      await pass(TRANSACTION_LATE_MS)
      expect(isWaiting(pick(1))).toBe(true)
      expect(liars.map((id) => askedOf(id).length).filter((count) => count > 0)).toHaveLength(1)
    },
  )

  it('are believed last afterwards: others have the time to announce the same', async () => {
    const [liar = ''] = joinLiars(1)
    join('honest', transactions)
    for (const id of [liar, 'honest']) await announce(id, [pick(0)])
    await pass(TRANSACTION_TIMEOUT_MS + WITHHOLDER_PAUSE_MS)
    expect(askedOf(liar)).toEqual([wtxidOf(pick(0))])
    await announce(liar, [pick(1)])
    await pass(TRANSACTION_LATE_MS - STEP_MS)
    expect(askedOf(liar)).toHaveLength(1)
    await announce('honest', [pick(1)])
    expect(isWaiting(pick(1))).toBe(true)
    // What nobody else has it is asked for.
    await announce(liar, [pick(2)])
    await pass(TRANSACTION_LATE_MS)
    expect(askedOf(liar)).toEqual([pick(0), pick(2)].map(wtxidOf))
  })

  it('are believed again when they send what they announce', async () => {
    let isSilent = true
    const sender = createSender('moody', transactions)
    node.network.join({
      ...sender,
      transaction: (item) => (isSilent ? never() : sender.transaction(item)),
    })
    join('honest', transactions)
    for (const id of ['moody', 'honest']) await announce(id, [pick(0)])
    await pass(TRANSACTION_TIMEOUT_MS + WITHHOLDER_PAUSE_MS)
    isSilent = false
    await announce('moody', [pick(1)])
    expect(isWaiting(pick(1))).toBe(false)
    await pass(TRANSACTION_LATE_MS)
    expect(isWaiting(pick(1))).toBe(true)
    await announce('moody', [pick(2)])
    expect(isWaiting(pick(2))).toBe(true)
  })

  it('are no worse than slow where nobody else has it', async () => {
    const sender = createSender('slow', transactions)
    node.network.join({
      ...sender,
      transaction: async (item) => {
        await new Promise<void>((resolve) =>
          node.clock.schedule(TRANSACTION_LATE_MS + 1_000, resolve),
        )
        return sender.transaction(item)
      },
    })
    for (const index of [0, 1]) {
      await announce('slow', [pick(index)])
      // At once, each time.
      expect(askedOf('slow')).toHaveLength(index + 1)
      await pass(TRANSACTION_LATE_MS + 1_000)
      expect(isWaiting(pick(index))).toBe(true)
    }
  })
})

describe('an orphan', () => {
  const parent = pick(0)
  const child = childOf(parent)
  const grandchild = childOf(child)

  it('comes in with its parents, which its sender is asked for, and its own orphans after it', async () => {
    join('a', [parent, child, grandchild])
    await announce('a', [grandchild])
    // By txid, generation by generation.
    expect(node.network.askedIds.get('a')).toEqual([
      [wtxidOf(grandchild)],
      [txidOf(child)],
      [txidOf(parent)],
    ])
    expect([parent, child, grandchild].every(isWaiting)).toBe(true)
    await pass(STEP_MS)
    expect(announced()).toEqual([parent, child, grandchild].map(wtxidOf))
  })

  it('comes in when somebody else brings the parent, or we make it ourselves', async () => {
    join('a', [child])
    await announce('a', [child])
    expect(isWaiting(child)).toBe(false)
    await node.sync.submitTransaction(parent)
    await rest()
    expect(isWaiting(child)).toBe(true)
  })

  it('comes in when a block brings the parent', async () => {
    join('a', [child])
    await announce('a', [child])
    const next = createFullBlock(scene, params, [parent])
    await node.sync.submitBlock(next.block)
    await rest()
    expect(isWaiting(child)).toBe(true)
  })

  it('waits for the last of its parents', async () => {
    const both = childOf(pick(1), pick(2))
    join('a', [both])
    await announce('a', [both])
    expect(askedOf('a')).toEqual([wtxidOf(both), txidOf(pick(1)), txidOf(pick(2))])
    await node.sync.submitTransaction(pick(2))
    await rest()
    expect(isWaiting(both)).toBe(false)
    await node.sync.submitTransaction(pick(1))
    await rest()
    expect(isWaiting(both)).toBe(true)
  })

  it('has its parents asked of whoever announces it, if its sender does not have them', async () => {
    join('a', [child])
    join('b', [parent, child])
    await announce('a', [child])
    expect(isWaiting(child)).toBe(false)
    await announce('b', [child])
    expect(askedOf('b')).toEqual([txidOf(parent)])
    expect(isWaiting(child)).toBe(true)
  })

  it('goes with its only sender', async () => {
    join('a', [child])
    await announce('a', [child])
    node.network.leave('a')
    await node.sync.submitTransaction(parent)
    await rest()
    expect(isWaiting(child)).toBe(false)
  })

  it('of a refused parent is refused, whether it comes before or after it', async () => {
    const greedy = {
      ...pick(3),
      outputs: pick(3).outputs.map((output) => ({ ...output, value: 21_000_000n * 100_000_000n })),
    }
    const [early, late] = [childOf(greedy), { ...childOf(greedy), version: 1 }]
    const afterEarly = childOf(early)
    join('a', [greedy, early, late, afterEarly])
    await announce('a', [afterEarly])
    expect(askedOf('a')).toEqual([wtxidOf(afterEarly), txidOf(early), txidOf(greedy)])
    await announce('a', [late])
    expect(askedOf('a')).toHaveLength(4)
    // Nothing of it is asked for again.
    join('b', [greedy, early, late, afterEarly])
    await announce('b', [greedy, early, late, afterEarly])
    expect(askedOf('b')).toEqual([])
    expect(node.mempool.size).toBe(0)
  })

  it('of a parent that no witness could make valid is refused, whatever witness that has', async () => {
    const greedy = {
      ...pick(3),
      inputs: pick(3).inputs.map((input) => ({ ...input, witness: [Uint8Array.of(1)] })),
      outputs: pick(3).outputs.map((output) => ({ ...output, value: 21_000_000n * 100_000_000n })),
    }
    const orphan = childOf(greedy)
    join('a', [greedy, orphan])
    await announce('a', [greedy])
    await announce('a', [orphan])
    expect(askedOf('a')).toEqual([greedy, orphan].map(wtxidOf))
  })

  it('that is an orphan’s parent is asked of one peer, whoever else announces its child', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const sender = createSender('a', [parent, child, grandchild])
    node.network.join({
      ...sender,
      transaction: async (item) => {
        await held
        return sender.transaction(item)
      },
    })
    join('b', [parent, child, grandchild])
    await announce('a', [grandchild])
    await announce('b', [grandchild])
    release()
    await rest()
    const asked = [...askedOf('a'), ...askedOf('b')]
    expect(asked.toSorted()).toEqual(
      [wtxidOf(grandchild), txidOf(child), txidOf(parent)].toSorted(),
    )
    expect([parent, child, grandchild].every(isWaiting)).toBe(true)
  })

  it('of a parent that has a bad witness is not refused for that', async () => {
    const witnessed = {
      ...parent,
      inputs: parent.inputs.map((input) => ({ ...input, witness: [Uint8Array.of(1)] })),
    }
    expect(txidOf(witnessed)).toBe(txidOf(parent))
    join('liar', [child, witnessed])
    join('honest', [child, parent])
    await announce('liar', [child])
    expect(askedOf('liar')).toEqual([wtxidOf(child), txidOf(parent)])
    expect(isWaiting(child)).toBe(false)
    await announce('honest', [child])
    expect(isWaiting(child)).toBe(true)
  })

  it('with more parents missing than a transaction may have is refused', async () => {
    const parents = transactions.slice(0, MAX_MISSING_PARENTS + 1)
    const tx = childOf(...parents)
    join('a', [...parents, tx])
    await announce('a', [tx])
    expect(askedOf('a')).toEqual([wtxidOf(tx)])
  })

  it('is not made of what the newest block has spent', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const sender = createSender('slow', [child])
    node.network.join({
      ...sender,
      transaction: async (item) => {
        await held
        return sender.transaction(item)
      },
    })
    await announce('slow', [child])
    const next = createFullBlock(scene, params, [parent, child])
    await node.sync.submitBlock(next.block)
    release()
    await rest()
    expect(askedOf('slow')).toEqual([wtxidOf(child)])
    await announce('slow', [child])
    expect(askedOf('slow')).toHaveLength(1)
    // What spends the same has come too late: its parent is spent, so nobody is asked for that.
    const rival = { ...child, version: 1 }
    join('late', [rival])
    await announce('late', [rival])
    expect(askedOf('late')).toEqual([wtxidOf(rival)])
  })
})

describe('a transaction in a block', () => {
  it('is not asked for when a peer announces it late, by wtxid', async () => {
    // Only with a witness are its two ids different.
    const [output] = pick(0).outputs
    if (output === undefined) throw new RangeError('a transaction without outputs')
    const scriptPubKey = concatBytes(Uint8Array.of(0x00, 0x20), sha256(OP_TRUE_SCRIPT))
    const parent = { ...pick(0), outputs: [{ ...output, scriptPubKey }] }
    const spend = childOf(parent)
    const inputs = spend.inputs.map((input) => ({ ...input, witness: [OP_TRUE_SCRIPT] }))
    const child = { ...spend, inputs }
    expect(wtxidOf(child)).not.toBe(txidOf(child))
    join('early', [pick(1)])
    await announce('early', [pick(1)])
    await node.sync.submitBlock(createFullBlock(scene, params, [parent, child]).block)
    expect(node.chain.tip.height).toBe(scene.tip.height + 1)
    join('late', [child])
    await announce('late', [child])
    expect(askedOf('late')).toEqual([])
  })
})

describe('a transaction of our own', () => {
  const LONGEST_MS = REANNOUNCE_INTERVAL_MS + REANNOUNCE_JITTER_MS

  it('is announced again and again until it is mined, however many have asked for it', async () => {
    const [own, strange] = [pick(0), pick(1)]
    await node.sync.submitTransaction(own)
    await node.mempool.accept(strange)
    await node.clock.advance(1_000)
    expect(announced()).toEqual([own, strange].map(wtxidOf))
    await node.sync.serveData({ kind: 'tx', hash: computeWtxid(own) })
    for (let round = 2; round <= 4; round++) {
      await node.clock.advance(LONGEST_MS)
      const times = announced().filter((id) => id === wtxidOf(own)).length
      expect(times).toBeGreaterThanOrEqual(round)
    }
    expect(announced().filter((id) => id === wtxidOf(strange))).toHaveLength(1)
    const next = createFullBlock(scene, params, [own])
    await node.sync.submitBlock(next.block)
    const before = announced().length
    await node.clock.advance(3 * LONGEST_MS)
    expect(announced().slice(before)).not.toContain(wtxidOf(own))
  })

  it('is not announced again before the shortest pause is over', async () => {
    await node.sync.submitTransaction(pick(0))
    await node.clock.advance(REANNOUNCE_INTERVAL_MS - 10_000)
    expect(announced()).toEqual([wtxidOf(pick(0))])
  })

  it('is unbroadcast until a peer asks for it, by whichever id, or it goes', async () => {
    const [one, two, three] = [pick(0), pick(1), pick(2)]
    for (const tx of [one, two, three]) await node.sync.submitTransaction(tx)
    await node.mempool.accept(pick(3))
    expect([...node.sync.unbroadcast]).toEqual([one, two, three].map(txidOf))
    expect(await node.sync.serveData({ kind: 'tx', hash: computeWtxid(one) })).toBeDefined()
    expect(await node.sync.serveData({ kind: 'txid', hash: computeTxid(two) })).toBeDefined()
    expect([...node.sync.unbroadcast]).toEqual([txidOf(three)])
    const rival = spendOpen(
      [{ tx: scene.tip.block.transactions[1] as Transaction, vout: 2 }],
      FEE,
      1,
      [createBallast(20)],
    )
    const next = createFullBlock(scene, params, [rival])
    await node.sync.submitBlock(next.block)
    expect(isWaiting(three)).toBe(false)
    expect(node.sync.unbroadcast.size).toBe(0)
    await node.sync.submitTransaction(pick(4))
    expect(node.sync.unbroadcast.size).toBe(1)
    await node.sync.submitBlock(createBlock(next, params, { transactions: [pick(4)] }).block)
    expect(node.sync.unbroadcast.size).toBe(0)
  })

  it('that waits already is announced once more, and is not unbroadcast', async () => {
    await node.mempool.accept(pick(0))
    await node.clock.advance(1_000)
    await node.sync.submitTransaction(pick(0))
    await node.clock.advance(1_000)
    expect(announced()).toEqual([wtxidOf(pick(0)), wtxidOf(pick(0))])
    expect(node.sync.unbroadcast.size).toBe(0)
  })
})
