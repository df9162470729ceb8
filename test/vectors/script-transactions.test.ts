import { describe, expect, it } from 'vitest'
import { ConsensusError, checkTransaction } from '../../src/consensus/index.ts'
import { decodeTransaction, type Transaction } from '../../src/primitives/index.ts'
import type { ScriptFlags } from '../../src/script/index.ts'
import { decodeHex } from '../../src/util/index.ts'
import {
  describeVectors,
  FLAGS,
  fillFlags,
  findScriptError,
  orderPrevouts,
  parseFlags,
  readVectors,
  trimFlags,
  VectorTally,
} from './vectors.support.ts'

const ALL_FLAGS = [...FLAGS.values()].reduce((sum, flag) => sum | flag, 0)

function findTransactionError(tx: Transaction): string | undefined {
  try {
    checkTransaction(tx)
    return undefined
  } catch (error) {
    if (error instanceof ConsensusError) return error.code
    throw error
  }
}

/** A set of flags without each of its flags in turn. */
function withoutEach(flags: ScriptFlags, trim: (flags: ScriptFlags) => ScriptFlags): ScriptFlags[] {
  return [...FLAGS.values()]
    .filter((flag) => (flags & flag) !== 0)
    .map((flag) => trim(flags & ~flag))
    .filter((rest) => rest !== flags)
}

function checkValid(prevouts: never, hex: string, excludedNames: string): void {
  const tx = decodeTransaction(decodeHex(hex))
  const spent = orderPrevouts(tx, prevouts)
  const excluded = parseFlags(excludedNames)
  expect(findTransactionError(tx)).toBeUndefined()
  const flags = trimFlags(ALL_FLAGS & ~excluded)
  expect(findScriptError(tx, spent, flags), 'all flags not excluded').toBeUndefined()
  // Fewer rules never make a transaction invalid.
  for (const flag of FLAGS.values()) {
    const fewer = trimFlags(flags & ~flag)
    expect(findScriptError(tx, spent, fewer), `without flag ${flag}`).toBeUndefined()
  }
  // Nothing is excluded without need.
  for (const rest of withoutEach(excluded, fillFlags)) {
    const more = trimFlags(ALL_FLAGS & ~rest)
    expect(findScriptError(tx, spent, more), `excluding only ${rest}`).toBeDefined()
  }
}

function checkInvalid(prevouts: never, hex: string, names: string): void {
  const tx = decodeTransaction(decodeHex(hex))
  if (names === 'BADTX') {
    expect(findTransactionError(tx)).toBeDefined()
    return
  }
  expect(findTransactionError(tx)).toBeUndefined()
  const spent = orderPrevouts(tx, prevouts)
  const flags = parseFlags(names)
  expect(findScriptError(tx, spent, flags), 'the flags named').toBeDefined()
  // More rules never make a transaction valid.
  for (const flag of FLAGS.values()) {
    expect(findScriptError(tx, spent, fillFlags(flags | flag)), `with flag ${flag}`).toBeDefined()
  }
  // No flag is named without need.
  for (const fewer of withoutEach(flags, trimFlags)) {
    expect(findScriptError(tx, spent, fewer), `only flags ${fewer}`).toBeUndefined()
  }
}

/** As older copies of Core's vectors have it: with the flags under which it is valid, and with fewer. */
function checkValidUnder(prevouts: never, hex: string, names: string): void {
  const tx = decodeTransaction(decodeHex(hex))
  const spent = orderPrevouts(tx, prevouts)
  expect(findTransactionError(tx)).toBeUndefined()
  const flags = parseFlags(names)
  expect(findScriptError(tx, spent, flags), 'the flags named').toBeUndefined()
  for (const flag of FLAGS.values()) {
    const fewer = trimFlags(flags & ~flag)
    expect(findScriptError(tx, spent, fewer), `without flag ${flag}`).toBeUndefined()
  }
}

/** As older copies of Core's vectors have it: a transaction that breaks a rule by itself is not told apart. */
function checkInvalidUnder(prevouts: never, hex: string, names: string): void {
  const tx = decodeTransaction(decodeHex(hex))
  if (findTransactionError(tx) !== undefined) return
  expect(findScriptError(tx, orderPrevouts(tx, prevouts), parseFlags(names))).toBeDefined()
}

describe.each([
  { file: 'bitcoin-core/tx_valid.json', check: checkValid },
  { file: 'bitcoin-core/tx_invalid.json', check: checkInvalid },
  { file: 'bitcore/bitcoind/tx_valid.json', check: checkValidUnder },
  { file: 'bitcore/bitcoind/tx_invalid.json', check: checkInvalidUnder },
])('$file', ({ file, check }) => {
  describeVectors(file, () => {
    it('every transaction, with more rules and with fewer', () => {
      const entries: readonly (readonly never[])[] = readVectors(file)
      const cases = entries.filter((entry) => entry.length > 1)
      const tally = new VectorTally(file)
      for (const [prevouts, hex, flags] of cases) {
        tally.run(`${flags} ${String(hex).slice(0, 120)}`, () => {
          check(prevouts as never, String(hex), String(flags))
        })
      }
      tally.finish(cases.length)
    }, 300_000)
  })
})
