/** @module Opcodes that check signatures. */

import { assertInvariant } from '../util/index.ts'
import {
  VERIFY_CONST_SCRIPTCODE,
  VERIFY_DISCOURAGE_UPGRADABLE_PUBKEYTYPE,
  VERIFY_NULLDUMMY,
  VERIFY_NULLFAIL,
} from './flags.ts'
import {
  OP_CHECKMULTISIG,
  OP_CHECKMULTISIGVERIFY,
  OP_CHECKSIG,
  OP_CHECKSIGADD,
  OP_CHECKSIGVERIFY,
  OP_CODESEPARATOR,
} from './opcodes.ts'
import { findAndDelete, pushData } from './script-bytes.ts'
import { require } from './script-error.ts'
import type { Operation, Operations, ScriptMachine } from './script-machine.ts'
import { checkPublicKeyEncoding, checkSignatureEncoding } from './signature-encoding.ts'

/** The most keys that a multisig may have. @see Bitcoin Core `MAX_PUBKEYS_PER_MULTISIG` */
const MAX_KEYS_PER_MULTISIG = 20
/** What each signature checked in a tapscript costs. @see BIP-0342, "Resource limits" */
const VALIDATION_WEIGHT_PER_SIGNATURE = 50
const SCHNORR_KEY_SIZE = 32

function runCodeSeparator(machine: ScriptMachine): void {
  machine.codeStart = machine.cursor.offset
  machine.codeSeparatorPosition = machine.position
}

/** The script that signatures sign, without the signatures themselves where the rules say so. */
function getScriptCode(machine: ScriptMachine, signatures: readonly Uint8Array[]): Uint8Array {
  let scriptCode = machine.script.subarray(machine.codeStart)
  if (machine.version !== 'base') return scriptCode
  for (const signature of signatures) {
    const rest = findAndDelete(scriptCode, pushData(signature))
    const isConst = machine.hasFlag(VERIFY_CONST_SCRIPTCODE)
    require(rest === scriptCode || !isConst, 'SIG_FINDANDDELETE')
    scriptCode = rest
  }
  return scriptCode
}

function checkEcdsa(
  machine: ScriptMachine,
  signature: Uint8Array,
  publicKey: Uint8Array,
  scriptCode: Uint8Array,
): boolean {
  const isWitnessV0 = machine.version === 'witness_v0'
  checkSignatureEncoding(signature, machine.flags)
  checkPublicKeyEncoding(publicKey, machine.flags, isWitnessV0)
  return machine.checker.isValidEcdsa(signature, publicKey, scriptCode, isWitnessV0)
}

/** @see BIP-0342, "Rules for signature opcodes"; Bitcoin Core `EvalChecksigTapscript` */
function checkTapscriptSignature(
  machine: ScriptMachine,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  const { tapscript, codeSeparatorPosition } = machine
  assertInvariant(tapscript !== undefined, 'a tapscript runs with its leaf')
  const isSigned = signature.length > 0
  // Consensus: paid for whatever kind the key is, before anything else can fail.
  if (isSigned) machine.spendValidationWeight(VALIDATION_WEIGHT_PER_SIGNATURE)
  require(publicKey.length > 0, 'TAPSCRIPT_EMPTY_PUBKEY')
  if (publicKey.length !== SCHNORR_KEY_SIZE) {
    const isDiscouraged = machine.hasFlag(VERIFY_DISCOURAGE_UPGRADABLE_PUBKEYTYPE)
    require(!isDiscouraged, 'DISCOURAGE_UPGRADABLE_PUBKEYTYPE')
  } else if (isSigned) {
    const position = { leafHash: tapscript.leafHash, codeSeparatorPosition }
    machine.checker.checkSchnorr(signature, publicKey, tapscript.annexHash, position)
  }
  return isSigned
}

/** @see Bitcoin Core `EvalChecksig` */
function checkSignature(
  machine: ScriptMachine,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (machine.version === 'tapscript') return checkTapscriptSignature(machine, signature, publicKey)
  const scriptCode = getScriptCode(machine, [signature])
  const isValid = checkEcdsa(machine, signature, publicKey, scriptCode)
  const mayFail = signature.length === 0 || !machine.hasFlag(VERIFY_NULLFAIL)
  require(isValid || mayFail, 'SIG_NULLFAIL')
  return isValid
}

function popCheckSig(machine: ScriptMachine): boolean {
  machine.requireDepth(2)
  const publicKey = machine.pop()
  const signature = machine.pop()
  return checkSignature(machine, signature, publicKey)
}

function runCheckSig(machine: ScriptMachine): void {
  machine.pushBoolean(popCheckSig(machine))
}

function runCheckSigVerify(machine: ScriptMachine): void {
  require(popCheckSig(machine), 'CHECKSIGVERIFY')
}

/** @see BIP-0342 */
function runCheckSigAdd(machine: ScriptMachine): void {
  require(machine.version === 'tapscript', 'BAD_OPCODE')
  machine.requireDepth(3)
  const publicKey = machine.pop()
  const count = machine.popNumber()
  const signature = machine.pop()
  machine.pushNumber(count + (checkSignature(machine, signature, publicKey) ? 1 : 0))
}

/** Takes values off the stack, topmost first. There must be one more below them. */
function popList(machine: ScriptMachine, count: number): readonly Uint8Array[] {
  machine.requireDepth(count + 1)
  return Array.from({ length: count }, () => machine.pop())
}

/**
 * Whether every signature fits a key, in the order of the keys.
 *
 * @param signatures - Topmost first, as the keys are.
 */
function matchSignatures(
  machine: ScriptMachine,
  signatures: readonly Uint8Array[],
  publicKeys: readonly Uint8Array[],
): boolean {
  const scriptCode = getScriptCode(machine, signatures)
  let matched = 0
  for (const [tried, publicKey] of publicKeys.entries()) {
    const signature = signatures[matched]
    if (signature === undefined) return true
    // Consensus: keys are not looked at once they are too few, so that a bad one among them fails nothing.
    if (signatures.length - matched > publicKeys.length - tried) return false
    if (checkEcdsa(machine, signature, publicKey, scriptCode)) matched += 1
  }
  return matched === signatures.length
}

function popCheckMultisig(machine: ScriptMachine): boolean {
  require(machine.version !== 'tapscript', 'TAPSCRIPT_CHECKMULTISIG')
  const keyCount = machine.popNumber()
  require(keyCount >= 0 && keyCount <= MAX_KEYS_PER_MULTISIG, 'PUBKEY_COUNT')
  machine.countOperations(keyCount)
  const publicKeys = popList(machine, keyCount)
  const signatureCount = machine.popNumber()
  require(signatureCount >= 0 && signatureCount <= keyCount, 'SIG_COUNT')
  const signatures = popList(machine, signatureCount)
  const isValid = matchSignatures(machine, signatures, publicKeys)
  const mayFail =
    !machine.hasFlag(VERIFY_NULLFAIL) || signatures.every((signature) => signature.length === 0)
  require(isValid || mayFail, 'SIG_NULLFAIL')
  // Consensus: the first implementation took one value too many, and so must all.
  const dummy = machine.pop()
  require(dummy.length === 0 || !machine.hasFlag(VERIFY_NULLDUMMY), 'SIG_NULLDUMMY')
  return isValid
}

function runCheckMultisig(machine: ScriptMachine): void {
  machine.pushBoolean(popCheckMultisig(machine))
}

function runCheckMultisigVerify(machine: ScriptMachine): void {
  require(popCheckMultisig(machine), 'CHECKMULTISIGVERIFY')
}

/** The opcodes of this family. */
export const SIGNATURE_OPERATIONS: Operations = new Map<number, Operation>([
  [OP_CODESEPARATOR, runCodeSeparator],
  [OP_CHECKSIG, runCheckSig],
  [OP_CHECKSIGVERIFY, runCheckSigVerify],
  [OP_CHECKSIGADD, runCheckSigAdd],
  [OP_CHECKMULTISIG, runCheckMultisig],
  [OP_CHECKMULTISIGVERIFY, runCheckMultisigVerify],
])
