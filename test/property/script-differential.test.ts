/**
 * Our interpreter and bitcore-lib's judge the same spends. `SPEND_SEED` repeats a run, `SPEND_COUNT` sets how
 * many; with `scripts/test --all` there are 10,000.
 */

import bitcore from 'bitcore-lib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeTransaction } from '../../src/primitives/index.ts'
import {
  CONSENSUS_SCRIPT_FLAGS,
  opcodeName,
  readSteps,
  type ScriptFlags,
  STANDARD_SCRIPT_FLAGS,
  VERIFY_CHECKLOCKTIMEVERIFY,
  VERIFY_CHECKSEQUENCEVERIFY,
  VERIFY_DERSIG,
  VERIFY_NONE,
  VERIFY_P2SH,
} from '../../src/script/index.ts'
import { isSuccessOpcode } from '../../src/script/opcodes.ts'
import { encodeHex } from '../../src/util/index.ts'
import {
  type GeneratedSpend,
  generatedSpend,
  SPEND_KINDS,
  spendProgram,
} from '../support/script-generator.ts'
import { FLAGS, fillFlags, findScriptError } from '../vectors/vectors.support.ts'

const RUNS = Number(process.env['SPEND_COUNT'] ?? 3_000)
const SEED = Number(process.env['SPEND_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const { Script, Transaction } = bitcore

const LOCK_TIME_FLAGS = VERIFY_CHECKLOCKTIMEVERIFY | VERIFY_CHECKSEQUENCEVERIFY

/** Flags that bitcore-lib has under the same name. */
const SHARED_FLAGS = [...FLAGS].filter(
  // It looks for a clean stack where scriptSig has left it, Bitcoin Core's `VerifyScript` at the end.
  ([name]) => name !== 'CLEANSTACK' && `SCRIPT_VERIFY_${name}` in Script.Interpreter,
)
const ALL_SHARED_FLAGS = SHARED_FLAGS.reduce((all, [, flag]) => all | flag, 0)

const flagSet: fc.Arbitrary<ScriptFlags> = fc
  .oneof(
    { weight: 4, arbitrary: fc.constant(CONSENSUS_SCRIPT_FLAGS) },
    { weight: 2, arbitrary: fc.constant(STANDARD_SCRIPT_FLAGS) },
    { weight: 1, arbitrary: fc.constantFrom(VERIFY_NONE, VERIFY_P2SH) },
    {
      weight: 2,
      arbitrary: fc
        .subarray(SHARED_FLAGS.map(([, flag]) => flag))
        .map((flags) => flags.reduce((all, flag) => all | flag, 0)),
    },
  )
  // It reads strict DER alone, whatever the flags.
  .map((flags) => fillFlags((flags & ALL_SHARED_FLAGS) | VERIFY_DERSIG))

function nameFlags(flags: ScriptFlags): readonly string[] {
  return SHARED_FLAGS.filter(([, flag]) => (flags & flag) !== 0).map(([name]) => name)
}

/** What bitcore-lib says: its error, or nothing. A script that it cannot even read is one that fails. */
function findBitcoreError(
  { tx, spentOutputs }: GeneratedSpend,
  flags: ScriptFlags,
): string | undefined {
  const [input] = tx.inputs
  const [spent] = spentOutputs
  if (input === undefined || spent === undefined) throw new RangeError('one input, one output')
  const interpreter = new Script.Interpreter()
  const read = new Transaction(Buffer.from(encodeTransaction(tx)))
  const bits = nameFlags(flags).reduce(
    (all, name) => all | (Script.Interpreter[`SCRIPT_VERIFY_${name}`] ?? 0),
    0,
  )
  try {
    const script = Script.fromBuffer(Buffer.from(spent.scriptPubKey))
    const satoshis = Number(spent.value)
    for (const each of read.inputs) each.output = new Transaction.Output({ satoshis, script })
    const scriptSig = Script.fromBuffer(Buffer.from(input.scriptSig))
    const witness = input.witness.map((item) => Buffer.from(item))
    const isValid = interpreter.verify(scriptSig, script, read, 0, bits, witness, satoshis)
    return isValid ? undefined : interpreter.errstr || 'no reason'
  } catch (error) {
    if (/can't parse valid script/.test(String(error))) return 'unreadable'
    throw error
  }
}

/** Verdicts by error, opcodes by verdict, and what was left out and why. */
class Distribution {
  readonly byError = new Map<string, number>()
  readonly byKind = new Map<string, number>()
  readonly leftOut = new Map<string, number>()
  /** Opcodes in scripts that were valid, and in those that were not. */
  readonly inValid = new Map<number, number>()
  readonly inInvalid = new Map<number, number>()

  note({ kind, program }: GeneratedSpend, error: string | undefined): void {
    count(this.byError, error ?? 'OK')
    if (error === undefined) count(this.byKind, kind)
    const opcodes = error === undefined ? this.inValid : this.inInvalid
    for (const opcode of new Set(readSteps(program).steps.map((step) => step.opcode))) {
      count(opcodes, opcode)
    }
  }

  print(): void {
    const list = (counts: ReadonlyMap<string, number>): string =>
      [...counts]
        .sort(([, a], [, b]) => b - a)
        .map(([name, n]) => `${name} ${n}`)
        .join(', ')
    process.stdout.write(
      `${RUNS} spends, seed ${SEED}\n  verdicts: ${list(this.byError)}\n` +
        `  valid by kind: ${list(this.byKind)}\n  left out: ${list(this.leftOut) || 'none'}\n` +
        `  opcodes in valid scripts ${this.inValid.size}, in invalid ones ${this.inInvalid.size}\n`,
    )
  }
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/**
 * Why a difference is bitcore-lib's, with the rule that it does not follow; undefined if there is none.
 *
 * Each is narrow, and counted: what it leaves out is printed with every run.
 */
function explainDifference(
  { kind, program }: GeneratedSpend,
  flags: ScriptFlags,
  ours: string | undefined,
  theirs: string | undefined,
): string | undefined {
  // BIP-0342: the opcodes are disabled in tapscript. script_assets_test.json has such cases.
  if (ours === 'TAPSCRIPT_CHECKMULTISIG' && theirs === undefined) return 'multisig in tapscript'
  // Bitcoin Core `FindAndDelete` finds the push of an empty signature, OP_0, as well.
  if (ours === 'SIG_FINDANDDELETE' && theirs === undefined) return 'empty signature in the script'
  // Bitcoin Core `CheckPubKeyEncoding`: whatever is not 33 bytes is not compressed, an x-only key neither.
  if (ours === 'WITNESS_PUBKEYTYPE' && theirs === undefined) return 'x-only key in a witness'
  if (ours !== undefined) return undefined
  // The same: only the form of a key is looked at before it is used, not whether it is on the curve.
  if (theirs === 'SCRIPT_ERR_PUBKEYTYPE' || theirs?.endsWith('Error: Invalid X') === true) {
    return 'unused key that is off the curve'
  }
  // Bitcoin Core `EvalScript`: lock times that are not enforced are plain NOPs, and no longer discouraged.
  const enforcesLockTimes = LOCK_TIME_FLAGS === (flags & LOCK_TIME_FLAGS)
  if (theirs === 'SCRIPT_ERR_DISCOURAGE_UPGRADABLE_NOPS' && !enforcesLockTimes) {
    return 'lock times that are not enforced'
  }
  // It reads no further behind what is OP_SUCCESS in tapscript, in other scripts too, where it may be skipped over.
  const hasSuccess = readSteps(program).steps.some(({ opcode }) => isSuccessOpcode(opcode))
  if (kind !== 'tapscript' && hasSuccess) return 'OP_SUCCESS outside of tapscript'
  return undefined
}

function describeSpend(spend: GeneratedSpend, flags: ScriptFlags): string {
  const [input] = spend.tx.inputs
  return [
    `${spend.kind} ${encodeHex(spend.program)}`,
    `scriptSig ${encodeHex(input?.scriptSig ?? new Uint8Array())}`,
    `witness ${input?.witness.map(encodeHex).join(' ')}`,
    `version ${spend.tx.version} lock time ${spend.tx.lockTime} sequence ${input?.sequence}`,
    nameFlags(flags).join(','),
  ].join('\n')
}

/** Judges by both, and throws if they differ for no reason that is known. */
function compare(spend: GeneratedSpend, flags: ScriptFlags, distribution: Distribution): void {
  const ours = findScriptError(spend.tx, spend.spentOutputs, flags)
  const theirs = findBitcoreError(spend, flags)
  distribution.note(spend, ours)
  if ((ours === undefined) === (theirs === undefined)) return
  const why = explainDifference(spend, flags, ours, theirs)
  if (why === undefined) {
    throw new TypeError(`ours ${ours}, theirs ${theirs}\n${describeSpend(spend, flags)}`)
  }
  count(distribution.leftOut, why)
}

const [OP_IF, OP_ENDIF, OP_1] = [0x63, 0x68, 0x51]
const FIRST_OPCODE = 0x4f
const LAST_OPCODE = 0xba
/** VERIF and VERNOTIF: invalid where they are skipped over too, and no OP_SUCCESS. */
const NEVER_VALID: ReadonlySet<number> = new Set([0x65, 0x66])

/** One opcode with operands, without, and where it is not executed. */
function programsOf(opcode: number): readonly (readonly [Uint8Array, readonly Uint8Array[]])[] {
  const ones = Array.from({ length: 7 }, () => Uint8Array.of(1))
  return [
    [Uint8Array.of(opcode, OP_1), ones],
    [Uint8Array.of(opcode), []],
    [Uint8Array.of(0, OP_IF, opcode, OP_ENDIF, OP_1), []],
    [Uint8Array.of(OP_1, OP_IF, opcode, OP_1), []],
    [Uint8Array.of(OP_1, OP_IF, OP_1, OP_ENDIF, opcode, OP_ENDIF, OP_1), []],
  ]
}

describe('scripts', () => {
  it(`are judged as by bitcore-lib: ${RUNS} spends`, { timeout: 900_000 }, () => {
    const distribution = new Distribution()
    fc.assert(
      fc.property(generatedSpend, flagSet, (spend, flags) => compare(spend, flags, distribution)),
      { numRuns: RUNS, seed: SEED },
    )
    distribution.print()
    expect(distribution.byError.get('OK')).toBeGreaterThan(0.3 * RUNS)
    for (const kind of SPEND_KINDS) expect(distribution.byKind.get(kind), kind).toBeGreaterThan(0)
  })

  it('of every opcode are judged as by bitcore-lib, with both verdicts', () => {
    for (let opcode = FIRST_OPCODE; opcode <= LAST_OPCODE; opcode++) {
      const distribution = new Distribution()
      for (const kind of SPEND_KINDS) {
        for (const [program, stack] of programsOf(opcode)) {
          const flags = fillFlags(CONSENSUS_SCRIPT_FLAGS & ALL_SHARED_FLAGS)
          compare(spendProgram(kind, program, stack), flags, distribution)
        }
      }
      const name = opcodeName(opcode)
      expect(
        [...distribution.byError.keys()].some((error) => error !== 'OK'),
        name,
      ).toBe(true)
      if (!NEVER_VALID.has(opcode)) expect(distribution.byError.get('OK'), name).toBeGreaterThan(0)
    }
  })
})
