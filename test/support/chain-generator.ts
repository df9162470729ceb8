/** @module Makes valid blocks at regtest's difficulty, and lets a test change one thing in one of them. */

import {
  type ConsensusParams,
  computeBlockMerkleRoot,
  computeSubsidy,
  computeWitnessCommitment,
  computeWitnessMerkleRoot,
  createCommitmentScript,
  decodeBits,
  hashToNumber,
} from '../../src/consensus/index.ts'
import {
  type Block,
  type BlockHash,
  type BlockHeader,
  computeBlockHash,
  hasWitness,
  NULL_VOUT,
  SEQUENCE_FINAL,
  type Transaction,
  type Txid,
  ZERO_HASH,
} from '../../src/primitives/index.ts'
import { pushData, pushNumber } from '../../src/script/index.ts'
import { concatBytes } from '../../src/util/index.ts'

/** Anyone can spend it: handy where a test is not about signatures. */
export const OP_TRUE_SCRIPT = Uint8Array.of(0x51)

/** A block with its place. */
export interface PlacedBlock {
  readonly block: Block
  readonly hash: BlockHash
  readonly height: number
}

/** What a test may choose about a block. */
export interface BlockWishes {
  readonly transactions?: readonly Transaction[]
  /** Satoshis of the transactions' fees, claimed by the coinbase. */
  readonly fees?: bigint
  readonly time?: number
  readonly bits?: number
  readonly version?: number
  /** Makes siblings differ. */
  readonly salt?: number
  readonly payoutScript?: Uint8Array
  /** Changes the coinbase before the merkle root is taken. */
  readonly changeCoinbase?: (coinbase: Transaction) => Transaction
  /** Changes the header before the work is done. */
  readonly changeHeader?: (header: BlockHeader) => BlockHeader
  /** Changes the finished block; its work is then done again unless told otherwise. */
  readonly changeBlock?: (block: Block) => Block
}

/** The genesis block of a chain, as a parent to build on. */
export function placeGenesis(params: ConsensusParams): PlacedBlock {
  return { block: params.genesis, hash: params.genesisHash, height: 0 }
}

/** Finds a nonce. Only for targets that are met within a few tries. */
export function solveHeader(header: BlockHeader): BlockHeader {
  const { target } = decodeBits(header.bits)
  for (let nonce = 0; nonce < 1_000_000; nonce++) {
    const candidate = { ...header, nonce }
    if (hashToNumber(computeBlockHash(candidate)) <= target) return candidate
  }
  throw new RangeError('the target is too hard for a test')
}

function createCoinbase(
  height: number,
  params: ConsensusParams,
  wishes: BlockWishes,
  others: readonly Transaction[],
): Transaction {
  const outputs = [
    {
      value: computeSubsidy(height, params) + (wishes.fees ?? 0n),
      scriptPubKey: wishes.payoutScript ?? OP_TRUE_SCRIPT,
    },
  ]
  const needsCommitment = others.some(hasWitness)
  const coinbase: Transaction = {
    version: 2,
    inputs: [
      {
        prevout: { txid: ZERO_HASH as Txid, vout: NULL_VOUT },
        scriptSig: concatBytes(
          pushNumber(height),
          pushData(Uint8Array.of(wishes.salt ?? 0, 0, 0, 0)),
        ),
        sequence: SEQUENCE_FINAL,
        witness: needsCommitment ? [ZERO_HASH] : [],
      },
    ],
    outputs,
    lockTime: 0,
  }
  if (!needsCommitment) return coinbase
  const root = computeWitnessMerkleRoot([coinbase, ...others])
  const scriptPubKey = createCommitmentScript(computeWitnessCommitment(root, ZERO_HASH))
  return { ...coinbase, outputs: [...outputs, { value: 0n, scriptPubKey }] }
}

/** Makes the next block on a parent. */
export function createBlock(
  parent: PlacedBlock,
  params: ConsensusParams,
  wishes: BlockWishes = {},
): PlacedBlock {
  const height = parent.height + 1
  const others = wishes.transactions ?? []
  const plain = createCoinbase(height, params, wishes, others)
  const coinbase = wishes.changeCoinbase?.(plain) ?? plain
  const transactions = [coinbase, ...others]
  const header: BlockHeader = {
    version: wishes.version ?? 0x2000_0000,
    prevBlockHash: parent.hash,
    merkleRoot: computeBlockMerkleRoot(transactions).root,
    time: wishes.time ?? parent.block.header.time + 1,
    bits: wishes.bits ?? parent.block.header.bits,
    nonce: 0,
  }
  const solved = solveHeader(wishes.changeHeader?.(header) ?? header)
  const made: Block = { header: solved, transactions }
  const block = wishes.changeBlock?.(made) ?? made
  return { block, hash: computeBlockHash(block.header), height }
}

/** Puts a block's merkle root right and does its work again. */
export function resolveMerkleRoot(block: Block): Block {
  const { root } = computeBlockMerkleRoot(block.transactions)
  return { ...block, header: solveHeader({ ...block.header, merkleRoot: root }) }
}

/** Makes a run of blocks. */
export function createBlocks(
  parent: PlacedBlock,
  params: ConsensusParams,
  count: number,
  wishes: BlockWishes = {},
): readonly PlacedBlock[] {
  const blocks: PlacedBlock[] = []
  let last = parent
  for (let i = 0; i < count; i++) {
    last = createBlock(last, params, wishes)
    blocks.push(last)
  }
  return blocks
}
