/** @module The state of a running script. */

import { ConditionStack } from './condition-stack.ts'
import { type ScriptFlags, VERIFY_MINIMALDATA } from './flags.ts'
import { ScriptCursor } from './script-bytes.ts'
import { require, ScriptError } from './script-error.ts'
import {
  decodeBoolean,
  decodeScriptNumber,
  encodeScriptNumber,
  MAX_NUMBER_SIZE,
} from './script-number.ts'
import type { SignatureChecker } from './signature-checker.ts'

/** Stack and alternative stack together hold at most this many values. */
export const MAX_STACK_SIZE = 1000
/** Outside tapscript, opcodes other than pushes, executed or not, plus the keys of multisigs executed. */
const MAX_OPS_PER_SCRIPT = 201

/** Which rules a script runs under. @see Bitcoin Core `SigVersion` */
export type ScriptVersion = 'base' | 'witness_v0' | 'tapscript'

/** What only tapscripts have. */
export interface TapscriptContext {
  readonly leafHash: Uint8Array
  readonly annexHash: Uint8Array | undefined
  /** How much signature checking the witness has paid for, in weight units. @see BIP-0342 */
  readonly validationWeight: number
}

/** What a script runs with. */
export interface ScriptRun {
  readonly script: Uint8Array
  /** Bottom first. Changed by running; the values in it never are. */
  readonly stack: Uint8Array[]
  readonly flags: ScriptFlags
  readonly version: ScriptVersion
  readonly checker: SignatureChecker
  /** Given for tapscripts. */
  readonly tapscript?: TapscriptContext
}

const TRUE = Uint8Array.of(1)
const FALSE = new Uint8Array()
const NO_CODE_SEPARATOR = 0xffff_ffff

/** The state of a running script, and the steps that operations are made of. */
export class ScriptMachine {
  readonly script: Uint8Array
  readonly stack: Uint8Array[]
  readonly altStack: Uint8Array[] = []
  readonly conditions = new ConditionStack()
  readonly cursor: ScriptCursor
  readonly flags: ScriptFlags
  readonly version: ScriptVersion
  readonly checker: SignatureChecker
  readonly tapscript: TapscriptContext | undefined
  /** How many opcodes stand before the current one. */
  position = 0
  /** Where the script that signatures sign begins: after the last OP_CODESEPARATOR executed. */
  codeStart = 0
  /** {@link position} of the last OP_CODESEPARATOR executed. */
  codeSeparatorPosition = NO_CODE_SEPARATOR
  #validationWeightLeft: number
  #opCount = 0

  constructor(run: ScriptRun) {
    this.script = run.script
    this.stack = run.stack
    this.cursor = new ScriptCursor(run.script)
    this.flags = run.flags
    this.version = run.version
    this.checker = run.checker
    this.tapscript = run.tapscript
    this.#validationWeightLeft = run.tapscript?.validationWeight ?? 0
  }

  hasFlag(flag: ScriptFlags): boolean {
    return (this.flags & flag) !== 0
  }

  /**
   * Counts operations against the limit, which tapscript does not have.
   *
   * @throws {@link ScriptError} `OP_COUNT`
   */
  countOperations(count: number): void {
    if (this.version === 'tapscript') return
    this.#opCount += count
    require(this.#opCount <= MAX_OPS_PER_SCRIPT, 'OP_COUNT')
  }

  /**
   * Pays for a signature check out of what the witness weighs.
   *
   * @throws {@link ScriptError} `TAPSCRIPT_VALIDATION_WEIGHT`
   */
  spendValidationWeight(weight: number): void {
    this.#validationWeightLeft -= weight
    require(this.#validationWeightLeft >= 0, 'TAPSCRIPT_VALIDATION_WEIGHT')
  }

  /** @throws {@link ScriptError} `STACK_SIZE` */
  checkStackSize(): void {
    require(this.stack.length + this.altStack.length <= MAX_STACK_SIZE, 'STACK_SIZE')
  }

  /** @throws {@link ScriptError} `INVALID_STACK_OPERATION` unless the stack holds `count` values. */
  requireDepth(count: number): void {
    require(this.stack.length >= count, 'INVALID_STACK_OPERATION')
  }

  /**
   * The value at a depth: 1 is the top.
   *
   * @throws {@link ScriptError} `INVALID_STACK_OPERATION` if the stack is not as deep.
   */
  peek(depth = 1): Uint8Array {
    const value = this.stack[this.stack.length - depth]
    if (value === undefined) throw new ScriptError('INVALID_STACK_OPERATION')
    return value
  }

  /** @throws {@link ScriptError} `INVALID_STACK_OPERATION` if the stack is empty. */
  pop(): Uint8Array {
    const value = this.stack.pop()
    if (value === undefined) throw new ScriptError('INVALID_STACK_OPERATION')
    return value
  }

  push(value: Uint8Array): void {
    this.stack.push(value)
  }

  /**
   * Takes the value at a depth off the stack: 1 is the top.
   *
   * @throws {@link ScriptError} `INVALID_STACK_OPERATION` if the stack is not as deep.
   */
  take(depth: number): Uint8Array {
    const value = this.peek(depth)
    this.stack.splice(this.stack.length - depth, 1)
    return value
  }

  /** @throws {@link ScriptError} `INVALID_STACK_OPERATION` or `SCRIPTNUM`. */
  peekNumber(depth = 1, maxSize = MAX_NUMBER_SIZE): number {
    return decodeScriptNumber(this.peek(depth), this.hasFlag(VERIFY_MINIMALDATA), maxSize)
  }

  /** @throws {@link ScriptError} `INVALID_STACK_OPERATION` or `SCRIPTNUM`. */
  popNumber(): number {
    const value = this.peekNumber()
    this.stack.pop()
    return value
  }

  pushNumber(value: number): void {
    this.push(encodeScriptNumber(value))
  }

  /** @throws {@link ScriptError} `INVALID_STACK_OPERATION` if the stack is empty. */
  popBoolean(): boolean {
    return decodeBoolean(this.pop())
  }

  pushBoolean(value: boolean): void {
    this.push(value ? TRUE : FALSE)
  }
}

/** What an opcode does. @throws {@link ScriptError} if it makes the script fail. */
export type Operation = (machine: ScriptMachine) => void

/** Opcodes with what they do. */
export type Operations = ReadonlyMap<number, Operation>
