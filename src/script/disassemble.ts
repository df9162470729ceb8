/** @module Scripts as people read them. */

import { encodeHex } from '../util/index.ts'
import { VERIFY_STRICTENC } from './flags.ts'
import { OP_PUSHDATA4, opcodeName } from './opcodes.ts'
import { isUnspendable, ScriptCursor } from './script-bytes.ts'
import { ScriptError } from './script-error.ts'
import { decodeScriptNumber, MAX_NUMBER_SIZE } from './script-number.ts'
import { checkSignatureEncoding } from './signature-encoding.ts'
import {
  SIGHASH_ALL,
  SIGHASH_ANYONECANPAY,
  SIGHASH_NONE,
  SIGHASH_SINGLE,
} from './signature-hash.ts'

const HASH_TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [SIGHASH_ALL, 'ALL'],
  [SIGHASH_ALL | SIGHASH_ANYONECANPAY, 'ALL|ANYONECANPAY'],
  [SIGHASH_NONE, 'NONE'],
  [SIGHASH_NONE | SIGHASH_ANYONECANPAY, 'NONE|ANYONECANPAY'],
  [SIGHASH_SINGLE, 'SINGLE'],
  [SIGHASH_SINGLE | SIGHASH_ANYONECANPAY, 'SINGLE|ANYONECANPAY'],
])

function isStrictSignature(data: Uint8Array): boolean {
  try {
    checkSignatureEncoding(data, VERIFY_STRICTENC)
    return true
  } catch (error) {
    if (error instanceof ScriptError) return false
    throw error
  }
}

function showPush(data: Uint8Array, namesHashTypes: boolean): string {
  // Short pushes are shown as numbers, whatever they are meant as.
  if (data.length <= MAX_NUMBER_SIZE) return String(decodeScriptNumber(data, false))
  const name = HASH_TYPE_NAMES.get(data.at(-1) ?? 0)
  if (!namesHashTypes || name === undefined || !isStrictSignature(data)) return encodeHex(data)
  return `${encodeHex(data.subarray(0, -1))}[${name}]`
}

/** How a script is shown. */
export interface DisassembleOptions {
  /** Whether what looks like a signature is shown with its hash type by name, as RPC shows scriptSigs. */
  readonly namesHashTypes?: boolean
}

/** Writes a script as `asm`, the way RPC shows it. @see Bitcoin Core `ScriptToAsmStr` */
export function disassemble(script: Uint8Array, options: DisassembleOptions = {}): string {
  const namesHashTypes = options.namesHashTypes === true && !isUnspendable(script)
  const words: string[] = []
  const cursor = new ScriptCursor(script)
  while (cursor.next()) {
    const { opcode, data } = cursor
    words.push(opcode <= OP_PUSHDATA4 ? showPush(data, namesHashTypes) : opcodeName(opcode))
  }
  if (!cursor.isWhole) words.push('[error]')
  return words.join(' ')
}
