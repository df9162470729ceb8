/** @module The standard kinds of outputs, by Bitcoin Core's names. */

import {
  OP_0,
  OP_1,
  OP_1NEGATE,
  OP_16,
  OP_CHECKMULTISIG,
  OP_CHECKSIG,
  OP_DUP,
  OP_EQUAL,
  OP_EQUALVERIFY,
  OP_HASH160,
  OP_RETURN,
} from './opcodes.ts'
import { MAX_SCRIPT_SIZE, readSteps } from './script-bytes.ts'

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

/** A witness program: version and 2 to 40 bytes (BIP-0141). */
export function readWitnessProgram(
  script: Uint8Array,
): { readonly version: number; readonly program: Uint8Array } | undefined {
  const [first = 0xff, size = 0] = script
  if (script.length < 4 || script.length > 42 || size + 2 !== script.length) return undefined
  if (first !== OP_0 && (first < OP_1 || first > OP_16)) return undefined
  return { version: first === OP_0 ? 0 : first - OP_1 + 1, program: script.slice(2) }
}

function isPublicKeySize(key: Uint8Array): boolean {
  const [prefix = 0] = key
  if (key.length === 33) return prefix === 2 || prefix === 3
  return key.length === 65 && (prefix === 4 || prefix === 6 || prefix === 7)
}

function classifyWitness(version: number, program: Uint8Array): StandardOutput {
  if (version === 0 && program.length === 20) return { type: 'witness_v0_keyhash', hash: program }
  if (version === 0 && program.length === 32)
    return { type: 'witness_v0_scripthash', hash: program }
  if (version === 0) return { type: 'nonstandard' }
  if (version === 1 && program.length === 32) {
    return { type: 'witness_v1_taproot', outputKey: program }
  }
  if (version === 1 && program.length === 2 && program[0] === 0x4e && program[1] === 0x73) {
    return { type: 'anchor' }
  }
  return { type: 'witness_unknown', version, program }
}

function classifyMultisig(script: Uint8Array): StandardOutput | undefined {
  const { steps, isWhole } = readSteps(script)
  const [first] = steps
  const count = steps.at(-2)
  if (!isWhole || first === undefined || count === undefined) return undefined
  if (steps.at(-1)?.opcode !== OP_CHECKMULTISIG) return undefined
  const publicKeys = steps.slice(1, -2).map((step) => step.data ?? new Uint8Array())
  const required = first.opcode - OP_1 + 1
  const isCounted = count.opcode - OP_1 + 1 === publicKeys.length
  const fits = required >= 1 && required <= publicKeys.length && publicKeys.length <= 16
  return isCounted && fits && publicKeys.every(isPublicKeySize)
    ? { type: 'multisig', required, publicKeys }
    : undefined
}

function isNullData(script: Uint8Array): boolean {
  if (script[0] !== OP_RETURN) return false
  const { steps, isWhole } = readSteps(script.subarray(1))
  return isWhole && steps.every(({ opcode }) => opcode <= OP_16 && opcode !== OP_1NEGATE + 1)
}

/** Tells what kind of output a script makes. @see Bitcoin Core `Solver` */
export function classifyOutput(script: Uint8Array): StandardOutput {
  if (
    script.length === 23 &&
    script[0] === OP_HASH160 &&
    script[1] === 20 &&
    script[22] === OP_EQUAL
  ) {
    return { type: 'scripthash', hash: script.slice(2, 22) }
  }
  const witness = readWitnessProgram(script)
  if (witness !== undefined) return classifyWitness(witness.version, witness.program)
  if (script.length <= MAX_SCRIPT_SIZE && isNullData(script)) return { type: 'nulldata' }
  const last = script.at(-1)
  const [size = 0] = script
  if (last === OP_CHECKSIG && script.length === size + 2) {
    const publicKey = script.slice(1, -1)
    if (isPublicKeySize(publicKey)) return { type: 'pubkey', publicKey }
  }
  const isKeyHash =
    script.length === 25 &&
    script[0] === OP_DUP &&
    script[1] === OP_HASH160 &&
    script[2] === 20 &&
    script[23] === OP_EQUALVERIFY &&
    last === OP_CHECKSIG
  if (isKeyHash) return { type: 'pubkeyhash', hash: script.slice(3, 23) }
  return classifyMultisig(script) ?? { type: 'nonstandard' }
}
