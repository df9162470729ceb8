/** @module Opcodes that decide what runs: conditions, verification, upgradable no-operations, lock times. */

import {
  VERIFY_CHECKLOCKTIMEVERIFY,
  VERIFY_CHECKSEQUENCEVERIFY,
  VERIFY_DISCOURAGE_UPGRADABLE_NOPS,
  VERIFY_MINIMALIF,
} from './flags.ts'
import {
  OP_CHECKLOCKTIMEVERIFY,
  OP_CHECKSEQUENCEVERIFY,
  OP_ELSE,
  OP_ENDIF,
  OP_IF,
  OP_NOP,
  OP_NOP1,
  OP_NOP4,
  OP_NOP10,
  OP_NOTIF,
  OP_RETURN,
  OP_VERIFY,
} from './opcodes.ts'
import { require, ScriptError } from './script-error.ts'
import type { Operation, Operations, ScriptMachine } from './script-machine.ts'
import { MAX_LOCK_TIME_NUMBER_SIZE } from './script-number.ts'
import { SEQUENCE_DISABLE_FLAG } from './signature-checker.ts'

function isMinimalBoolean(value: Uint8Array): boolean {
  return value.length === 0 || (value.length === 1 && value[0] === 1)
}

/** Takes the condition off the stack. */
function popCondition(machine: ScriptMachine): boolean {
  require(machine.stack.length >= 1, 'UNBALANCED_CONDITIONAL')
  const isMinimal = isMinimalBoolean(machine.peek())
  require(machine.version !== 'tapscript' || isMinimal, 'TAPSCRIPT_MINIMALIF')
  const mustBeMinimal = machine.version === 'witness_v0' && machine.hasFlag(VERIFY_MINIMALIF)
  require(!mustBeMinimal || isMinimal, 'MINIMALIF')
  return machine.popBoolean()
}

function createIf(takenOn: boolean): Operation {
  return (machine) => {
    const { conditions } = machine
    // Within a branch that does not run, conditions are counted but not evaluated.
    conditions.push(conditions.isExecuting && popCondition(machine) === takenOn)
  }
}

function runElse({ conditions }: ScriptMachine): void {
  require(!conditions.isEmpty, 'UNBALANCED_CONDITIONAL')
  conditions.toggle()
}

function runEndIf({ conditions }: ScriptMachine): void {
  require(!conditions.isEmpty, 'UNBALANCED_CONDITIONAL')
  conditions.pop()
}

function runVerify(machine: ScriptMachine): void {
  require(machine.popBoolean(), 'VERIFY')
}

function runReturn(): void {
  throw new ScriptError('OP_RETURN')
}

function runNop(): void {
  // Does nothing, and nobody has plans for it.
}

function runUpgradableNop(machine: ScriptMachine): void {
  const isDiscouraged = machine.hasFlag(VERIFY_DISCOURAGE_UPGRADABLE_NOPS)
  require(!isDiscouraged, 'DISCOURAGE_UPGRADABLE_NOPS')
}

/** @see BIP-0065 */
function runCheckLockTimeVerify(machine: ScriptMachine): void {
  if (!machine.hasFlag(VERIFY_CHECKLOCKTIMEVERIFY)) return
  const lockTime = machine.peekNumber(1, MAX_LOCK_TIME_NUMBER_SIZE)
  require(lockTime >= 0, 'NEGATIVE_LOCKTIME')
  require(machine.checker.isLockedUntil(lockTime), 'UNSATISFIED_LOCKTIME')
}

/** @see BIP-0112 */
function runCheckSequenceVerify(machine: ScriptMachine): void {
  if (!machine.hasFlag(VERIFY_CHECKSEQUENCEVERIFY)) return
  const sequence = machine.peekNumber(1, MAX_LOCK_TIME_NUMBER_SIZE)
  require(sequence >= 0, 'NEGATIVE_LOCKTIME')
  // Numbers of five bytes are cut to 32 bits here, which is where the flags are.
  if ((sequence & SEQUENCE_DISABLE_FLAG) !== 0) return
  require(machine.checker.isLockedFor(sequence), 'UNSATISFIED_LOCKTIME')
}

const upgradableNops = [
  OP_NOP1,
  ...Array.from({ length: OP_NOP10 - OP_NOP4 + 1 }, (_, index) => OP_NOP4 + index),
]

/** The opcodes of this family. OP_IF to OP_ENDIF are also run where nothing else is. */
export const FLOW_OPERATIONS: Operations = new Map<number, Operation>([
  [OP_NOP, runNop],
  [OP_IF, createIf(true)],
  [OP_NOTIF, createIf(false)],
  [OP_ELSE, runElse],
  [OP_ENDIF, runEndIf],
  [OP_VERIFY, runVerify],
  [OP_RETURN, runReturn],
  [OP_CHECKLOCKTIMEVERIFY, runCheckLockTimeVerify],
  [OP_CHECKSEQUENCEVERIFY, runCheckSequenceVerify],
  ...upgradableNops.map((opcode): [number, Operation] => [opcode, runUpgradableNop]),
])
