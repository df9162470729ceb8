/** @module Running scripts. */

import { VERIFY_CONST_SCRIPTCODE, VERIFY_MINIMALDATA } from './flags.ts'
import { FLOW_OPERATIONS } from './flow-operations.ts'
import { HASH_OPERATIONS } from './hash-operations.ts'
import { NUMBER_OPERATIONS } from './number-operations.ts'
import {
  isDisabledOpcode,
  OP_1,
  OP_1NEGATE,
  OP_16,
  OP_CODESEPARATOR,
  OP_ENDIF,
  OP_IF,
  OP_PUSHDATA4,
} from './opcodes.ts'
import { isMinimalPush, MAX_SCRIPT_ELEMENT_SIZE, MAX_SCRIPT_SIZE } from './script-bytes.ts'
import { require, ScriptError } from './script-error.ts'
import { type Operation, type Operations, ScriptMachine, type ScriptRun } from './script-machine.ts'
import { SIGNATURE_OPERATIONS } from './signature-operations.ts'
import { STACK_OPERATIONS } from './stack-operations.ts'

function createPushNumber(value: number): [number, Operation] {
  return [value === -1 ? OP_1NEGATE : OP_1 - 1 + value, (machine) => machine.pushNumber(value)]
}

const families: readonly Operations[] = [
  new Map([createPushNumber(-1), ...Array.from({ length: 16 }, (_, i) => createPushNumber(i + 1))]),
  FLOW_OPERATIONS,
  STACK_OPERATIONS,
  NUMBER_OPERATIONS,
  HASH_OPERATIONS,
  SIGNATURE_OPERATIONS,
]

/** By opcode. Opcodes without an operation make a script fail where they are executed. */
const OPERATIONS: readonly (Operation | undefined)[] = Array.from({ length: 256 }, (_, opcode) =>
  families.map((family) => family.get(opcode)).find((operation) => operation !== undefined),
)

/** What holds for an opcode whether it is executed or not. */
function checkOpcode(machine: ScriptMachine, opcode: number): void {
  require(machine.cursor.data.length <= MAX_SCRIPT_ELEMENT_SIZE, 'PUSH_SIZE')
  if (opcode <= OP_16) return
  machine.countOperations(1)
  require(!isDisabledOpcode(opcode), 'DISABLED_OPCODE')
  if (opcode === OP_CODESEPARATOR && machine.version === 'base') {
    require(!machine.hasFlag(VERIFY_CONST_SCRIPTCODE), 'OP_CODESEPARATOR')
  }
}

function runStep(machine: ScriptMachine): void {
  const { opcode, data } = machine.cursor
  checkOpcode(machine, opcode)
  const isExecuting = machine.conditions.isExecuting
  if (opcode <= OP_PUSHDATA4) {
    if (!isExecuting) return
    const mustBeMinimal = machine.hasFlag(VERIFY_MINIMALDATA)
    require(!mustBeMinimal || isMinimalPush(opcode, data), 'MINIMALDATA')
    machine.push(data)
  } else if (isExecuting || (opcode >= OP_IF && opcode <= OP_ENDIF)) {
    const operation = OPERATIONS[opcode]
    if (operation === undefined) throw new ScriptError('BAD_OPCODE')
    operation(machine)
  }
}

/**
 * Runs one script on a stack, to its end.
 *
 * What is left on the stack is for the caller to judge.
 *
 * @throws {@link ScriptError} with any code of an opcode or of a limit.
 * @see Bitcoin Core `EvalScript`
 */
export function runScript(run: ScriptRun): void {
  const isLimited = run.version !== 'tapscript'
  require(!isLimited || run.script.length <= MAX_SCRIPT_SIZE, 'SCRIPT_SIZE')
  const machine = new ScriptMachine(run)
  while (!machine.cursor.isAtEnd) {
    require(machine.cursor.next(), 'BAD_OPCODE')
    runStep(machine)
    machine.checkStackSize()
    machine.position += 1
  }
  require(machine.conditions.isEmpty, 'UNBALANCED_CONDITIONAL')
}
