import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BlockEntry, Chain, ChainOptions } from '../../src/chain/index.ts'
import { ConsensusError, createConsensusParams, REGTEST_SPEC } from '../../src/consensus/index.ts'
import {
  computeTxid,
  type OutPoint,
  outPointKey,
  SEQUENCE_FINAL,
  type Transaction,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import type { ChainDatabases } from '../../src/store/index.ts'
import {
  createBlock,
  createBlocks,
  OP_TRUE_SCRIPT,
  type PlacedBlock,
  placeGenesis,
} from '../support/chain-generator.ts'
import {
  createFixedClock,
  createMemoryDatabases,
  dumpState,
  openMemoryChain,
} from '../support/memory-chain.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)
const OP_RETURN_SCRIPT = Uint8Array.of(0x6a)
const FEE = 1_000n
const INDEXED = { hasTxIndex: true }

/** An output that anyone can spend. */
interface Spendable {
  readonly outPoint: OutPoint
  readonly value: bigint
}

type SpendableSet = ReadonlyMap<string, Spendable>

/** A block, and what the test knows of the branch that ends in it. */
interface TreeNode {
  readonly placed: PlacedBlock
  readonly parent: TreeNode | undefined
  /** Whether this block and all before it keep the rules. */
  readonly isValid: boolean
  readonly spendable: SpendableSet
}

/** How a block is made. Numbers choose among what there is, by remainder. */
interface BlockPlan {
  readonly parent: number
  readonly spends: readonly { readonly pick: number; readonly outputCount: number }[]
  readonly isBad: boolean
}

const blockPlan: fc.Arbitrary<BlockPlan> = fc.record({
  parent: fc.nat(4),
  spends: fc.array(fc.record({ pick: fc.nat(50), outputCount: fc.integer({ min: 1, max: 3 }) }), {
    maxLength: 4,
  }),
  isBad: fc.nat(7).map((value) => value === 0),
})

const treePlan = fc.array(blockPlan, { minLength: 4, maxLength: 16 })

/** Orders by random keys. */
const arrivalKeys = fc.array(fc.nat(1_000), { minLength: 16, maxLength: 16 })

/** What happens between two arrivals. */
interface Intervention {
  readonly after: number
  readonly kind: 'invalidate' | 'reconsider' | 'precious' | 'restart'
  readonly target: number
}

const intervention: fc.Arbitrary<Intervention> = fc.record({
  after: fc.nat(16),
  kind: fc.constantFrom('invalidate', 'reconsider', 'precious', 'restart'),
  target: fc.nat(16),
})

function spend(from: Spendable, outputCount: number): Transaction {
  const share = (from.value - FEE) / BigInt(outputCount)
  const outputs = Array.from({ length: outputCount }, () => ({
    value: share,
    scriptPubKey: OP_TRUE_SCRIPT,
  }))
  return {
    version: 2,
    inputs: [
      {
        prevout: from.outPoint,
        scriptSig: new Uint8Array(0),
        sequence: SEQUENCE_FINAL,
        witness: [],
      },
    ],
    outputs: [...outputs, { value: 0n, scriptPubKey: OP_RETURN_SCRIPT }],
    lockTime: 0,
  }
}

/** Takes a transaction's effect over into a set. */
function apply(tx: Transaction, spendable: Map<string, Spendable>): void {
  const txid = computeTxid(tx)
  for (const { prevout } of tx.inputs) spendable.delete(outPointKey(prevout))
  for (const [vout, { value, scriptPubKey }] of tx.outputs.entries()) {
    if (scriptPubKey === OP_RETURN_SCRIPT) continue
    const outPoint = { txid, vout }
    spendable.set(outPointKey(outPoint), { outPoint, value })
  }
}

function sumOf(values: Iterable<{ readonly value: bigint }>): bigint {
  let sum = 0n
  for (const { value } of values) sum += value
  return sum
}

function makeNode(parent: TreeNode, plan: BlockPlan, salt: number): TreeNode {
  const spendable = new Map(parent.spendable)
  const transactions: Transaction[] = []
  for (const { pick, outputCount } of plan.spends) {
    // Outputs of this very block come last, and are picked too.
    const choices = [...spendable.values()].filter(({ value }) => value > 10n * FEE)
    const from = choices[pick % Math.max(choices.length, 1)]
    if (from === undefined) continue
    const tx = spend(from, outputCount)
    transactions.push(tx)
    apply(tx, spendable)
  }
  const fees = sumOf(parent.spendable.values()) - sumOf(spendable.values())
  const placed = createBlock(parent.placed, params, {
    transactions,
    salt,
    fees: plan.isBad ? fees + 1n : fees,
  })
  const [coinbase] = placed.block.transactions
  if (coinbase !== undefined) apply(coinbase, spendable)
  return { placed, parent, isValid: parent.isValid && !plan.isBad, spendable }
}

const ROOT: TreeNode = {
  placed: genesis,
  parent: undefined,
  isValid: true,
  spendable: new Map(),
}

/** Makes the blocks of a plan, parents first. Branches are long rather than many. */
function makeTree(plans: readonly BlockPlan[]): readonly TreeNode[] {
  const nodes = [ROOT]
  for (const [i, plan] of plans.entries()) {
    const parent = nodes[nodes.length - 1 - (plan.parent % nodes.length)] ?? ROOT
    nodes.push(makeNode(parent, plan, i + 1))
  }
  return nodes.slice(1)
}

function shuffle(nodes: readonly TreeNode[], keys: readonly number[]): readonly TreeNode[] {
  return nodes
    .map((node, i) => ({ node, key: keys[i] ?? 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ node }) => node)
}

function hexOf(node: TreeNode): string {
  return toDisplayHex(node.placed.hash)
}

/** Whether a header or block is refused because of what it builds on, known to be invalid or not taken. */
function isParentsFault(error: unknown): boolean {
  if (!(error instanceof ConsensusError)) return false
  return error.code === 'bad-prevblk' || error.code === 'prev-blk-not-found'
}

/** Hands in a block; that it builds on a block known to be invalid is no fault of the test. */
async function offer(chain: Chain, node: TreeNode): Promise<void> {
  try {
    await chain.acceptBlock(node.placed.block)
  } catch (error) {
    if (!isParentsFault(error)) throw error
  }
}

/** Tells a chain of headers, as a peer does after a restart; those below a failed block it does not take. */
function tellHeaders(chain: Chain, nodes: readonly TreeNode[]): void {
  for (const { placed } of nodes) {
    try {
      chain.acceptHeader(placed.block.header)
    } catch (error) {
      if (!isParentsFault(error)) throw error
    }
  }
}

/** The node that is the tip. */
function tipNode(chain: Chain, nodes: readonly TreeNode[]): TreeNode {
  return nodes.find((node) => hexOf(node) === chain.tip.hashHex) ?? ROOT
}

/** From the first block after genesis to a node. */
function branchTo(node: TreeNode): readonly TreeNode[] {
  const branch: TreeNode[] = []
  for (let next: TreeNode | undefined = node; next?.parent !== undefined; next = next.parent) {
    branch.push(next)
  }
  return branch.reverse()
}

/** Compares with a chain that saw the active branch alone, and with what the test itself reckons. */
async function expectStateOfActiveBranch(
  chain: Chain,
  databases: ChainDatabases,
  nodes: readonly TreeNode[],
): Promise<void> {
  const tip = tipNode(chain, nodes)
  expect(hexOf(tip)).toBe(chain.tip.hashHex)
  expect(tip.isValid).toBe(true)
  const straight = createMemoryDatabases()
  const fresh = await openMemoryChain(params, clock, straight, INDEXED)
  for (const { placed } of branchTo(tip)) await fresh.acceptBlock(placed.block)
  expect(fresh.tip.hashHex).toBe(chain.tip.hashHex)
  expect(await dumpState(chain, databases)).toEqual(await dumpState(fresh, straight))
  const everSpendable = new Map(nodes.flatMap((node) => [...node.spendable]))
  const outPoints = [...everSpendable.values()].map(({ outPoint }) => outPoint)
  const coins = await chain.readCoins(outPoints)
  const unspent = outPoints.filter((_, i) => coins[i] !== undefined).map(outPointKey)
  expect(unspent.sort()).toEqual([...tip.spendable.keys()].sort())
  expect(await indexedPlaces(chain, nodes)).toEqual(placesOn(branchTo(tip)))
}

/** Each transaction of a branch, and the block that it is in. */
function placesOn(branch: readonly TreeNode[]): ReadonlyMap<string, string> {
  return new Map(
    branch.flatMap((node) =>
      node.placed.block.transactions.map((tx) => [toDisplayHex(computeTxid(tx)), hexOf(node)]),
    ),
  )
}

/** What the index says of all transactions of all branches. */
async function indexedPlaces(
  chain: Chain,
  nodes: readonly TreeNode[],
): Promise<ReadonlyMap<string, string>> {
  const places = new Map<string, string>()
  const txids = nodes.flatMap(({ placed }) => placed.block.transactions.map(computeTxid))
  for (const txid of [...txids, computeTxid(genesis.block.transactions[0] as Transaction)]) {
    const blockHash = await chain.txIndex?.find(txid)
    if (blockHash !== undefined) places.set(toDisplayHex(txid), toDisplayHex(blockHash))
  }
  return places
}

describe('a tree of blocks in any order', () => {
  it('ends in the coins and the index of its best branch', async () => {
    let reorgCount = 0
    await fc.assert(
      fc.asyncProperty(treePlan, arrivalKeys, async (plans, keys) => {
        const nodes = makeTree(plans)
        const databases = createMemoryDatabases()
        const chain = await openMemoryChain(params, clock, databases, INDEXED)
        chain.acceptHeaders(nodes.map(({ placed }) => placed.block.header))
        for (const node of shuffle(nodes, keys)) await offer(chain, node)
        const best = Math.max(0, ...nodes.filter((n) => n.isValid).map((n) => n.placed.height))
        expect(chain.tip.height).toBe(best)
        await expectStateOfActiveBranch(chain, databases, nodes)
        reorgCount += chain.reorgCount
      }),
      { numRuns: 60 },
    )
    // Otherwise the trees would be too thin to prove anything.
    expect(reorgCount).toBeGreaterThan(20)
  })

  it('ends in the coins and the index of its active branch, whatever the operator does meanwhile', async () => {
    const interventions = fc.array(intervention, { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(treePlan, arrivalKeys, interventions, async (plans, keys, wishes) => {
        const nodes = makeTree(plans)
        const databases = createMemoryDatabases()
        let chain = await openMemoryChain(params, clock, databases, INDEXED)
        chain.acceptHeaders(nodes.map(({ placed }) => placed.block.header))
        for (const [i, node] of shuffle(nodes, keys).entries()) {
          await offer(chain, node)
          for (const wish of wishes) {
            if (wish.after % nodes.length === i) {
              chain = await intervene(chain, databases, nodes, wish)
            }
          }
        }
        if (chain.txIndex === undefined) {
          chain = await reopen(databases, nodes, INDEXED)
        }
        await expectStateOfActiveBranch(chain, databases, nodes)
        expectNothingBetter(chain, nodes)
        for (const node of nodes) {
          tellHeaders(chain, [node])
          const entry = chain.getEntry(hexOf(node))
          if (entry !== undefined) await chain.reconsiderBlock(entry)
        }
        for (const node of nodes) await offer(chain, node)
        const best = Math.max(0, ...nodes.filter((n) => n.isValid).map((n) => n.placed.height))
        expect(chain.tip.height).toBe(best)
        await expectStateOfActiveBranch(chain, databases, nodes)
      }),
      { numRuns: 60 },
    )
  })
})

/** As after a kill: nothing is closed, the databases are simply opened again. */
async function reopen(
  databases: ChainDatabases,
  nodes: readonly TreeNode[],
  options: ChainOptions,
): Promise<Chain> {
  const again = await openMemoryChain(params, clock, databases, options)
  tellHeaders(again, nodes)
  return again
}

async function intervene(
  chain: Chain,
  databases: ChainDatabases,
  nodes: readonly TreeNode[],
  { kind, target }: Intervention,
): Promise<Chain> {
  if (kind === 'restart') return reopen(databases, nodes, { hasTxIndex: target % 2 === 0 })
  const node = nodes[target % nodes.length]
  const entry = node && chain.getEntry(hexOf(node))
  if (entry === undefined) return chain
  if (kind === 'invalidate') await chain.invalidateBlock(entry)
  else if (kind === 'reconsider') await chain.reconsiderBlock(entry)
  else await chain.preciousBlock(entry)
  return chain
}

/** No branch that could be connected has more work, and failures reach all descendants. */
function expectNothingBetter(chain: Chain, nodes: readonly TreeNode[]): void {
  expect(chain.tip.isFailed).toBe(false)
  for (const node of nodes) {
    const entry = chain.getEntry(hexOf(node))
    // Below a failed block a header is not taken again after a restart.
    if (entry === undefined) continue
    if (entry.prev?.isFailed === true) expect(entry.isFailed).toBe(true)
    if (entry.isFailed || !entry.hasChainOfBodies) continue
    expect(entry.chainWork <= chain.tip.chainWork).toBe(true)
  }
}

const DEEP = 300

describe(`a reorganisation of ${DEEP} blocks`, () => {
  /** Every block spends the coinbase before it, so that each step has something to undo. */
  function growSpending(parent: TreeNode, count: number, salt: number): readonly TreeNode[] {
    const nodes: TreeNode[] = []
    let last = parent
    for (let i = 0; i < count; i++) {
      last = makeNode(
        last,
        { parent: 0, spends: [{ pick: i, outputCount: 1 }], isBad: false },
        salt,
      )
      // Only the newest outputs are kept in the test's own set, so that it does not grow with the chain.
      last = { ...last, spendable: new Map([...last.spendable].slice(-2)) }
      nodes.push(last)
    }
    return nodes
  }

  it('goes there and back, and nothing is left of it', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    const home = growSpending(ROOT, DEEP, 1)
    const away = createBlocks(genesis, params, DEEP + 1, { salt: 2 })
    for (const { placed } of home) await chain.acceptBlock(placed.block)
    const before = await dumpState(chain, databases)
    const depths: number[] = []
    chain.events.on('tipChanged', ({ depth }) => depths.push(depth))
    chain.acceptHeaders(away.map(({ block }) => block.header))
    // Backwards: the whole branch becomes connectable with its first block.
    for (const { block } of [...away].reverse()) await chain.acceptBlock(block)
    expect(chain.tip.height).toBe(DEEP + 1)
    expect(await dumpState(chain, databases)).not.toEqual(before)
    const [first] = away
    if (first === undefined) throw new RangeError('no branch')
    const elsewhere = chain.getEntry(toDisplayHex(first.hash)) as BlockEntry
    await chain.invalidateBlock(elsewhere)
    expect(await dumpState(chain, databases)).toEqual(before)
    await chain.reconsiderBlock(elsewhere)
    expect(chain.tip.height).toBe(DEEP + 1)
    const more = growSpending(home.at(-1) ?? ROOT, 2, 1)
    for (const { placed } of more) await chain.acceptBlock(placed.block)
    expect(chain.tip.height).toBe(DEEP + 2)
    expect(depths).toEqual([DEEP, DEEP + 1, DEEP, DEEP + 1])
    const straight = createMemoryDatabases()
    const fresh = await openMemoryChain(params, clock, straight)
    for (const { placed } of [...home, ...more]) await fresh.acceptBlock(placed.block)
    expect(await dumpState(chain, databases)).toEqual(await dumpState(fresh, straight))
    expect(chain.reorgCount).toBe(4)
  }, 60_000)
})
