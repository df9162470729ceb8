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
import { concatBytes, equalBytes, InvariantError } from '../util/index.ts'
import { type BlockTemplate, WITNESS_RESERVED_VALUE } from './block-template.ts'
import type { SolvedWork, WorkUnit } from './work-unit.ts'

/** Bytes of extra nonce: 4 for the node, 4 for the worker or session, 4 that are rolled. */
export const EXTRA_NONCE_SIZE = 12
/** Bytes of the extra nonce that whoever hashes rolls. */
export const EXTRA_NONCE_2_SIZE = 4

/** Where the extra nonce goes while the coinbase is put together. Longer than any real one. */
const PLACEHOLDER = new Uint8Array(EXTRA_NONCE_SIZE).fill(0xff)

/** A coinbase cut in two: the extra nonce stands between. Without witness, as txids are hashed. */
export interface CoinbaseParts {
  readonly prefix: Uint8Array
  readonly suffix: Uint8Array
}

/**
 * Builds the coinbase for a template.
 *
 * @param payoutScript - Gets subsidy and fees.
 * @param tag - Readable ASCII that tells who mined the block; at most 40 characters.
 */
export function createCoinbaseParts(
  template: BlockTemplate,
  payoutScript: Uint8Array,
  tag: string,
): CoinbaseParts {
  const tagBytes = Uint8Array.from(tag, (char) => char.charCodeAt(0) & 0x7f)
  const scriptSig = concatBytes(
    pushNumber(template.height),
    pushData(tagBytes),
    pushData(PLACEHOLDER),
  )
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
      { value: template.coinbaseValue, scriptPubKey: payoutScript },
      { value: 0n, scriptPubKey: template.commitmentScript },
    ],
    lockTime: 0,
  })
  // Version, input count and outpoint, then the script's size: the script is shorter than 100 bytes.
  const scriptStart = 4 + 1 + 36 + 1
  const at = scriptStart + scriptSig.length - EXTRA_NONCE_SIZE
  return { prefix: bytes.slice(0, at), suffix: bytes.slice(at + EXTRA_NONCE_SIZE) }
}

/** What tells one unit of a template from another. */
export interface UnitWishes {
  readonly id: number
  /** Higher runs first. */
  readonly priority: number
  readonly payoutScript: Uint8Array
  /** Readable text in the coinbase. */
  readonly tag: string
  /** 8 bytes that no other unit of the same time has: the node's, then the worker's. */
  readonly extraNonce1: Uint8Array
}

/** A part of a template's search space. */
export function createWorkUnit(template: BlockTemplate, wishes: UnitWishes): WorkUnit {
  const { id, priority, payoutScript, tag, extraNonce1 } = wishes
  const { prefix, suffix } = createCoinbaseParts(template, payoutScript, tag)
  const target = targetToBytes(template.target)
  return {
    id,
    priority,
    coinbasePrefix: prefix,
    coinbaseSuffix: suffix,
    extraNonce1,
    extraNonce2Size: EXTRA_NONCE_2_SIZE,
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

/** The merkle root that a unit's header carries for one value of the rolled extra nonce. */
export function computeWorkMerkleRoot(unit: WorkUnit, extraNonce2: Uint8Array): Uint8Array {
  const coinbase = concatBytes(
    unit.coinbasePrefix,
    unit.extraNonce1,
    extraNonce2,
    unit.coinbaseSuffix,
  )
  return computeRootFromBranch(sha256d(coinbase), unit.merkleBranch)
}

/** The whole block that a solution stands for. */
export function assembleBlock(template: BlockTemplate, unit: WorkUnit, solved: SolvedWork): Block {
  const bare = decodeTransaction(
    concatBytes(unit.coinbasePrefix, unit.extraNonce1, solved.extraNonce2, unit.coinbaseSuffix),
  )
  const [input] = bare.inputs
  if (input === undefined) throw new InvariantError('a coinbase has one input')
  const coinbase: Transaction = {
    ...bare,
    inputs: [{ ...input, witness: [WITNESS_RESERVED_VALUE] }],
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
