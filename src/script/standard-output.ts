/** @module The standard kinds of outputs, by Bitcoin Core's names. */

import { concatBytes } from '../util/index.ts'
import {
  OP_0,
  OP_1,
  OP_16,
  OP_CHECKMULTISIG,
  OP_CHECKSIG,
  OP_DUP,
  OP_EQUAL,
  OP_EQUALVERIFY,
  OP_HASH160,
  OP_PUSHDATA4,
  OP_RETURN,
} from './opcodes.ts'
import { isMinimalPush, isPushOnly, readSteps, type ScriptStep } from './script-bytes.ts'
import { ScriptError } from './script-error.ts'
import { decodeScriptNumber } from './script-number.ts'

/** What an output's script is, and what is in it. */
export type StandardOutput =
  | { readonly type: 'pubkey'; readonly publicKey: Uint8Array }
  | { readonly type: 'pubkeyhash'; readonly hash: Uint8Array }
  | { readonly type: 'scripthash'; readonly hash: Uint8Array }
  | {
      readonly type: 'multisig'
      readonly required: number
      readonly publicKeys: readonly Uint8Array[]
    }
  | { readonly type: 'nulldata' }
  | { readonly type: 'witness_v0_keyhash'; readonly hash: Uint8Array }
  | { readonly type: 'witness_v0_scripthash'; readonly hash: Uint8Array }
  | { readonly type: 'witness_v1_taproot'; readonly outputKey: Uint8Array }
  | { readonly type: 'anchor' }
  | { readonly type: 'witness_unknown'; readonly version: number; readonly program: Uint8Array }
  | { readonly type: 'nonstandard' }

/** A witness program. @see BIP-0141 */
export interface WitnessProgram {
  /** 0 to 16. */
  readonly version: number
  /** 2 to 40 bytes. */
  readonly program: Uint8Array
}

const HASH_SIZE = 20
const MAX_MULTISIG_KEYS = 20

/** The script that a P2PKH output has, and that a P2WPKH output stands for. @param hash - 20 bytes. */
export function createKeyHashScript(hash: Uint8Array): Uint8Array {
  return concatBytes(
    Uint8Array.of(OP_DUP, OP_HASH160, HASH_SIZE),
    hash,
    Uint8Array.of(OP_EQUALVERIFY, OP_CHECKSIG),
  )
}

/** The script of a P2SH output. @param hash - 20 bytes. */
export function createScriptHashScript(hash: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(OP_HASH160, HASH_SIZE), hash, Uint8Array.of(OP_EQUAL))
}

/** The script of a segwit output. @param version - 0 to 16. @param program - 2 to 40 bytes. */
export function createWitnessScript({ version, program }: WitnessProgram): Uint8Array {
  const opcode = version === 0 ? OP_0 : OP_1 - 1 + version
  return concatBytes(Uint8Array.of(opcode, program.length), program)
}

/** Whether an output pays to a script's hash. @see BIP-0016; Bitcoin Core `IsPayToScriptHash` */
export function isScriptHash(script: Uint8Array): boolean {
  return (
    script.length === HASH_SIZE + 3 &&
    script[0] === OP_HASH160 &&
    script[1] === HASH_SIZE &&
    script[HASH_SIZE + 2] === OP_EQUAL
  )
}

/** The witness program that a script is; undefined if it is none. @see Bitcoin Core `IsWitnessProgram` */
export function readWitnessProgram(script: Uint8Array): WitnessProgram | undefined {
  const [first = 0xff, size = 0] = script
  if (script.length < 4 || script.length > 42 || size + 2 !== script.length) return undefined
  if (first !== OP_0 && (first < OP_1 || first > OP_16)) return undefined
  return { version: first === OP_0 ? 0 : first - OP_1 + 1, program: script.slice(2) }
}

/** Whether a witness program is the one that anybody may spend to raise a fee. @see Bitcoin Core `IsPayToAnchor` */
export function isAnchorProgram(version: number, program: Uint8Array): boolean {
  return version === 1 && program.length === 2 && program[0] === 0x4e && program[1] === 0x73
}

/** Whether a key has the size that its first byte says. @see Bitcoin Core `CPubKey::ValidSize` */
function isPublicKeySize(key: Uint8Array): boolean {
  const [prefix = 0] = key
  if (prefix === 2 || prefix === 3) return key.length === 33
  return (prefix === 4 || prefix === 6 || prefix === 7) && key.length === 65
}

function classifyWitness({ version, program }: WitnessProgram): StandardOutput {
  if (version === 0) {
    if (program.length === 20) return { type: 'witness_v0_keyhash', hash: program }
    if (program.length === 32) return { type: 'witness_v0_scripthash', hash: program }
    return { type: 'nonstandard' }
  }
  if (version === 1 && program.length === 32) {
    return { type: 'witness_v1_taproot', outputKey: program }
  }
  if (isAnchorProgram(version, program)) return { type: 'anchor' }
  return { type: 'witness_unknown', version, program }
}

/** The number that a step pushes in its shortest form. */
function readCount({ opcode, data }: ScriptStep): number | undefined {
  if (opcode >= OP_1 && opcode <= OP_16) return opcode - OP_1 + 1
  if (opcode > OP_PUSHDATA4 || data === undefined || !isMinimalPush(opcode, data)) return undefined
  try {
    return decodeScriptNumber(data, true)
  } catch (error) {
    if (error instanceof ScriptError) return undefined
    throw error
  }
}

/** @see Bitcoin Core `MatchMultisig` */
function classifyMultisig(script: Uint8Array): StandardOutput | undefined {
  // Most scripts are none: told apart before they are taken apart.
  if (script.at(-1) !== OP_CHECKMULTISIG) return undefined
  const { steps, isWhole } = readSteps(script)
  const [first] = steps
  const last = steps.at(-2)
  if (!isWhole || first === undefined || last === undefined || steps.length < 3) return undefined
  if (steps.at(-1)?.opcode !== OP_CHECKMULTISIG) return undefined
  const required = readCount(first)
  const total = readCount(last)
  const publicKeys = steps.slice(1, -2).map((step) => step.data ?? new Uint8Array())
  if (required === undefined || total !== publicKeys.length) return undefined
  const fits = required >= 1 && required <= total && total <= MAX_MULTISIG_KEYS
  return fits && publicKeys.every(isPublicKeySize)
    ? { type: 'multisig', required, publicKeys }
    : undefined
}

function classifyPubkey(script: Uint8Array): StandardOutput | undefined {
  if (script.at(-1) !== OP_CHECKSIG || script.length !== (script[0] ?? 0) + 2) return undefined
  const publicKey = script.slice(1, -1)
  return isPublicKeySize(publicKey) ? { type: 'pubkey', publicKey } : undefined
}

function classifyPubkeyHash(script: Uint8Array): StandardOutput | undefined {
  const isKeyHash =
    script.length === HASH_SIZE + 5 &&
    script[0] === OP_DUP &&
    script[1] === OP_HASH160 &&
    script[2] === HASH_SIZE &&
    script[HASH_SIZE + 3] === OP_EQUALVERIFY &&
    script[HASH_SIZE + 4] === OP_CHECKSIG
  return isKeyHash ? { type: 'pubkeyhash', hash: script.slice(3, 3 + HASH_SIZE) } : undefined
}

/** Tells what kind of output a script makes. @see Bitcoin Core `Solver` */
export function classifyOutput(script: Uint8Array): StandardOutput {
  if (isScriptHash(script)) return { type: 'scripthash', hash: script.slice(2, 2 + HASH_SIZE) }
  const witness = readWitnessProgram(script)
  if (witness !== undefined) return classifyWitness(witness)
  if (script[0] === OP_RETURN && isPushOnly(script.subarray(1))) return { type: 'nulldata' }
  return (
    classifyPubkey(script) ??
    classifyPubkeyHash(script) ??
    classifyMultisig(script) ?? { type: 'nonstandard' }
  )
}
