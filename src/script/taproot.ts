/** @module The tree of scripts behind a taproot output (BIP-0341). */

import { ByteWriter, concatBytes, equalBytes } from '../util/index.ts'
import type { SignatureEngine } from './signature-engine.ts'
import { createTaggedHash } from './tagged-hash.ts'

/** The leaf version of tapscript. @see BIP-0342 */
export const TAPSCRIPT_LEAF_VERSION = 0xc0
/** First byte of an annex. */
export const ANNEX_PREFIX = 0x50

const LEAF_VERSION_MASK = 0xfe
const CONTROL_BASE_SIZE = 33
const CONTROL_NODE_SIZE = 32
const CONTROL_MAX_NODES = 128

const hashLeaf = createTaggedHash('TapLeaf')
const hashBranch = createTaggedHash('TapBranch')
const hashTweak = createTaggedHash('TapTweak')

/** The hash of one script of the tree. @param leafVersion - Even. @see BIP-0341 */
export function computeTapLeafHash(leafVersion: number, script: Uint8Array): Uint8Array {
  return hashLeaf(new ByteWriter().writeUint8(leafVersion).writeVarBytes(script).toBytes())
}

function isLess(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

/** The hash of an inner node, the same whichever child comes first. @see BIP-0341 */
export function computeTapBranchHash(a: Uint8Array, b: Uint8Array): Uint8Array {
  return isLess(b, a) ? hashBranch(b, a) : hashBranch(a, b)
}

/**
 * What an internal key is tweaked with.
 *
 * @param internalKey - 32 bytes, x only.
 * @param merkleRoot - Of the scripts; undefined for an output without any.
 * @see BIP-0341
 */
export function computeTapTweakHash(
  internalKey: Uint8Array,
  merkleRoot: Uint8Array | undefined,
): Uint8Array {
  return merkleRoot === undefined ? hashTweak(internalKey) : hashTweak(internalKey, merkleRoot)
}

/** A control block, taken apart: how a script proves that an output commits to it. */
export interface ControlBlock {
  readonly leafVersion: number
  /** Whether the output key's Y is odd. */
  readonly parity: 0 | 1
  /** 32 bytes, x only. */
  readonly internalKey: Uint8Array
  /** The siblings on the way to the root, 32 bytes each. */
  readonly path: readonly Uint8Array[]
}

/** Takes a control block apart; undefined if its size is none that a control block has. */
export function decodeControlBlock(bytes: Uint8Array): ControlBlock | undefined {
  const nodes = (bytes.length - CONTROL_BASE_SIZE) / CONTROL_NODE_SIZE
  if (!Number.isInteger(nodes) || nodes < 0 || nodes > CONTROL_MAX_NODES) return undefined
  const [first = 0] = bytes
  const path = Array.from({ length: nodes }, (_, index) => {
    const start = CONTROL_BASE_SIZE + index * CONTROL_NODE_SIZE
    return bytes.subarray(start, start + CONTROL_NODE_SIZE)
  })
  return {
    leafVersion: first & LEAF_VERSION_MASK,
    parity: (first & 1) === 1 ? 1 : 0,
    internalKey: bytes.subarray(1, CONTROL_BASE_SIZE),
    path,
  }
}

/** Writes a control block. */
export function encodeControlBlock(control: ControlBlock): Uint8Array {
  const first = control.leafVersion | control.parity
  return concatBytes(Uint8Array.of(first), control.internalKey, ...control.path)
}

/**
 * Whether an output key commits to a leaf.
 *
 * @param outputKey - 32 bytes, x only.
 * @see Bitcoin Core `VerifyTaprootCommitment`
 */
export function isTaprootCommitment(
  control: ControlBlock,
  leafHash: Uint8Array,
  outputKey: Uint8Array,
  signatures: SignatureEngine,
): boolean {
  const merkleRoot = control.path.reduce(computeTapBranchHash, leafHash)
  const tweak = computeTapTweakHash(control.internalKey, merkleRoot)
  const output = signatures.tweakPublicKey(control.internalKey, tweak)
  return (
    output !== undefined && output.parity === control.parity && equalBytes(output.key, outputKey)
  )
}
