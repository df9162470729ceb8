/** @module Spends that script tests make: of an output of any kind, with a proof written in Core's notation. */

import { sha256 } from '@noble/hashes/sha2.js'
import type { Transaction, TxOut } from '../../../src/primitives/index.ts'
import {
  type ControlBlock,
  computeTapLeafHash,
  computeTapTweakHash,
  createScriptHashScript,
  createWitnessScript,
  encodeControlBlock,
  hash160,
  nobleSignatureEngine,
  pushData,
  TAPSCRIPT_LEAF_VERSION,
} from '../../../src/script/index.ts'
import { concatBytes, decodeHex } from '../../../src/util/index.ts'
import { createSpend, parseScript } from '../../vectors/vectors.support.ts'

/** A key that nobody has the secret of. @see BIP-0341 */
export const NOBODYS_KEY = decodeHex(
  '50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0',
)
const VALUE = 1000n

/** A transaction of one input, and the output that this spends. */
export interface SpendCase {
  readonly tx: Transaction
  readonly spentOutputs: readonly TxOut[]
}

/** Text in Core's notation, or bytes as they are. */
export type ScriptSource = string | Uint8Array

function toBytes(source: ScriptSource): Uint8Array {
  return typeof source === 'string' ? parseScript(source) : source
}

export function spendBare(
  scriptSig: ScriptSource,
  scriptPubKey: ScriptSource,
  witness: readonly string[] = [],
): SpendCase {
  return createSpend(toBytes(scriptPubKey), toBytes(scriptSig), witness.map(decodeHex), VALUE)
}

/** Spends an output to the hash of a script. @param scriptSig - What comes before the redeem script. */
export function spendScriptHash(scriptSig: ScriptSource, redeemScript: ScriptSource): SpendCase {
  const redeem = toBytes(redeemScript)
  const proof = concatBytes(toBytes(scriptSig), pushData(redeem))
  return createSpend(createScriptHashScript(hash160(redeem)), proof, [], VALUE)
}

/** Spends a P2WSH output. @param stack - In hexadecimal, what comes before the witness script. */
export function spendWitnessScript(
  stack: readonly string[],
  witnessScript: ScriptSource,
): SpendCase {
  const script = toBytes(witnessScript)
  const output = createWitnessScript({ version: 0, program: sha256(script) })
  return createSpend(output, new Uint8Array(), [...stack.map(decodeHex), script], VALUE)
}

/** The only leaf of an output, with how it is shown. */
export function createLeaf(
  script: Uint8Array,
  leafVersion = TAPSCRIPT_LEAF_VERSION,
): { readonly control: ControlBlock; readonly output: Uint8Array } {
  const tweak = computeTapTweakHash(NOBODYS_KEY, computeTapLeafHash(leafVersion, script))
  const output = nobleSignatureEngine.tweakPublicKey(NOBODYS_KEY, tweak)
  if (output === undefined) throw new RangeError('the tweak does not fit the key')
  return {
    control: { leafVersion, parity: output.parity, internalKey: NOBODYS_KEY, path: [] },
    output: createWitnessScript({ version: 1, program: output.key }),
  }
}

/** Spends a taproot output by its only script. @param annex - In hexadecimal. */
export function spendTapscript(
  stack: readonly string[],
  tapscript: ScriptSource,
  options: { readonly leafVersion?: number; readonly annex?: string } = {},
): SpendCase {
  const script = toBytes(tapscript)
  const { control, output } = createLeaf(script, options.leafVersion)
  const annex = options.annex === undefined ? [] : [decodeHex(options.annex)]
  const witness = [...stack.map(decodeHex), script, encodeControlBlock(control), ...annex]
  return createSpend(output, new Uint8Array(), witness, VALUE)
}
