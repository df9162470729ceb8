/** @module A pool's job as a miner gets it: read from `mining.notify`, and looked at before any hash is spent on it. */

import { bitsToHex, decodeBits } from '../consensus/index.ts'
import {
  type BlockHash,
  decodeTransactionWithoutWitness,
  type Hash256,
  isCoinbase,
  type Transaction,
} from '../primitives/index.ts'
import { concatBytes, DecodeError, decodeHex, equalBytes, isHex } from '../util/index.ts'
import { difficultyToTarget } from './difficulty.ts'

/** The longest merkle branch: enough for more transactions than a block holds. */
export const MAX_MERKLE_BRANCH = 32
/** The longest id of a job, in characters. */
const MAX_JOB_ID_LENGTH = 64
/** Bytes of extra nonce that a pool may keep, and give: the script that holds both has 100. */
export const MAX_EXTRA_NONCE_SIZE = 64
/** Sizes of the input script of a coinbase. @see Bitcoin Core `bad-cb-length` */
const MIN_SCRIPT_SIZE = 2
const MAX_SCRIPT_SIZE = 100
/** Version, input count and outpoint stand before the size of the script, which is one byte. */
const SCRIPT_START = 4 + 1 + 36 + 1
/** Greater numbers are times, not heights. @see Bitcoin Core `LOCKTIME_THRESHOLD` */
const MAX_HEIGHT = 499_999_999
const OP_1 = 0x51
const OP_16 = 0x60
const HEX_32 = /^[0-9a-fA-F]{8}$/
const HEX_256 = /^[0-9a-fA-F]{64}$/

/** What a pool has said before a job, and what this miner expects. */
export interface JobTerms {
  readonly extraNonce1: Uint8Array
  readonly extraNonce2Size: number
  readonly difficulty: number
  /** Who has to be paid by the coinbase; undefined for whom the pool likes. */
  readonly payoutScript: Uint8Array | undefined
}

/** A job, with the terms that were in force when it came: shares on it are judged by these. */
export interface PoolJob extends JobTerms {
  readonly id: string
  readonly height: number
  readonly prevBlockHash: BlockHash
  /** The coinbase without witness, on both sides of the extra nonces. */
  readonly coinbasePrefix: Uint8Array
  readonly coinbaseSuffix: Uint8Array
  readonly merkleBranch: readonly Hash256[]
  /** As in a header: a signed 32-bit integer. */
  readonly version: number
  readonly bits: number
  /** Block target. */
  readonly target: bigint
  readonly shareTarget: bigint
  /** Unix seconds. */
  readonly time: number
  /** Whether older jobs are of no use any more. */
  readonly isClean: boolean
  /** Whether the coinbase pays {@link JobTerms.payoutScript}; true if there is none. */
  readonly isPaid: boolean
}

/** A job is none, or makes no sense; the message says why. */
export class BadJobError extends Error {
  override readonly name = 'BadJobError'
  readonly code = 'bad-job'
}

function refuse(why: string): never {
  throw new BadJobError(why)
}

function readHex32(value: unknown, name: string): number {
  return typeof value === 'string' && HEX_32.test(value)
    ? Number.parseInt(value, 16)
    : refuse(`its ${name} is not eight hex digits`)
}

function readBytes(value: unknown, name: string): Uint8Array {
  return typeof value === 'string' && isHex(value)
    ? decodeHex(value)
    : refuse(`its ${name} is no hex`)
}

/** The order of `mining.notify`: the bytes of each group of four are reversed. */
function readPrevHash(value: unknown): BlockHash {
  if (typeof value !== 'string' || !HEX_256.test(value)) refuse('its previous block is no hash')
  const swapped = decodeHex(value)
  const hash = swapped.map((_, i) => swapped[i ^ 3] ?? 0)
  if (hash.every((byte) => byte === 0)) refuse('its previous block is all zeros')
  return hash as BlockHash
}

function readBranch(value: unknown): readonly Hash256[] {
  if (!Array.isArray(value) || value.length > MAX_MERKLE_BRANCH) {
    refuse(`its merkle branch is no list of at most ${MAX_MERKLE_BRANCH} hashes`)
  }
  return value.map((hash) =>
    typeof hash === 'string' && HEX_256.test(hash)
      ? (decodeHex(hash) as Hash256)
      : refuse('its merkle branch has what is no hash'),
  )
}

/** The height at the start of a coinbase's script. @see BIP-0034 */
function readHeight(script: Uint8Array): number {
  const [first = 0] = script
  if (first >= OP_1 && first <= OP_16) return first - OP_1 + 1
  const bytes = script.subarray(1, 1 + first)
  // Four bytes of data hold every height; a fifth is for none.
  if (first === 0 || first > 4 || bytes.length !== first) refuse('its coinbase has no height')
  const height = bytes.reduce((sum, byte, i) => sum + byte * 256 ** i, 0)
  return height <= MAX_HEIGHT ? height : refuse(`its height of ${height} is none`)
}

function readCoinbase(prefix: Uint8Array, suffix: Uint8Array, terms: JobTerms): Transaction {
  const gap = concatBytes(terms.extraNonce1, new Uint8Array(terms.extraNonce2Size))
  let coinbase: Transaction
  try {
    coinbase = decodeTransactionWithoutWitness(concatBytes(prefix, gap, suffix))
  } catch (error) {
    if (error instanceof DecodeError) refuse(`its coinbase is no transaction (${error.message})`)
    throw error
  }
  const script = coinbase.inputs[0]?.scriptSig ?? new Uint8Array(0)
  if (!isCoinbase(coinbase)) refuse('its coinbase spends a coin')
  if (script.length < MIN_SCRIPT_SIZE || script.length > MAX_SCRIPT_SIZE) {
    refuse(`its coinbase has an input script of ${script.length} bytes`)
  }
  const isGapInScript =
    prefix.length >= SCRIPT_START && prefix.length + gap.length <= SCRIPT_START + script.length
  if (!isGapInScript) refuse('its extra nonce is outside of the input script')
  return coinbase
}

/**
 * Reads the parameters of `mining.notify`.
 *
 * @throws {@link BadJobError} if a field is malformed, the coinbase is none, the height or the target makes no sense.
 */
export function readPoolJob(params: readonly unknown[], terms: JobTerms): PoolJob {
  const [id, prevHash, prefixHex, suffixHex, branch, versionHex, bitsHex, timeHex, isClean] = params
  if (typeof id !== 'string' || id === '' || id.length > MAX_JOB_ID_LENGTH) {
    refuse(`its id is no text of at most ${MAX_JOB_ID_LENGTH} characters`)
  }
  const prevBlockHash = readPrevHash(prevHash)
  const coinbasePrefix = readBytes(prefixHex, 'coinbase')
  const coinbaseSuffix = readBytes(suffixHex, 'coinbase')
  const merkleBranch = readBranch(branch)
  const version = readHex32(versionHex, 'version') | 0
  const bits = readHex32(bitsHex, 'nbits')
  const time = readHex32(timeHex, 'ntime')
  const { target, isNegative, isOverflow } = decodeBits(bits)
  if (isNegative || isOverflow || target === 0n) refuse(`its nbits ${bitsToHex(bits)} is no target`)
  const coinbase = readCoinbase(coinbasePrefix, coinbaseSuffix, terms)
  const { payoutScript } = terms
  return {
    ...terms,
    id,
    height: readHeight(coinbase.inputs[0]?.scriptSig ?? new Uint8Array(0)),
    prevBlockHash,
    coinbasePrefix,
    coinbaseSuffix,
    merkleBranch,
    version,
    bits,
    target,
    shareTarget: difficultyToTarget(terms.difficulty),
    time,
    isClean: isClean === true,
    isPaid:
      payoutScript === undefined ||
      coinbase.outputs.some(
        ({ value, scriptPubKey }) => value > 0n && equalBytes(scriptPubKey, payoutScript),
      ),
  }
}
