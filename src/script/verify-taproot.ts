/** @module Spending taproot outputs: by key or by script. */

import { type ScriptFlags, VERIFY_DISCOURAGE_UPGRADABLE_TAPROOT_VERSION } from './flags.ts'
import { require } from './script-error.ts'
import type { SignatureChecker } from './signature-checker.ts'
import { computeAnnexHash } from './signature-hash.ts'
import {
  ANNEX_PREFIX,
  computeTapLeafHash,
  decodeControlBlock,
  isTaprootCommitment,
  TAPSCRIPT_LEAF_VERSION,
} from './taproot.ts'
import { runWitnessScript } from './witness-script.ts'

/** What every tapscript may spend on checking signatures, whatever its witness weighs. */
const VALIDATION_WEIGHT_OFFSET = 50

function compactSizeLength(value: number): number {
  if (value < 0xfd) return 1
  return value <= 0xffff ? 3 : 5
}

/** Size in bytes of a witness as transactions carry it. */
function computeWitnessSize(witness: readonly Uint8Array[]): number {
  let size = compactSizeLength(witness.length)
  for (const { length } of witness) size += compactSizeLength(length) + length
  return size
}

/**
 * Verifies a spend of a taproot output.
 *
 * @param outputKey - 32 bytes, x only.
 * @throws {@link ScriptError} with any code.
 * @see BIP-0341, "Script validation rules"; Bitcoin Core `VerifyWitnessProgram`
 */
export function verifyTaprootProgram(
  outputKey: Uint8Array,
  witness: readonly Uint8Array[],
  flags: ScriptFlags,
  checker: SignatureChecker,
): void {
  const stack = [...witness]
  const last = stack.at(-1)
  require(last !== undefined, 'WITNESS_PROGRAM_WITNESS_EMPTY')
  let annexHash: Uint8Array | undefined
  if (stack.length >= 2 && last[0] === ANNEX_PREFIX) {
    annexHash = computeAnnexHash(last)
    stack.pop()
  }
  const controlBytes = stack.pop()
  const script = stack.pop()
  require(controlBytes !== undefined, 'WITNESS_PROGRAM_WITNESS_EMPTY')
  if (script === undefined) {
    // A single value is a signature by the output's key.
    checker.checkSchnorr(controlBytes, outputKey, annexHash, undefined)
    return
  }
  const control = decodeControlBlock(controlBytes)
  require(control !== undefined, 'TAPROOT_WRONG_CONTROL_SIZE')
  const leafHash = computeTapLeafHash(control.leafVersion, script)
  const isCommitted = isTaprootCommitment(control, leafHash, outputKey, checker.signatures)
  require(isCommitted, 'WITNESS_PROGRAM_MISMATCH')
  if (control.leafVersion === TAPSCRIPT_LEAF_VERSION) {
    const validationWeight = computeWitnessSize(witness) + VALIDATION_WEIGHT_OFFSET
    const tapscript = { leafHash, annexHash, validationWeight }
    runWitnessScript({ script, stack, flags, version: 'tapscript', checker, tapscript })
    return
  }
  const isDiscouraged = (flags & VERIFY_DISCOURAGE_UPGRADABLE_TAPROOT_VERSION) !== 0
  require(!isDiscouraged, 'DISCOURAGE_UPGRADABLE_TAPROOT_VERSION')
}
