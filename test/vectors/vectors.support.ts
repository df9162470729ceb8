/** @module Reading the published script vectors: their notation, their transactions, and counting their cases. */

import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  computeTxid,
  fromDisplayHex,
  SEQUENCE_FINAL,
  type Transaction,
  type Txid,
  type TxOut,
  ZERO_HASH,
} from '../../src/primitives/index.ts'
import * as script from '../../src/script/index.ts'
import { concatBytes, decodeHex } from '../../src/util/index.ts'

/** Where sets of vectors are. */
const SOURCES = {
  /** In this repository. */
  own: new URL('./data/', import.meta.url),
  /** Among the tests of a package that every machine installs. */
  bitcore: new URL('../../node_modules/bitcore-lib/test/data/', import.meta.url),
} as const

/** Finds a set of vectors by its name: `bitcore/…` are in bitcore-lib, all others in `data`. */
function locate(path: string): URL {
  const [first, ...rest] = path.split('/')
  return first === 'bitcore' ? new URL(rest.join('/'), SOURCES.bitcore) : new URL(path, SOURCES.own)
}

/** What came of one set, for `npm run test:conformance`. */
export interface SetReport {
  readonly set: string
  /** Cases in the file; 0 if it is missing. */
  readonly cases: number
  readonly run: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Why, if any were. */
  readonly reasons: string
}

function report(set: SetReport): void {
  const file = process.env['QUARRY_CONFORMANCE_REPORT']
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(set)}\n`)
}

/** Runs a suite over sets of vectors. A set that is missing is a failure under its name. */
export function describeVectors(sets: string | readonly string[], suite: () => void): void {
  const all = [sets].flat()
  const missing = all.filter((set) => !existsSync(locate(set)))
  for (const set of missing) {
    it(`${set} is there`, () => {
      report({ set, cases: 0, run: 0, passed: 0, failed: 0, skipped: 0, reasons: 'missing' })
      expect.fail(`no such set: ${fileURLToPath(locate(set))}`)
    })
  }
  describe.runIf(missing.length === 0)(all.join(', '), suite)
}

export function readVectorText(path: string): string {
  return readFileSync(locate(path), 'utf8')
}

/** The names of the files in a folder of vectors. */
export function listVectors(path: string): readonly string[] {
  return readdirSync(locate(path))
}

// biome-ignore lint/suspicious/noExplicitAny: vectors have no schema; a wrong shape fails the test that reads it.
export function readVectors(path: string): any {
  return JSON.parse(readVectorText(path))
}

/** Counts the cases of one set, so that none is left out silently. */
export class VectorTally {
  readonly #name: string
  readonly #failures: string[] = []
  readonly #skipped = new Map<string, number>()
  #passed = 0

  constructor(name: string) {
    this.#name = name
  }

  /** Runs one case, which passes unless it throws. */
  run(label: string, check: () => void): void {
    try {
      check()
      this.#passed += 1
    } catch (error) {
      this.#failures.push(`${label}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  skip(why: string): void {
    this.#skipped.set(why, (this.#skipped.get(why) ?? 0) + 1)
  }

  /** Prints the counts and asserts that every case passed or was skipped for a reason. */
  finish(total: number): void {
    const skipped = [...this.#skipped.values()].reduce((sum, count) => sum + count, 0)
    const reasons = [...this.#skipped].map(([why, count]) => `${count} ${why}`).join(', ')
    const [passed, failed] = [this.#passed, this.#failures.length]
    const run = passed + failed
    report({ set: this.#name, cases: total, run, passed, failed, skipped, reasons })
    expect(this.#failures).toEqual([])
    expect(this.#passed + skipped).toBe(total)
    expect(this.#passed).toBeGreaterThan(0)
  }
}

/** Opcodes by the names that the vectors have: with OP_ and without, from OP_NOP on, and OP_RESERVED. */
const OPCODES: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 256 }, (_, opcode) => ({ opcode, name: script.opcodeName(opcode) }))
    .filter(({ opcode, name }) => name !== 'OP_UNKNOWN' && (opcode > 0x60 || opcode === 0x50))
    .flatMap(({ opcode, name }): [string, number][] => [
      [name, opcode],
      [name.slice('OP_'.length), opcode],
    ])
    // As they were called before BIP-0065 and BIP-0112.
    .concat([
      ['NOP2', 0xb1],
      ['NOP3', 0xb2],
    ]),
)

/** A number beyond what scripts reckon with, as they would write it. */
function pushLargeNumber(value: bigint): Uint8Array {
  const bytes: number[] = []
  for (let rest = value < 0n ? -value : value; rest > 0n; rest >>= 8n)
    bytes.push(Number(rest & 0xffn))
  const top = bytes.at(-1) ?? 0
  if (top >= 0x80) bytes.push(0)
  if (value < 0n) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80
  return script.pushData(Uint8Array.from(bytes))
}

function parseWord(word: string): Uint8Array {
  if (/^-?\d+$/.test(word)) {
    const value = Number(word)
    return Number.isSafeInteger(value) ? script.pushNumber(value) : pushLargeNumber(BigInt(word))
  }
  if (word.startsWith('0x')) return decodeHex(word.slice(2))
  if (word.startsWith("'") && word.endsWith("'")) {
    return script.pushData(new TextEncoder().encode(word.slice(1, -1)))
  }
  const opcode = OPCODES.get(word)
  if (opcode === undefined) throw new RangeError(`no such opcode: ${word}`)
  return Uint8Array.of(opcode)
}

/** Reads the notation of Core's vectors. @see Bitcoin Core `ParseScript` */
export function parseScript(text: string): Uint8Array {
  const words = text.split(/\s+/).filter((word) => word !== '')
  return concatBytes(...words.map(parseWord))
}

/** Every flag by its name. */
export const FLAGS: ReadonlyMap<string, script.ScriptFlags> = new Map(
  Object.entries(script)
    .filter((entry): entry is [string, number] => /^VERIFY_/.test(entry[0]) && entry[1] !== 0)
    .map(([name, bit]) => [name.slice('VERIFY_'.length), bit]),
)

/** Reads flags as the vectors have them: names with commas between. */
export function parseFlags(text: string): script.ScriptFlags {
  let flags = script.VERIFY_NONE
  for (const name of text.split(',').filter((each) => each !== '' && each !== 'NONE')) {
    const flag = FLAGS.get(name)
    if (flag === undefined) throw new RangeError(`no such flag: ${name}`)
    flags |= flag
  }
  return flags
}

/** Adds the flags that others need. @see Bitcoin Core's tests, `FillFlags` */
export function fillFlags(flags: script.ScriptFlags): script.ScriptFlags {
  let filled = flags
  if ((filled & script.VERIFY_CLEANSTACK) !== 0) filled |= script.VERIFY_WITNESS
  if ((filled & script.VERIFY_WITNESS) !== 0) filled |= script.VERIFY_P2SH
  return filled
}

/** Takes away the flags that lack one they need. @see Bitcoin Core's tests, `TrimFlags` */
export function trimFlags(flags: script.ScriptFlags): script.ScriptFlags {
  let trimmed = flags
  if ((trimmed & script.VERIFY_P2SH) === 0) trimmed &= ~script.VERIFY_WITNESS
  if ((trimmed & script.VERIFY_WITNESS) === 0) trimmed &= ~script.VERIFY_CLEANSTACK
  return trimmed
}

/** The transaction pair that script_tests describes: one pays to the script, the other spends that. */
export function createSpend(
  scriptPubKey: Uint8Array,
  scriptSig: Uint8Array,
  witness: readonly Uint8Array[],
  value: bigint,
): { readonly tx: Transaction; readonly spentOutputs: readonly TxOut[] } {
  const credit: Transaction = {
    version: 1,
    inputs: [
      {
        prevout: { txid: ZERO_HASH as Txid, vout: SEQUENCE_FINAL },
        scriptSig: Uint8Array.of(0, 0),
        sequence: SEQUENCE_FINAL,
        witness: [],
      },
    ],
    outputs: [{ value, scriptPubKey }],
    lockTime: 0,
  }
  const tx: Transaction = {
    version: 1,
    inputs: [
      {
        prevout: { txid: computeTxid(credit), vout: 0 },
        scriptSig,
        sequence: SEQUENCE_FINAL,
        witness,
      },
    ],
    outputs: [{ value, scriptPubKey: new Uint8Array() }],
    lockTime: 0,
  }
  return { tx, spentOutputs: credit.outputs }
}

/** Verifies inputs, all unless told which; the code of the first that fails, or undefined. Anything but a ScriptError is thrown on. */
export function findScriptError(
  tx: Transaction,
  spentOutputs: readonly TxOut[],
  flags: script.ScriptFlags,
  engine: script.SignatureEngine = script.nobleSignatureEngine,
  indexes: Iterable<number> = tx.inputs.keys(),
): script.ScriptErrorCode | undefined {
  const precomputed = script.precomputeTransactionData(tx, spentOutputs)
  try {
    for (const index of indexes) {
      script.verifyInput(tx, index, spentOutputs, flags, precomputed, engine)
    }
    return undefined
  } catch (error) {
    if (error instanceof script.ScriptError) return error.code
    throw error
  }
}

/** Previous outputs as tx_valid and tx_invalid have them: hash, index, script, and perhaps amount. */
export type VectorPrevout = readonly [string, number, string, number?]

/** Puts previous outputs into the order of a transaction's inputs. */
export function orderPrevouts(tx: Transaction, prevouts: readonly VectorPrevout[]): TxOut[] {
  const byOutPoint = new Map(
    prevouts.map(([hash, vout, text, amount = 0]) => [
      `${fromDisplayHex(hash)} ${vout >>> 0}`,
      { value: BigInt(amount), scriptPubKey: parseScript(text) },
    ]),
  )
  return tx.inputs.map(({ prevout }) => {
    const output = byOutPoint.get(`${prevout.txid} ${prevout.vout}`)
    if (output === undefined) throw new RangeError('a previous output is missing')
    return output
  })
}
