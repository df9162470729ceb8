/** @module Opcodes that calculate. */

import {
  OP_0NOTEQUAL,
  OP_1ADD,
  OP_1SUB,
  OP_ABS,
  OP_ADD,
  OP_BOOLAND,
  OP_BOOLOR,
  OP_GREATERTHAN,
  OP_GREATERTHANOREQUAL,
  OP_LESSTHAN,
  OP_LESSTHANOREQUAL,
  OP_MAX,
  OP_MIN,
  OP_NEGATE,
  OP_NOT,
  OP_NUMEQUAL,
  OP_NUMEQUALVERIFY,
  OP_NUMNOTEQUAL,
  OP_SUB,
  OP_WITHIN,
} from './opcodes.ts'
import { require } from './script-error.ts'
import type { Operation, Operations, ScriptMachine } from './script-machine.ts'

/** One number in, one out. */
function createUnary(compute: (value: number) => number): Operation {
  return (machine) => {
    machine.pushNumber(compute(machine.popNumber()))
  }
}

/** Takes two numbers off the stack, the deeper one first. */
function popPair(machine: ScriptMachine): readonly [number, number] {
  machine.requireDepth(2)
  const b = machine.popNumber()
  const a = machine.popNumber()
  return [a, b]
}

/** Two numbers in, one out. */
function createBinary(compute: (a: number, b: number) => number): Operation {
  return (machine) => {
    machine.pushNumber(compute(...popPair(machine)))
  }
}

/** Two numbers in, true or false out. */
function createComparison(compare: (a: number, b: number) => boolean): Operation {
  return (machine) => {
    machine.pushBoolean(compare(...popPair(machine)))
  }
}

function runNumEqualVerify(machine: ScriptMachine): void {
  const [a, b] = popPair(machine)
  require(a === b, 'NUMEQUALVERIFY')
}

function runWithin(machine: ScriptMachine): void {
  machine.requireDepth(3)
  const max = machine.popNumber()
  const min = machine.popNumber()
  const value = machine.popNumber()
  machine.pushBoolean(min <= value && value < max)
}

/** The opcodes of this family. */
export const NUMBER_OPERATIONS: Operations = new Map<number, Operation>([
  [OP_1ADD, createUnary((value) => value + 1)],
  [OP_1SUB, createUnary((value) => value - 1)],
  [OP_NEGATE, createUnary((value) => -value)],
  [OP_ABS, createUnary(Math.abs)],
  [OP_NOT, createUnary((value) => (value === 0 ? 1 : 0))],
  [OP_0NOTEQUAL, createUnary((value) => (value === 0 ? 0 : 1))],
  [OP_ADD, createBinary((a, b) => a + b)],
  [OP_SUB, createBinary((a, b) => a - b)],
  [OP_MIN, createBinary(Math.min)],
  [OP_MAX, createBinary(Math.max)],
  [OP_BOOLAND, createComparison((a, b) => a !== 0 && b !== 0)],
  [OP_BOOLOR, createComparison((a, b) => a !== 0 || b !== 0)],
  [OP_NUMEQUAL, createComparison((a, b) => a === b)],
  [OP_NUMNOTEQUAL, createComparison((a, b) => a !== b)],
  [OP_LESSTHAN, createComparison((a, b) => a < b)],
  [OP_GREATERTHAN, createComparison((a, b) => a > b)],
  [OP_LESSTHANOREQUAL, createComparison((a, b) => a <= b)],
  [OP_GREATERTHANOREQUAL, createComparison((a, b) => a >= b)],
  [OP_NUMEQUALVERIFY, runNumEqualVerify],
  [OP_WITHIN, runWithin],
])
