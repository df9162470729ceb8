/** @module Opcodes that move values about, and compare them as bytes. */

import { equalBytes } from '../util/index.ts'
import {
  OP_2DROP,
  OP_2DUP,
  OP_2OVER,
  OP_2ROT,
  OP_2SWAP,
  OP_3DUP,
  OP_DEPTH,
  OP_DROP,
  OP_DUP,
  OP_EQUAL,
  OP_EQUALVERIFY,
  OP_FROMALTSTACK,
  OP_IFDUP,
  OP_NIP,
  OP_OVER,
  OP_PICK,
  OP_ROLL,
  OP_ROT,
  OP_SIZE,
  OP_SWAP,
  OP_TOALTSTACK,
  OP_TUCK,
} from './opcodes.ts'
import { require, ScriptError } from './script-error.ts'
import type { Operation, Operations, ScriptMachine } from './script-machine.ts'
import { decodeBoolean } from './script-number.ts'

/** Copies `count` values to the top; the deepest stands at `depth`. */
function createCopy(depth: number, count: number): Operation {
  return (machine) => {
    machine.requireDepth(depth)
    for (let i = 0; i < count; i++) machine.push(machine.peek(depth))
  }
}

/** Moves `count` values to the top; the deepest stands at `depth`. */
function createMove(depth: number, count: number): Operation {
  return (machine) => {
    machine.requireDepth(depth)
    for (let i = 0; i < count; i++) machine.push(machine.take(depth))
  }
}

function createDrop(count: number): Operation {
  return (machine) => {
    machine.requireDepth(count)
    machine.stack.length -= count
  }
}

function runToAltStack(machine: ScriptMachine): void {
  machine.altStack.push(machine.pop())
}

function runFromAltStack(machine: ScriptMachine): void {
  const value = machine.altStack.pop()
  if (value === undefined) throw new ScriptError('INVALID_ALTSTACK_OPERATION')
  machine.push(value)
}

function runIfDup(machine: ScriptMachine): void {
  const value = machine.peek()
  if (decodeBoolean(value)) machine.push(value)
}

function runDepth(machine: ScriptMachine): void {
  machine.pushNumber(machine.stack.length)
}

function runNip(machine: ScriptMachine): void {
  machine.take(2)
}

function runTuck(machine: ScriptMachine): void {
  machine.requireDepth(2)
  machine.stack.splice(-2, 0, machine.peek())
}

/** The depth, counted from 1, that the top of the stack tells from 0. */
function popDepth(machine: ScriptMachine): number {
  machine.requireDepth(2)
  const index = machine.popNumber()
  require(index >= 0 && index < machine.stack.length, 'INVALID_STACK_OPERATION')
  return index + 1
}

function runPick(machine: ScriptMachine): void {
  machine.push(machine.peek(popDepth(machine)))
}

function runRoll(machine: ScriptMachine): void {
  machine.push(machine.take(popDepth(machine)))
}

function runSize(machine: ScriptMachine): void {
  machine.pushNumber(machine.peek().length)
}

function popEqual(machine: ScriptMachine): boolean {
  machine.requireDepth(2)
  return equalBytes(machine.pop(), machine.pop())
}

function runEqual(machine: ScriptMachine): void {
  machine.pushBoolean(popEqual(machine))
}

function runEqualVerify(machine: ScriptMachine): void {
  require(popEqual(machine), 'EQUALVERIFY')
}

/** The opcodes of this family. */
export const STACK_OPERATIONS: Operations = new Map<number, Operation>([
  [OP_TOALTSTACK, runToAltStack],
  [OP_FROMALTSTACK, runFromAltStack],
  [OP_DROP, createDrop(1)],
  [OP_2DROP, createDrop(2)],
  [OP_DUP, createCopy(1, 1)],
  [OP_2DUP, createCopy(2, 2)],
  [OP_3DUP, createCopy(3, 3)],
  [OP_OVER, createCopy(2, 1)],
  [OP_2OVER, createCopy(4, 2)],
  [OP_SWAP, createMove(2, 1)],
  [OP_ROT, createMove(3, 1)],
  [OP_2SWAP, createMove(4, 2)],
  [OP_2ROT, createMove(6, 2)],
  [OP_IFDUP, runIfDup],
  [OP_DEPTH, runDepth],
  [OP_NIP, runNip],
  [OP_TUCK, runTuck],
  [OP_PICK, runPick],
  [OP_ROLL, runRoll],
  [OP_SIZE, runSize],
  [OP_EQUAL, runEqual],
  [OP_EQUALVERIFY, runEqualVerify],
])
