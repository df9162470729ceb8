/** @module Counting signature operations, as block limits do. */

import { type ScriptFlags, VERIFY_WITNESS } from './flags.ts'
import {
  OP_1,
  OP_16,
  OP_CHECKMULTISIG,
  OP_CHECKMULTISIGVERIFY,
  OP_CHECKSIG,
  OP_CHECKSIGVERIFY,
} from './opcodes.ts'
import { ScriptCursor } from './script-bytes.ts'
import { isScriptHash, readWitnessProgram } from './standard-output.ts'

/** What a CHECKMULTISIG counts for when its number of keys is not looked at. */
const MAX_KEYS_PER_MULTISIG = 20
const KEY_HASH_SIZE = 20
const SCRIPT_HASH_SIZE = 32

/**
 * Counts signature operations in one script.
 *
 * @param isAccurate - Whether a multisig counts for its number of keys, where an OP_1 to OP_16 before it tells, instead
 * of 20.
 * @see Bitcoin Core `CScript::GetSigOpCount`
 */
export function countLegacySigops(script: Uint8Array, isAccurate: boolean): number {
  let count = 0
  let last = 0xff
  const cursor = new ScriptCursor(script)
  // A script that breaks off counts up to there.
  while (cursor.next()) {
    const { opcode } = cursor
    if (opcode === OP_CHECKSIG || opcode === OP_CHECKSIGVERIFY) count += 1
    else if (opcode === OP_CHECKMULTISIG || opcode === OP_CHECKMULTISIGVERIFY) {
      const isCounted = isAccurate && last >= OP_1 && last <= OP_16
      count += isCounted ? last - OP_1 + 1 : MAX_KEYS_PER_MULTISIG
    }
    last = opcode
  }
  return count
}

/** The last push of a script that does nothing but push; undefined otherwise. */
function readRedeemScript(scriptSig: Uint8Array): Uint8Array | undefined {
  const cursor = new ScriptCursor(scriptSig)
  while (cursor.next()) if (cursor.opcode > OP_16) return undefined
  return cursor.isWhole ? cursor.data : undefined
}

/** Operations in the redeem script of a P2SH input. @see Bitcoin Core `GetP2SHSigOpCount` */
export function countP2shSigops(scriptSig: Uint8Array, scriptPubKey: Uint8Array): number {
  if (!isScriptHash(scriptPubKey)) return 0
  const redeemScript = readRedeemScript(scriptSig)
  return redeemScript === undefined ? 0 : countLegacySigops(redeemScript, true)
}

/** Operations behind a script that is a witness program; undefined if it is none. */
function countProgramSigops(
  script: Uint8Array,
  witness: readonly Uint8Array[],
): number | undefined {
  const found = readWitnessProgram(script)
  if (found === undefined) return undefined
  // Only version 0 counts against the block; tapscripts pay by their weight.
  if (found.version !== 0) return 0
  if (found.program.length === KEY_HASH_SIZE) return 1
  const witnessScript = witness.at(-1)
  if (found.program.length !== SCRIPT_HASH_SIZE || witnessScript === undefined) return 0
  return countLegacySigops(witnessScript, true)
}

/** Operations in the witness of an input. @see Bitcoin Core `CountWitnessSigOps` */
export function countWitnessSigops(
  scriptSig: Uint8Array,
  scriptPubKey: Uint8Array,
  witness: readonly Uint8Array[],
  flags: ScriptFlags,
): number {
  if ((flags & VERIFY_WITNESS) === 0) return 0
  const direct = countProgramSigops(scriptPubKey, witness)
  if (direct !== undefined) return direct
  if (!isScriptHash(scriptPubKey)) return 0
  const redeemScript = readRedeemScript(scriptSig)
  return redeemScript === undefined ? 0 : (countProgramSigops(redeemScript, witness) ?? 0)
}
