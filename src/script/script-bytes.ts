/** @module Script bytes: writing pushes and walking over opcodes. */

import { concatBytes } from '../util/index.ts'
import {
  OP_0,
  OP_1,
  OP_1NEGATE,
  OP_16,
  OP_CODESEPARATOR,
  OP_NOP10,
  OP_PUSHDATA1,
  OP_PUSHDATA2,
  OP_PUSHDATA4,
  OP_RETURN,
} from './opcodes.ts'
import { encodeScriptNumber } from './script-number.ts'

/** The longest script that may run outside tapscript. @see Bitcoin Core `MAX_SCRIPT_SIZE` */
export const MAX_SCRIPT_SIZE = 10_000

/** The longest value that may be pushed. @see Bitcoin Core `MAX_SCRIPT_ELEMENT_SIZE` */
export const MAX_SCRIPT_ELEMENT_SIZE = 520

const NO_DATA = new Uint8Array()
const NEGATIVE_ONE = 0x81

/** The opcodes that push bytes, by the shortest length prefix. Never OP_1 and its like. */
export function pushData(data: Uint8Array): Uint8Array {
  const { length } = data
  if (length < OP_PUSHDATA1) return concatBytes(Uint8Array.of(length), data)
  if (length <= 0xff) return concatBytes(Uint8Array.of(OP_PUSHDATA1, length), data)
  if (length <= 0xffff) {
    return concatBytes(Uint8Array.of(OP_PUSHDATA2, length & 0xff, length >> 8), data)
  }
  const prefix = new Uint8Array(5)
  prefix[0] = OP_PUSHDATA4
  new DataView(prefix.buffer).setUint32(1, length, true)
  return concatBytes(prefix, data)
}

/** The opcodes that push a number, as BIP-0034 has heights. @see Bitcoin Core `CScript::push_int64` */
export function pushNumber(value: number): Uint8Array {
  if (value === 0) return Uint8Array.of(OP_0)
  if (value === -1) return Uint8Array.of(OP_1NEGATE)
  if (value >= 1 && value <= 16) return Uint8Array.of(OP_1 - 1 + value)
  return pushData(encodeScriptNumber(value))
}

/**
 * Walks over a script, one opcode at a time.
 *
 * After `next()` has returned true, `opcode` and `data` are of the step taken; `data` is a view into the
 * script and empty for what pushes no bytes. `next()` returns false at the end and at a push that
 * runs past it; `isWhole` tells the two apart.
 *
 * @see Bitcoin Core `GetScriptOp`
 */
export class ScriptCursor {
  readonly #script: Uint8Array
  /** Where the next opcode stands. */
  offset = 0
  opcode = OP_0
  data: Uint8Array = NO_DATA
  /** False once a push has been found to run past the end. */
  isWhole = true

  constructor(script: Uint8Array) {
    this.#script = script
  }

  get isAtEnd(): boolean {
    return this.offset >= this.#script.length
  }

  next(): boolean {
    const script = this.#script
    let at = this.offset
    if (!this.isWhole || at >= script.length) return false
    const opcode = script[at] ?? 0
    at += 1
    if (opcode > OP_PUSHDATA4) this.data = NO_DATA
    else {
      let size = opcode
      if (opcode >= OP_PUSHDATA1) {
        const prefix = 1 << (opcode - OP_PUSHDATA1)
        // Bytes missing from the prefix read as zero; the check below sees that they are missing.
        size = 0
        for (let i = prefix - 1; i >= 0; i--) size = size * 256 + (script[at + i] ?? 0)
        at += prefix
      }
      if (at + size > script.length) {
        this.isWhole = false
        return false
      }
      this.data = script.subarray(at, at + size)
      at += size
    }
    this.opcode = opcode
    this.offset = at
    return true
  }
}

/** One step of a script. `data` is undefined for opcodes that push no bytes. */
export interface ScriptStep {
  readonly opcode: number
  readonly data: Uint8Array | undefined
}

/**
 * All steps of a script.
 *
 * @returns The steps up to the end or to a push that runs past it; `isWhole` tells which.
 */
export function readSteps(script: Uint8Array): {
  readonly steps: readonly ScriptStep[]
  readonly isWhole: boolean
} {
  const steps: ScriptStep[] = []
  const cursor = new ScriptCursor(script)
  while (cursor.next()) {
    const { opcode } = cursor
    steps.push({ opcode, data: opcode <= OP_PUSHDATA4 ? cursor.data.slice() : undefined })
  }
  return { steps, isWhole: cursor.isWhole }
}

/** Whether a script only pushes. OP_RESERVED counts as a push. @see Bitcoin Core `CScript::IsPushOnly` */
export function isPushOnly(script: Uint8Array): boolean {
  const cursor = new ScriptCursor(script)
  while (cursor.next()) if (cursor.opcode > OP_16) return false
  return cursor.isWhole
}

/**
 * Whether a script is nothing but opcodes that have a meaning outside tapscript, and pushes that are whole and not too
 * long.
 *
 * @see Bitcoin Core `CScript::HasValidOps`
 */
export function hasValidOpcodes(script: Uint8Array): boolean {
  const cursor = new ScriptCursor(script)
  while (cursor.next()) {
    const { opcode, data } = cursor
    if (opcode > OP_NOP10 || data.length > MAX_SCRIPT_ELEMENT_SIZE) return false
  }
  return cursor.isWhole
}

/** Whether no shorter opcode pushes the same bytes. @see Bitcoin Core `CheckMinimalPush` */
export function isMinimalPush(opcode: number, data: Uint8Array): boolean {
  const [first = 0] = data
  if (data.length === 0) return opcode === OP_0
  if (data.length === 1 && ((first >= 1 && first <= 16) || first === NEGATIVE_ONE)) return false
  if (data.length < OP_PUSHDATA1) return opcode === data.length
  if (data.length <= 0xff) return opcode === OP_PUSHDATA1
  return data.length > 0xffff || opcode === OP_PUSHDATA2
}

/** Whether nothing can ever spend an output with this script. @see Bitcoin Core `CScript::IsUnspendable` */
export function isUnspendable(script: Uint8Array): boolean {
  return script[0] === OP_RETURN || script.length > MAX_SCRIPT_SIZE
}

function startsWithAt(bytes: Uint8Array, at: number, pattern: Uint8Array): boolean {
  if (at + pattern.length > bytes.length) return false
  for (let i = 0; i < pattern.length; i++) if (bytes[at + i] !== pattern[i]) return false
  return true
}

/**
 * A script without every occurrence of some bytes that begins where an opcode begins. The same script
 * object if there is none.
 *
 * @param pattern - Not empty.
 * @see Bitcoin Core `FindAndDelete`
 */
export function findAndDelete(script: Uint8Array, pattern: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = []
  let isFound = false
  let start = 0
  const cursor = new ScriptCursor(script)
  do {
    kept.push(script.subarray(start, cursor.offset))
    while (startsWithAt(script, cursor.offset, pattern)) {
      cursor.offset += pattern.length
      isFound = true
    }
    start = cursor.offset
  } while (cursor.next())
  if (!isFound) return script
  kept.push(script.subarray(start))
  return concatBytes(...kept)
}

/** A script without its OP_CODESEPARATORs, which legacy signatures do not sign. */
export function removeCodeSeparators(script: Uint8Array): Uint8Array {
  if (!script.includes(OP_CODESEPARATOR)) return script
  const kept: Uint8Array[] = []
  let start = 0
  const cursor = new ScriptCursor(script)
  while (cursor.next()) {
    if (cursor.opcode !== OP_CODESEPARATOR) continue
    kept.push(script.subarray(start, cursor.offset - 1))
    start = cursor.offset
  }
  kept.push(script.subarray(start))
  return concatBytes(...kept)
}
