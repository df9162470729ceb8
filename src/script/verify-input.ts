/** @module Whether an input may spend its output: key spends. */

import { ripemd160 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Transaction, TxIn, TxOut } from '../primitives/index.ts'
import { concatBytes, equalBytes } from '../util/index.ts'
import {
  type ScriptFlags,
  VERIFY_DERSIG,
  VERIFY_LOW_S,
  VERIFY_STRICTENC,
  VERIFY_TAPROOT,
  VERIFY_WITNESS,
  VERIFY_WITNESS_PUBKEYTYPE,
} from './flags.ts'
import { OP_CHECKSIG, OP_DUP, OP_EQUALVERIFY, OP_HASH160 } from './opcodes.ts'
import { readSteps } from './script-bytes.ts'
import type { SignatureEngine } from './signature-engine.ts'
import {
  computeLegacySignatureHash,
  computeTaprootSignatureHash,
  computeWitnessV0SignatureHash,
  isTaprootHashType,
  type PrecomputedTransactionData,
  SIGHASH_ALL,
  SIGHASH_ANYONECANPAY,
  SIGHASH_DEFAULT,
  SIGHASH_SINGLE,
} from './signature-hash.ts'
import { classifyOutput } from './standard-output.ts'

/** Why an input may not spend its output, by Bitcoin Core's names, with Core's texts. */
export const SCRIPT_ERROR_REASONS = {
  EVAL_FALSE: 'Script evaluated without error but finished with a false/empty top stack element',
  EQUALVERIFY: 'Script failed an OP_EQUALVERIFY operation',
  INVALID_STACK_OPERATION: 'Operation not valid with the current stack size',
  SIG_DER: 'Non-canonical DER signature',
  SIG_HIGH_S: 'Non-canonical signature: S value is unnecessarily high',
  SIG_HASHTYPE: 'Signature hash type missing or not understood',
  PUBKEYTYPE: 'Public key is neither compressed or uncompressed',
  WITNESS_PUBKEYTYPE: 'Using non-compressed keys in segwit',
  WITNESS_PROGRAM_MISMATCH: 'Witness program hash mismatch',
  WITNESS_PROGRAM_WITNESS_EMPTY: 'Witness program was passed an empty witness',
  WITNESS_MALLEATED: 'Witness requires empty scriptSig',
  WITNESS_UNEXPECTED: 'Witness provided for non-witness script',
  SCHNORR_SIG: 'Invalid Schnorr signature',
  SCHNORR_SIG_SIZE: 'Invalid Schnorr signature size',
  SCHNORR_SIG_HASHTYPE: 'Invalid Schnorr signature hash type',
  /** Not a rule of Bitcoin: the full interpreter is not here yet. */
  UNSUPPORTED: 'Only P2PK, P2PKH, P2WPKH and P2TR key-path spends are supported yet',
} as const

/** A name out of {@link SCRIPT_ERROR_REASONS}. */
export type ScriptErrorCode = keyof typeof SCRIPT_ERROR_REASONS

/** An input's proof does not satisfy its output's script. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
  readonly code: ScriptErrorCode
  /** Bitcoin Core's text for the code. */
  readonly reason: string

  constructor(code: ScriptErrorCode) {
    super(code)
    this.code = code
    this.reason = SCRIPT_ERROR_REASONS[code]
  }
}

interface InputCheck {
  readonly tx: Transaction
  readonly index: number
  readonly input: TxIn
  readonly spentOutputs: readonly TxOut[]
  readonly spent: TxOut
  readonly flags: ScriptFlags
  readonly shared: PrecomputedTransactionData
  readonly signatures: SignatureEngine
}

function require(condition: boolean, code: ScriptErrorCode): asserts condition {
  if (!condition) throw new ScriptError(code)
}

function hash160(bytes: Uint8Array): Uint8Array {
  return ripemd160(sha256(bytes))
}

/** The script that a key hash stands for, as it is run. */
function createKeyHashScript(hash: Uint8Array): Uint8Array {
  return concatBytes(
    Uint8Array.of(OP_DUP, OP_HASH160, hash.length),
    hash,
    Uint8Array.of(OP_EQUALVERIFY, OP_CHECKSIG),
  )
}

/** Strict DER with a hash type byte behind it (BIP-0066). @see Bitcoin Core `IsValidSignatureEncoding` */
function isStrictDer(signature: Uint8Array): boolean {
  const at = (i: number): number => signature[i] ?? 0
  const { length } = signature
  if (length < 9 || length > 73 || at(0) !== 0x30 || at(1) !== length - 3) return false
  const sizeR = at(3)
  const sizeS = at(5 + sizeR)
  if (5 + sizeR >= length || sizeR + sizeS + 7 !== length) return false
  const isInteger = (start: number, size: number): boolean =>
    at(start - 2) === 0x02 &&
    size > 0 &&
    (at(start) & 0x80) === 0 &&
    !(size > 1 && at(start) === 0 && (at(start + 1) & 0x80) === 0)
  return isInteger(4, sizeR) && isInteger(6 + sizeR, sizeS)
}

/** Half of secp256k1's order. */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

function isLowS(signature: Uint8Array): boolean {
  const sizeR = signature[3] ?? 0
  let s = 0n
  for (const byte of signature.subarray(6 + sizeR, -1)) s = (s << 8n) | BigInt(byte)
  return s <= HALF_ORDER
}

/** @see Bitcoin Core `CheckSignatureEncoding` */
function checkSignatureEncoding(signature: Uint8Array, flags: ScriptFlags): void {
  if (signature.length === 0) return
  const isStrict = (flags & (VERIFY_DERSIG | VERIFY_LOW_S | VERIFY_STRICTENC)) !== 0
  require(!isStrict || isStrictDer(signature), 'SIG_DER')
  require((flags & VERIFY_LOW_S) === 0 || isLowS(signature), 'SIG_HIGH_S')
  const output = (signature.at(-1) ?? 0) & ~SIGHASH_ANYONECANPAY
  const isKnown = output >= SIGHASH_ALL && output <= SIGHASH_SINGLE
  require((flags & VERIFY_STRICTENC) === 0 || isKnown, 'SIG_HASHTYPE')
}

function isCompressed(publicKey: Uint8Array): boolean {
  const [prefix] = publicKey
  return publicKey.length === 33 && (prefix === 2 || prefix === 3)
}

function checkPublicKeyEncoding(publicKey: Uint8Array, flags: ScriptFlags): void {
  const isKnown = isCompressed(publicKey) || (publicKey.length === 65 && publicKey[0] === 4)
  require((flags & VERIFY_STRICTENC) === 0 || isKnown, 'PUBKEYTYPE')
}

/** What OP_CHECKSIG does as the last operation. */
function checkEcdsa(
  check: InputCheck,
  signature: Uint8Array,
  publicKey: Uint8Array,
  hashFor: (hashType: number) => Uint8Array,
): void {
  checkSignatureEncoding(signature, check.flags)
  checkPublicKeyEncoding(publicKey, check.flags)
  const hashType = signature.at(-1)
  const isValid =
    hashType !== undefined &&
    check.signatures.verifyEcdsa(publicKey, signature.subarray(0, -1), hashFor(hashType))
  require(isValid, 'EVAL_FALSE')
}

/** The pushes of a legacy key spend's scriptSig. */
function readPushes(check: InputCheck, count: number): readonly Uint8Array[] {
  require(check.input.witness.length === 0, 'WITNESS_UNEXPECTED')
  const { steps, isWhole } = readSteps(check.input.scriptSig)
  const pushes = steps.map((step) => step.data)
  require(isWhole && pushes.length === count, 'INVALID_STACK_OPERATION')
  return pushes.map((data) => {
    require(data !== undefined, 'UNSUPPORTED')
    return data
  })
}

function verifyLegacyKeySpend(
  check: InputCheck,
  signature: Uint8Array,
  publicKey: Uint8Array,
): void {
  const script = check.spent.scriptPubKey
  checkEcdsa(check, signature, publicKey, (hashType) =>
    computeLegacySignatureHash(check.tx, check.index, script, hashType),
  )
}

function verifyPubkeyHash(check: InputCheck, hash: Uint8Array): void {
  const [signature, publicKey] = readPushes(check, 2)
  require(signature !== undefined && publicKey !== undefined, 'INVALID_STACK_OPERATION')
  require(equalBytes(hash160(publicKey), hash), 'EQUALVERIFY')
  verifyLegacyKeySpend(check, signature, publicKey)
}

/** @see BIP-0141 and BIP-0143, P2WPKH */
function verifyWitnessKeyHash(check: InputCheck, hash: Uint8Array): void {
  const { witness, scriptSig } = check.input
  require(scriptSig.length === 0, 'WITNESS_MALLEATED')
  const [signature, publicKey] = witness
  require(witness.length === 2 &&
    signature !== undefined &&
    publicKey !== undefined, 'WITNESS_PROGRAM_MISMATCH')
  require(equalBytes(hash160(publicKey), hash), 'EQUALVERIFY')
  const needsCompressed = (check.flags & VERIFY_WITNESS_PUBKEYTYPE) !== 0
  require(!needsCompressed || isCompressed(publicKey), 'WITNESS_PUBKEYTYPE')
  const scriptCode = createKeyHashScript(hash)
  checkEcdsa(check, signature, publicKey, (hashType) =>
    computeWitnessV0SignatureHash(
      check.tx,
      check.index,
      scriptCode,
      check.spent.value,
      hashType,
      check.shared,
    ),
  )
}

const ANNEX_PREFIX = 0x50
const SCHNORR_SIGNATURE_SIZE = 64

/** @see BIP-0341, "Script validation rules" */
function verifyTaprootKeyPath(check: InputCheck, outputKey: Uint8Array): void {
  const { witness, scriptSig } = check.input
  require(scriptSig.length === 0, 'WITNESS_MALLEATED')
  require(witness.length > 0, 'WITNESS_PROGRAM_WITNESS_EMPTY')
  const last = witness.at(-1)
  const annex = witness.length >= 2 && last?.[0] === ANNEX_PREFIX ? last : undefined
  const stack = annex === undefined ? witness : witness.slice(0, -1)
  const [signature] = stack
  require(stack.length === 1 && signature !== undefined, 'UNSUPPORTED')
  const hasHashType = signature.length === SCHNORR_SIGNATURE_SIZE + 1
  require(hasHashType || signature.length === SCHNORR_SIGNATURE_SIZE, 'SCHNORR_SIG_SIZE')
  const hashType = hasHashType ? (signature.at(-1) ?? 0) : SIGHASH_DEFAULT
  const isAllowed = isTaprootHashType(hashType) && !(hasHashType && hashType === SIGHASH_DEFAULT)
  require(isAllowed, 'SCHNORR_SIG_HASHTYPE')
  const hash = computeTaprootSignatureHash(
    check.tx,
    check.index,
    check.spentOutputs,
    hashType,
    check.shared,
    annex,
  )
  require(hash !== undefined, 'SCHNORR_SIG_HASHTYPE')
  const bare = signature.slice(0, SCHNORR_SIGNATURE_SIZE)
  require(check.signatures.verifySchnorr(outputKey, bare, hash), 'SCHNORR_SIG')
}

function verifyOutput(check: InputCheck): void {
  const output = classifyOutput(check.spent.scriptPubKey)
  const hasWitnessRules = (check.flags & VERIFY_WITNESS) !== 0
  const hasTaprootRules = (check.flags & VERIFY_TAPROOT) !== 0
  if (output.type === 'pubkey') {
    const [signature] = readPushes(check, 1)
    require(signature !== undefined, 'INVALID_STACK_OPERATION')
    verifyLegacyKeySpend(check, signature, output.publicKey)
  } else if (output.type === 'pubkeyhash') verifyPubkeyHash(check, output.hash)
  else if (output.type === 'witness_v0_keyhash' && hasWitnessRules) {
    verifyWitnessKeyHash(check, output.hash)
  } else if (output.type === 'witness_v1_taproot' && hasTaprootRules) {
    verifyTaprootKeyPath(check, output.outputKey)
  } else throw new ScriptError('UNSUPPORTED')
}

/**
 * Verifies one input.
 *
 * Differs from Bitcoin: outputs other than P2PK, P2PKH, P2WPKH and P2TR by key path are refused, until the
 * full interpreter is here. Nothing is accepted that Bitcoin refuses.
 *
 * @param spentOutputs - The outputs that all inputs spend, in their order.
 * @param shared - Of the same transaction.
 * @throws {@link ScriptError} if the proof does not satisfy the output's script.
 * @see Bitcoin Core `VerifyScript`
 */
export function verifyInput(
  tx: Transaction,
  inputIndex: number,
  spentOutputs: readonly TxOut[],
  flags: ScriptFlags,
  shared: PrecomputedTransactionData,
  signatures: SignatureEngine,
): void {
  const input = tx.inputs[inputIndex]
  const spent = spentOutputs[inputIndex]
  if (input === undefined || spent === undefined) throw new RangeError('no such input')
  verifyOutput({ tx, index: inputIndex, input, spentOutputs, spent, flags, shared, signatures })
}
