/** @module What signatures sign: the legacy hash, BIP-0143 and BIP-0341. */

import { sha256 } from '@noble/hashes/sha2.js'
import {
  sha256d,
  type Transaction,
  type TxIn,
  type TxOut,
  writeTxOut,
} from '../primitives/index.ts'
import { assertInvariant, ByteWriter } from '../util/index.ts'
import { removeCodeSeparators } from './script-bytes.ts'
import { createTaggedHash } from './tagged-hash.ts'

export const SIGHASH_DEFAULT = 0x00
export const SIGHASH_ALL = 0x01
export const SIGHASH_NONE = 0x02
export const SIGHASH_SINGLE = 0x03
export const SIGHASH_ANYONECANPAY = 0x80
const OUTPUT_MASK = 0x1f
const TAPROOT_OUTPUT_MASK = 0x03
const ZERO = new Uint8Array(32)
const NOTHING = new Uint8Array()

/** Hashes that all inputs of a transaction share, so that none is computed once an input. */
export interface PrecomputedTransactionData {
  /** Single SHA-256 each, as BIP-0341 has them. */
  readonly prevouts: Uint8Array
  readonly amounts: Uint8Array
  readonly scriptPubKeys: Uint8Array
  readonly sequences: Uint8Array
  readonly outputs: Uint8Array
  /** SHA-256 of the above, as BIP-0143 has them. */
  readonly doublePrevouts: Uint8Array
  readonly doubleSequences: Uint8Array
  readonly doubleOutputs: Uint8Array
}

function hashOf(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter()
  write(writer)
  return sha256(writer.toBytes())
}

/**
 * Computes the shared hashes, in time linear in the size of the transaction and of what it spends.
 *
 * @param spentOutputs - In the order of the inputs.
 */
export function precomputeTransactionData(
  tx: Transaction,
  spentOutputs: readonly TxOut[],
): PrecomputedTransactionData {
  const prevouts = hashOf((writer) => {
    for (const { prevout } of tx.inputs) writer.writeBytes(prevout.txid).writeUint32(prevout.vout)
  })
  const sequences = hashOf((writer) => {
    for (const { sequence } of tx.inputs) writer.writeUint32(sequence)
  })
  const outputs = hashOf((writer) => {
    for (const output of tx.outputs) writeTxOut(writer, output)
  })
  return {
    prevouts,
    sequences,
    outputs,
    amounts: hashOf((writer) => {
      for (const { value } of spentOutputs) writer.writeInt64(value)
    }),
    scriptPubKeys: hashOf((writer) => {
      for (const { scriptPubKey } of spentOutputs) writer.writeVarBytes(scriptPubKey)
    }),
    doublePrevouts: sha256(prevouts),
    doubleSequences: sha256(sequences),
    doubleOutputs: sha256(outputs),
  }
}

const outputHashes = new WeakMap<TxOut, Uint8Array>()

/**
 * SHA-256 of one output. Remembered while the output lives: a tapscript may check a signature every few bytes, and
 * each may sign the same long output.
 */
function hashOutput(output: TxOut): Uint8Array {
  let hash = outputHashes.get(output)
  if (hash === undefined) {
    hash = hashOf((writer) => writeTxOut(writer, output))
    outputHashes.set(output, hash)
  }
  return hash
}

function getInput(tx: Transaction, inputIndex: number): TxIn {
  const input = tx.inputs[inputIndex]
  assertInvariant(input !== undefined, 'a signature hash is of an input that is there')
  return input
}

/**
 * The hash that signatures older than segwit sign.
 *
 * @param scriptCode - The script being run from its last OP_CODESEPARATOR executed on, without the signatures
 * checked. Any OP_CODESEPARATOR left in it is taken out here.
 * @param hashType - As 32 bits; only the lowest byte has a meaning.
 * @see Bitcoin Core `SignatureHash`, `SigVersion::BASE`
 */
export function computeLegacySignatureHash(
  tx: Transaction,
  inputIndex: number,
  scriptCode: Uint8Array,
  hashType: number,
): Uint8Array {
  const ownInput = getInput(tx, inputIndex)
  const output = hashType & OUTPUT_MASK
  // Consensus: SIGHASH_SINGLE without a matching output signs the number one.
  if (output === SIGHASH_SINGLE && inputIndex >= tx.outputs.length) {
    return Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))
  }
  const anyoneCanPay = (hashType & SIGHASH_ANYONECANPAY) !== 0
  const writer = new ByteWriter().writeInt32(tx.version)
  const inputs = anyoneCanPay ? [ownInput] : tx.inputs
  const signedScript = removeCodeSeparators(scriptCode)
  writer.writeCompactSize(inputs.length)
  for (const input of inputs) {
    const keepsSequence =
      input === ownInput || (output !== SIGHASH_NONE && output !== SIGHASH_SINGLE)
    writer
      .writeBytes(input.prevout.txid)
      .writeUint32(input.prevout.vout)
      .writeVarBytes(input === ownInput ? signedScript : NOTHING)
      .writeUint32(keepsSequence ? input.sequence : 0)
  }
  writeLegacyOutputs(writer, tx, inputIndex, output)
  return sha256d(writer.writeUint32(tx.lockTime).writeInt32(hashType).toBytes())
}

function writeLegacyOutputs(
  writer: ByteWriter,
  tx: Transaction,
  inputIndex: number,
  output: number,
): void {
  if (output === SIGHASH_NONE) {
    writer.writeCompactSize(0)
    return
  }
  const outputs = output === SIGHASH_SINGLE ? tx.outputs.slice(0, inputIndex + 1) : tx.outputs
  writer.writeCompactSize(outputs.length)
  for (const [index, item] of outputs.entries()) {
    const isBlank = output === SIGHASH_SINGLE && index !== inputIndex
    writeTxOut(writer, isBlank ? { value: -1n, scriptPubKey: NOTHING } : item)
  }
}

/**
 * The hash that signatures of witness version 0 sign.
 *
 * @param amount - Satoshis of the output that is spent.
 * @see BIP-0143
 */
export function computeWitnessV0SignatureHash(
  tx: Transaction,
  inputIndex: number,
  scriptCode: Uint8Array,
  amount: bigint,
  hashType: number,
  shared: PrecomputedTransactionData,
): Uint8Array {
  const input = getInput(tx, inputIndex)
  const output = hashType & OUTPUT_MASK
  const anyoneCanPay = (hashType & SIGHASH_ANYONECANPAY) !== 0
  const signsAllOutputs = output !== SIGHASH_SINGLE && output !== SIGHASH_NONE
  const own = tx.outputs[inputIndex]
  let outputs: Uint8Array = ZERO
  if (signsAllOutputs) outputs = shared.doubleOutputs
  else if (output === SIGHASH_SINGLE && own !== undefined) {
    outputs = sha256(hashOutput(own))
  }
  return sha256d(
    new ByteWriter()
      .writeInt32(tx.version)
      .writeBytes(anyoneCanPay ? ZERO : shared.doublePrevouts)
      .writeBytes(anyoneCanPay || !signsAllOutputs ? ZERO : shared.doubleSequences)
      .writeBytes(input.prevout.txid)
      .writeUint32(input.prevout.vout)
      .writeVarBytes(scriptCode)
      .writeInt64(amount)
      .writeUint32(input.sequence)
      .writeBytes(outputs)
      .writeUint32(tx.lockTime)
      .writeInt32(hashType)
      .toBytes(),
  )
}

const hashTapSighash = createTaggedHash('TapSighash')
const TAPSCRIPT_EXTENSION = 1
/** The only public key version that tapscript has. */
const TAPSCRIPT_KEY_VERSION = 0

/** Whether a hash type may be used with taproot. @see BIP-0341, "Signature validation rules" */
export function isTaprootHashType(hashType: number): boolean {
  return hashType <= SIGHASH_SINGLE || (hashType >= 0x81 && hashType <= 0x83)
}

/** What a signature within a tapscript signs besides. @see BIP-0342, "Common signature message extension" */
export interface TapscriptPosition {
  readonly leafHash: Uint8Array
  /** How many opcodes stand before the last OP_CODESEPARATOR executed; 0xffffffff if none was. */
  readonly codeSeparatorPosition: number
}

/** The hash of an annex, as signatures sign it. @param annex - With its 0x50 in front. @see BIP-0341 */
export function computeAnnexHash(annex: Uint8Array): Uint8Array {
  return hashOf((writer) => writer.writeVarBytes(annex))
}

/**
 * The hash that a taproot signature signs.
 *
 * @param annexHash - Of {@link computeAnnexHash}, if the witness has an annex.
 * @param position - For a signature within a tapscript; undefined for one by the key path.
 * @returns Undefined if the hash type is unknown or signs an output that is not there.
 * @see BIP-0341, "Common signature message"; Bitcoin Core `SignatureHashSchnorr`
 */
export function computeTaprootSignatureHash(
  tx: Transaction,
  inputIndex: number,
  spentOutputs: readonly TxOut[],
  hashType: number,
  shared: PrecomputedTransactionData,
  annexHash?: Uint8Array | undefined,
  position?: TapscriptPosition | undefined,
): Uint8Array | undefined {
  const input = getInput(tx, inputIndex)
  const spent = spentOutputs[inputIndex]
  assertInvariant(spent !== undefined, 'every input has its spent output')
  const output = hashType & TAPROOT_OUTPUT_MASK
  const own = tx.outputs[inputIndex]
  if (!isTaprootHashType(hashType)) return undefined
  const anyoneCanPay = (hashType & SIGHASH_ANYONECANPAY) !== 0
  const writer = new ByteWriter().writeUint8(0).writeUint8(hashType)
  writer.writeInt32(tx.version).writeUint32(tx.lockTime)
  if (!anyoneCanPay) {
    writer.writeBytes(shared.prevouts).writeBytes(shared.amounts)
    writer.writeBytes(shared.scriptPubKeys).writeBytes(shared.sequences)
  }
  if (output !== SIGHASH_NONE && output !== SIGHASH_SINGLE) writer.writeBytes(shared.outputs)
  const extension = position === undefined ? 0 : TAPSCRIPT_EXTENSION
  writer.writeUint8((extension << 1) | (annexHash === undefined ? 0 : 1))
  if (anyoneCanPay) {
    writer.writeBytes(input.prevout.txid).writeUint32(input.prevout.vout)
    writeTxOut(writer, spent)
    writer.writeUint32(input.sequence)
  } else writer.writeUint32(inputIndex)
  if (annexHash !== undefined) writer.writeBytes(annexHash)
  if (output === SIGHASH_SINGLE) {
    if (own === undefined) return undefined
    writer.writeBytes(hashOutput(own))
  }
  if (position !== undefined) {
    writer.writeBytes(position.leafHash).writeUint8(TAPSCRIPT_KEY_VERSION)
    writer.writeUint32(position.codeSeparatorPosition)
  }
  return hashTapSighash(writer.toBytes())
}
