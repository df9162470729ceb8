/** @module Coinbases with room for extra nonces, and whole blocks from solved work. */

import { computeRootFromBranch, targetToBytes } from '../consensus/index.ts'
import {
  type Block,
  decodeTransaction,
  encodeTransactionWithoutWitness,
  NULL_VOUT,
  SEQUENCE_FINAL,
  sha256d,
  type Transaction,
  type Txid,
  ZERO_HASH,
} from '../primitives/index.ts'
import { pushData, pushNumber } from '../script/index.ts'
import { assertInvariant, concatBytes, equalBytes, InvariantError } from '../util/index.ts'
import { type BlockTemplate, WITNESS_RESERVED_VALUE } from './block-template.ts'
import { type Payout, splitReward } from './payout.ts'
import type { SolvedWork, WorkUnit } from './work-unit.ts'

/** How many bytes of a coinbase's extra nonce are whose. */
export interface ExtraNonceLayout {
  /** Bytes that tell nodes apart. */
  readonly nodeSize: number
  /** Bytes that tell workers or sessions of one node apart. */
  readonly sessionSize: number
  /** Bytes that change while hashing. */
  readonly rolledSize: number
}

/** The layout of the local miner. */
export const MINER_EXTRA_NONCE: ExtraNonceLayout = { nodeSize: 4, sessionSize: 4, rolledSize: 4 }

function sumOf({ nodeSize, sessionSize, rolledSize }: ExtraNonceLayout): number {
  return nodeSize + sessionSize + rolledSize
}

/** Characters of the readable tag: with height and extra nonce they stay well below a script's 100 bytes. */
export const MAX_TAG_LENGTH = 40
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/** A coinbase cut in two: the extra nonce stands between. Without witness, as txids are hashed. */
export interface CoinbaseParts {
  readonly prefix: Uint8Array
  readonly suffix: Uint8Array
}

/** The coinbase's input script: height, as BIP-0034 wants it, readable tag, room for the extra nonce. */
function createCoinbaseScript(height: number, tag: string, extraNonceSize: number): Uint8Array {
  assertInvariant(
    tag.length <= MAX_TAG_LENGTH && PRINTABLE_ASCII.test(tag),
    `a coinbase's tag is at most ${MAX_TAG_LENGTH} printable characters`,
  )
  const tagBytes = Uint8Array.from(tag, (char) => char.charCodeAt(0))
  return concatBytes(
    pushNumber(height),
    pushData(tagBytes),
    pushData(new Uint8Array(extraNonceSize).fill(0xff)),
  )
}

/**
 * Builds the coinbase for a template.
 *
 * @param payouts - Who gets subsidy and fees; see {@link splitReward}.
 * @param tag - Readable ASCII that tells who mined the block; at most {@link MAX_TAG_LENGTH} characters.
 * @param extraNonceSize - Bytes of the gap between the parts, 2 to 40.
 */
export function createCoinbaseParts(
  template: BlockTemplate,
  payouts: readonly Payout[],
  tag: string,
  extraNonceSize = sumOf(MINER_EXTRA_NONCE),
): CoinbaseParts {
  const scriptSig = createCoinbaseScript(template.height, tag, extraNonceSize)
  const { commitmentScript } = template
  const bytes = encodeTransactionWithoutWitness({
    version: 2,
    inputs: [
      {
        prevout: { txid: ZERO_HASH as Txid, vout: NULL_VOUT },
        scriptSig,
        sequence: SEQUENCE_FINAL,
        witness: [],
      },
    ],
    outputs: [
      ...splitReward(template.coinbaseValue, payouts),
      ...(commitmentScript === undefined ? [] : [{ value: 0n, scriptPubKey: commitmentScript }]),
    ],
    lockTime: 0,
  })
  // Version, input count and outpoint, then the script's size: the script is shorter than 100 bytes.
  const scriptStart = 4 + 1 + 36 + 1
  const at = scriptStart + scriptSig.length - extraNonceSize
  return { prefix: bytes.slice(0, at), suffix: bytes.slice(at + extraNonceSize) }
}

/** What tells one unit of a template from another. */
export interface UnitWishes {
  readonly id: number
  /** Higher runs first. */
  readonly priority: number
  /** Who gets subsidy and fees. */
  readonly payouts: readonly Payout[]
  /** Readable text in the coinbase. */
  readonly tag: string
  /** Bytes that no other unit of the same time has: the node's, then the session's. */
  readonly extraNonce1: Uint8Array
  /** {@link MINER_EXTRA_NONCE} unless told otherwise. */
  readonly layout?: ExtraNonceLayout
}

/** A part of a template's search space. */
export function createWorkUnit(template: BlockTemplate, wishes: UnitWishes): WorkUnit {
  const { id, priority, payouts, tag, extraNonce1, layout = MINER_EXTRA_NONCE } = wishes
  const { nodeSize, sessionSize, rolledSize } = layout
  assertInvariant(
    extraNonce1.length === nodeSize + sessionSize,
    'the fixed part of the extra nonce is as long as its layout says',
  )
  const { prefix, suffix } = createCoinbaseParts(template, payouts, tag, sumOf(layout))
  const target = targetToBytes(template.target)
  return {
    id,
    priority,
    coinbasePrefix: prefix,
    coinbaseSuffix: suffix,
    extraNonce1,
    extraNonce2Size: rolledSize,
    merkleBranch: template.merkleBranch,
    prevBlockHash: template.prevBlockHash,
    version: template.version,
    versionMask: 0,
    bits: template.bits,
    timeMin: template.time,
    timeMax: template.time,
    shareTarget: target,
    blockTarget: target,
  }
}

/** The parts of a unit that a header is made from, beside what is rolled. */
export type HeaderParts = Pick<
  WorkUnit,
  'coinbasePrefix' | 'coinbaseSuffix' | 'extraNonce1' | 'merkleBranch' | 'prevBlockHash' | 'bits'
>

/** The merkle root that a unit's header carries for one value of the rolled extra nonce. */
export function computeWorkMerkleRoot(unit: HeaderParts, extraNonce2: Uint8Array): Uint8Array {
  const coinbase = concatBytes(
    unit.coinbasePrefix,
    unit.extraNonce1,
    extraNonce2,
    unit.coinbaseSuffix,
  )
  return computeRootFromBranch(sha256d(coinbase), unit.merkleBranch)
}

/** The whole block that a solution stands for. */
export function assembleBlock(
  template: BlockTemplate,
  unit: HeaderParts,
  solved: Omit<SolvedWork, 'unitId'>,
): Block {
  const bare = decodeTransaction(
    concatBytes(unit.coinbasePrefix, unit.extraNonce1, solved.extraNonce2, unit.coinbaseSuffix),
  )
  const [input] = bare.inputs
  if (input === undefined) throw new InvariantError('a coinbase has one input')
  const hasSegwit = template.commitmentScript !== undefined
  const coinbase: Transaction = {
    ...bare,
    inputs: [{ ...input, witness: hasSegwit ? [WITNESS_RESERVED_VALUE] : [] }],
  }
  const merkleRoot = computeWorkMerkleRoot(unit, solved.extraNonce2)
  if (!equalBytes(unit.prevBlockHash, template.prevBlockHash)) {
    throw new InvariantError('work is assembled with the template of another block')
  }
  return {
    header: {
      version: solved.version,
      prevBlockHash: template.prevBlockHash,
      merkleRoot,
      time: solved.time,
      bits: unit.bits,
      nonce: solved.nonce,
    },
    transactions: [coinbase, ...template.transactions.map(({ tx }) => tx)],
  }
}

/**
 * A block for a template that only lacks its proof of work.
 *
 * @param extraNonce - Makes the coinbase differ from any other: 8 bytes.
 */
export function createCandidate(
  template: BlockTemplate,
  payouts: readonly Payout[],
  tag: string,
  extraNonce: Uint8Array,
): Block {
  const { nodeSize, sessionSize, rolledSize } = MINER_EXTRA_NONCE
  const unit = createWorkUnit(template, {
    id: 0,
    priority: 0,
    payouts,
    tag,
    extraNonce1: extraNonce.slice(0, nodeSize + sessionSize),
  })
  const extraNonce2 = new Uint8Array(rolledSize)
  const { time, version } = template
  return assembleBlock(template, unit, { extraNonce2, time, version, nonce: 0 })
}
