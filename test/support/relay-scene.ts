/** @module A chain with coins that anyone can spend, and blocks that spend them. */

import type { ConsensusParams } from '../../src/consensus/index.ts'
import type { Block, Transaction } from '../../src/primitives/index.ts'
import {
  type CompactBlock,
  createCompactBlock,
  encodeCompactBlock,
} from '../../src/sync/compact-block.ts'
import type { GossipBlock } from '../../src/sync/index.ts'
import { createBlock, createBlocks, type PlacedBlock, placeGenesis } from './chain-generator.ts'
import { createBallast, spendOpen } from './open-spends.ts'

const MATURITY_BLOCKS = 100
const FEE = 1_000n
/** Makes transactions as large as most are. */
const BALLAST_BYTES = 400

/** A chain whose last block confirms many open outputs, and a transaction for each. */
export interface RelayScene {
  readonly blocks: readonly PlacedBlock[]
  readonly tip: PlacedBlock
  /** Spends of confirmed outputs, none of which spends another. */
  readonly transactions: readonly Transaction[]
}

/** Makes such a chain. */
export function createRelayScene(params: ConsensusParams, count: number): RelayScene {
  const old = createBlocks(placeGenesis(params), params, MATURITY_BLOCKS + 1)
  const [first] = old
  const last = old.at(-1)
  const coinbase = first?.block.transactions[0]
  if (coinbase === undefined || last === undefined) throw new RangeError('no blocks')
  const fanOut = spendOpen([{ tx: coinbase, vout: 0 }], FEE, count)
  const tip = createBlock(last, params, { transactions: [fanOut], fees: FEE })
  const transactions = Array.from({ length: count }, (_, vout) =>
    spendOpen([{ tx: fanOut, vout }], FEE, 1, [createBallast(BALLAST_BYTES)]),
  )
  return { blocks: [...old, tip], tip, transactions }
}

/** The next block, with all these transactions. */
export function createFullBlock(
  { tip }: RelayScene,
  params: ConsensusParams,
  transactions: readonly Transaction[],
  salt = 0,
): PlacedBlock {
  const fees = FEE * BigInt(transactions.length)
  return createBlock(tip, params, { transactions, fees, salt })
}

/** A block's compact form as it is gossiped, with one thing changed if wished. */
export function toCompactMessage(
  block: Block,
  change: (compact: CompactBlock) => CompactBlock = (compact) => compact,
): GossipBlock {
  const compact = createCompactBlock(block, new Uint8Array(8).fill(1), () => true)
  return { form: 'compact', bytes: encodeCompactBlock(change(compact)) }
}
