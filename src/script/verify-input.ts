/** @module Whether an input may spend its output. */

import { sha256 } from '@noble/hashes/sha2.js'
import type { Transaction, TxOut } from '../primitives/index.ts'
import { assertInvariant, equalBytes } from '../util/index.ts'
import {
  type ScriptFlags,
  VERIFY_CLEANSTACK,
  VERIFY_DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM,
  VERIFY_P2SH,
  VERIFY_SIGPUSHONLY,
  VERIFY_TAPROOT,
  VERIFY_WITNESS,
} from './flags.ts'
import { runScript } from './interpreter.ts'
import { isPushOnly, pushData } from './script-bytes.ts'
import { require, ScriptError } from './script-error.ts'
import { decodeBoolean } from './script-number.ts'
import { SignatureChecker } from './signature-checker.ts'
import type { SignatureEngine } from './signature-engine.ts'
import type { PrecomputedTransactionData } from './signature-hash.ts'
import {
  createKeyHashScript,
  isAnchorProgram,
  isScriptHash,
  readWitnessProgram,
  type WitnessProgram,
} from './standard-output.ts'
import { verifyTaprootProgram } from './verify-taproot.ts'
import { runWitnessScript } from './witness-script.ts'

const KEY_HASH_SIZE = 20
const SCRIPT_HASH_SIZE = 32
const TAPROOT_KEY_SIZE = 32

/** What is verified: an input's proof against its output's script, under rules. */
interface Spend {
  readonly scriptSig: Uint8Array
  readonly scriptPubKey: Uint8Array
  readonly witness: readonly Uint8Array[]
  readonly flags: ScriptFlags
  readonly checker: SignatureChecker
}

function requireTrue(stack: readonly Uint8Array[]): void {
  const top = stack.at(-1)
  require(top !== undefined && decodeBoolean(top), 'EVAL_FALSE')
}

/** @see BIP-0141, "Witness program" */
function verifyWitnessV0(spend: Spend, program: Uint8Array): void {
  const { witness, flags, checker } = spend
  if (program.length === KEY_HASH_SIZE) {
    require(witness.length === 2, 'WITNESS_PROGRAM_MISMATCH')
    const script = createKeyHashScript(program)
    runWitnessScript({ script, stack: [...witness], flags, version: 'witness_v0', checker })
    return
  }
  require(program.length === SCRIPT_HASH_SIZE, 'WITNESS_PROGRAM_WRONG_LENGTH')
  const script = witness.at(-1)
  require(script !== undefined, 'WITNESS_PROGRAM_WITNESS_EMPTY')
  require(equalBytes(sha256(script), program), 'WITNESS_PROGRAM_MISMATCH')
  const stack = witness.slice(0, -1)
  runWitnessScript({ script, stack, flags, version: 'witness_v0', checker })
}

/** @see Bitcoin Core `VerifyWitnessProgram` */
function verifyWitnessProgram(spend: Spend, { version, program }: WitnessProgram): void {
  const { witness, flags, checker } = spend
  // Consensus: taproot and anchors do not exist within P2SH.
  const isBare = !isScriptHash(spend.scriptPubKey)
  if (version === 0) verifyWitnessV0(spend, program)
  else if (version === 1 && program.length === TAPROOT_KEY_SIZE && isBare) {
    if ((flags & VERIFY_TAPROOT) !== 0) verifyTaprootProgram(program, witness, flags, checker)
  } else if (!isBare || !isAnchorProgram(version, program)) {
    const isDiscouraged = (flags & VERIFY_DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM) !== 0
    require(!isDiscouraged, 'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM')
  }
}

/** The witness program that a script is, if the rules know of such. */
function findWitnessProgram(script: Uint8Array, flags: ScriptFlags): WitnessProgram | undefined {
  return (flags & VERIFY_WITNESS) === 0 ? undefined : readWitnessProgram(script)
}

/** What scripts leave behind: how large the stack is, and whether the witness was used. */
interface Outcome {
  readonly stackSize: number
  readonly usesWitness: boolean
}

/**
 * Runs the script that a P2SH output pays to.
 *
 * @param stack - What scriptSig left behind.
 * @see BIP-0016
 */
function verifyScriptHash(spend: Spend, stack: Uint8Array[]): Outcome {
  const { scriptSig, flags, checker } = spend
  require(isPushOnly(scriptSig), 'SIG_PUSHONLY')
  const redeemScript = stack.pop()
  assertInvariant(redeemScript !== undefined, 'scriptPubKey has just hashed it')
  runScript({ script: redeemScript, stack, flags, version: 'base', checker })
  requireTrue(stack)
  const program = findWitnessProgram(redeemScript, flags)
  if (program === undefined) return { stackSize: stack.length, usesWitness: false }
  require(equalBytes(scriptSig, pushData(redeemScript)), 'WITNESS_MALLEATED_P2SH')
  verifyWitnessProgram(spend, program)
  return { stackSize: 1, usesWitness: true }
}

function verifyScripts(spend: Spend): Outcome {
  const { scriptSig, scriptPubKey, flags, checker } = spend
  const stack: Uint8Array[] = []
  runScript({ script: scriptSig, stack, flags, version: 'base', checker })
  const stackOfScriptSig = [...stack]
  runScript({ script: scriptPubKey, stack, flags, version: 'base', checker })
  requireTrue(stack)
  const program = findWitnessProgram(scriptPubKey, flags)
  if (program !== undefined) {
    require(scriptSig.length === 0, 'WITNESS_MALLEATED')
    verifyWitnessProgram(spend, program)
    return { stackSize: 1, usesWitness: true }
  }
  if ((flags & VERIFY_P2SH) !== 0 && isScriptHash(scriptPubKey)) {
    return verifyScriptHash(spend, stackOfScriptSig)
  }
  return { stackSize: stack.length, usesWitness: false }
}

/**
 * Verifies that one input's scriptSig and witness satisfy the script of the output that it spends.
 *
 * @param spentOutputs - The outputs that all inputs spend, in their order.
 * @param flags - Which rules bind. Witness rules need P2SH's.
 * @param precomputed - Of the same transaction and outputs.
 * @throws {@link ScriptError} (reject) if they do not.
 * @see Bitcoin Core `VerifyScript`
 */
export function verifyInput(
  tx: Transaction,
  inputIndex: number,
  spentOutputs: readonly TxOut[],
  flags: ScriptFlags,
  precomputed: PrecomputedTransactionData,
  signatures: SignatureEngine,
): void {
  const input = tx.inputs[inputIndex]
  const spent = spentOutputs[inputIndex]
  assertInvariant(input !== undefined && spent !== undefined, 'an input has its spent output')
  const checker = new SignatureChecker({ tx, inputIndex, spentOutputs, precomputed, signatures })
  const { scriptSig, witness } = input
  if ((flags & VERIFY_SIGPUSHONLY) !== 0 && !isPushOnly(scriptSig)) {
    throw new ScriptError('SIG_PUSHONLY')
  }
  const spend = { scriptSig, witness, scriptPubKey: spent.scriptPubKey, flags, checker }
  const { stackSize, usesWitness } = verifyScripts(spend)
  require((flags & VERIFY_CLEANSTACK) === 0 || stackSize === 1, 'CLEANSTACK')
  const isUnexpected = (flags & VERIFY_WITNESS) !== 0 && !usesWitness && witness.length > 0
  require(!isUnexpected, 'WITNESS_UNEXPECTED')
}
