/** @module What a chain is after a power cut: the case of the suite in which unsynced writes are lost. */

import { Chain, type ChainStore, createInlineScriptChecker } from '../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../src/consensus/index.ts'
import { nobleSignatureEngine } from '../../src/script/index.ts'
import { type ChainDatabases, LevelChainStore } from '../../src/store/index.ts'
import { equalBytes } from '../../src/util/index.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../support/chain-generator.ts'
import { createFixedClock, silentLog } from '../support/fixed-clock.ts'
import { spendOpen } from '../support/open-spends.ts'
import { SyncRecorder } from '../support/sync-recorder.ts'
import type { StoreCase, StoreHarness } from './chain-store-suite.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const genesis = placeGenesis(params)
const START_SECONDS = genesis.block.header.time + 100_000
/** After so long the next block brings the tip to the disk. */
const FLUSH_SECONDS = 10

/** Each database for itself may lose what was not synced. */
const LOSSES: readonly (readonly (keyof ChainDatabases)[])[] = [
  ['blocks', 'state'],
  ['blocks'],
  ['state'],
]

async function openChain(databases: ChainDatabases) {
  const store = await LevelChainStore.open(databases, params.chainId)
  const storedTip = await store.readTip()
  const scriptChecker = createInlineScriptChecker(nobleSignatureEngine)
  const clock = createFixedClock(START_SECONDS)
  const chain = new Chain({ store, scriptChecker, clock, log: silentLog }, params)
  await chain.open()
  return { chain, store, storedTip, clock }
}

/** A trunk whose fourth block spends coins, and a branch of more work. */
function createTree(): { trunk: readonly PlacedBlock[]; branch: readonly PlacedBlock[] } {
  const trunk = createBlocks(genesis, params, 3)
  const [first, , third] = trunk as [PlacedBlock, PlacedBlock, PlacedBlock]
  const [tx] = first.block.transactions
  if (tx === undefined) throw new Error('a block without a coinbase')
  const transactions = [spendOpen([{ tx, vout: 0 }], 1_000n, 3)]
  const fourth = createBlock(third, params, { transactions })
  const fifth = createBlock(fourth, params)
  return {
    trunk: [...trunk, fourth, fifth],
    branch: createBlocks(first, params, 6, { salt: 1 }),
  }
}

function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what)
}

async function checkTip(chain: Chain, store: ChainStore): Promise<void> {
  for (let { tip: entry } = chain; entry.prev !== undefined; entry = entry.prev) {
    check((await store.readBody(entry.hash)) !== undefined, `no body at height ${entry.height}`)
    check((await store.readUndo(entry.hash)) !== undefined, `no undo at height ${entry.height}`)
  }
}

async function cutPower(
  harness: StoreHarness,
  losses: readonly (keyof ChainDatabases)[],
): Promise<void> {
  const before = await harness.open()
  const recorders = {
    blocks: new SyncRecorder(before.blocks),
    state: new SyncRecorder(before.state),
  }
  const { trunk, branch } = createTree()
  const { chain, clock } = await openChain(before)
  for (const { block, height } of trunk) {
    if (height === 4) clock.set(START_SECONDS + FLUSH_SECONDS)
    await chain.acceptBlock(block)
  }
  await recorders.state.cut()
  await recorders.blocks.cut()

  const left = await harness.open()
  await recorders.state.restore(left.state, losses.includes('state'))
  await recorders.blocks.restore(left.blocks, losses.includes('blocks'))
  const { chain: again, store, storedTip } = await openChain(left)
  const synced = trunk[3]?.hash ?? new Uint8Array(0)
  check(storedTip !== undefined && equalBytes(storedTip.hash, synced), 'the synced tip is lost')
  await checkTip(again, store)
  for (const { block } of [...trunk, ...branch]) await again.acceptBlock(block)
  check(again.tip.height === branch.at(-1)?.height, 'the chain does not go on')
  await again.close()
}

/** Kills do not show what was not synced: the system writes it later. */
export const POWER_CUT_CASE: StoreCase = {
  name: 'has the blocks and undo data of its tip after a power cut',
  async run(harness) {
    for (const losses of LOSSES) {
      await cutPower(harness, losses)
      const databases = await harness.open()
      for (const database of [databases.state, databases.blocks]) {
        await database.clear()
        await database.close()
      }
    }
    return undefined
  },
}
