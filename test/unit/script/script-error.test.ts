import { describe, expect, it } from 'vitest'
import { SCRIPT_ERROR_REASONS, ScriptError } from '../../../src/script/index.ts'
import { findScriptError, parseFlags } from '../../vectors/vectors.support.ts'
import {
  type SpendCase,
  spendBare,
  spendScriptHash,
  spendTapscript,
  spendWitnessScript,
} from './script-spends.support.ts'

const KEY = `0x21 0x02${'11'.repeat(32)}`
const LONG_KEY = `0x41 0x04${'11'.repeat(64)}`
const PROGRAM = '22'.repeat(32)
/** R = S = 1, in strict DER, for every input and output. */
const SIGNATURE = '0x09 0x300602010102010101'
const UNKNOWN_HASH_TYPE = '0x09 0x300602010102010105'
/** S is the curve's order less one. */
const HIGH_S = `0x29 0x3026020101022100${'ff'.repeat(15)}febaaedce6af48a03bbfd25e8cd036414001`
const TAPROOT = 'P2SH,WITNESS,TAPROOT'
const TAPROOT_OUTPUT = '1 0x20 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'

interface ErrorCase {
  readonly code: string
  readonly spend: SpendCase
  readonly flags?: string
  /** Whether the same spend is valid once the flags are off. */
  readonly isPolicy?: true
}

const CASES: readonly ErrorCase[] = [
  { code: 'EVAL_FALSE', spend: spendBare('', '0') },
  { code: 'OP_RETURN', spend: spendBare('1', 'RETURN') },
  { code: 'SCRIPTNUM', spend: spendBare('0x05 0x0000000001', '1ADD') },
  { code: 'SCRIPT_SIZE', spend: spendBare('1', new Uint8Array(10_001).fill(0x61)) },
  { code: 'PUSH_SIZE', spend: spendBare(`0x4d 0x0902 0x${'00'.repeat(521)}`, '1') },
  { code: 'OP_COUNT', spend: spendBare('1', new Uint8Array(202).fill(0x61)) },
  { code: 'STACK_SIZE', spend: spendBare('', new Uint8Array(1001).fill(0x51)) },
  { code: 'SIG_COUNT', spend: spendBare('', '0 0 2 1 1 CHECKMULTISIG') },
  { code: 'PUBKEY_COUNT', spend: spendBare('', '0 0 21 CHECKMULTISIG') },
  { code: 'VERIFY', spend: spendBare('0', 'VERIFY 1') },
  { code: 'EQUALVERIFY', spend: spendBare('1 2', 'EQUALVERIFY 1') },
  { code: 'CHECKMULTISIGVERIFY', spend: spendBare('0 0', `1 ${KEY} 1 CHECKMULTISIGVERIFY 1`) },
  { code: 'CHECKSIGVERIFY', spend: spendBare('0', `${KEY} CHECKSIGVERIFY 1`) },
  { code: 'NUMEQUALVERIFY', spend: spendBare('1 2', 'NUMEQUALVERIFY 1') },
  { code: 'BAD_OPCODE', spend: spendBare('1', 'RESERVED') },
  { code: 'DISABLED_OPCODE', spend: spendBare('1', '0 IF CAT ENDIF') },
  { code: 'INVALID_STACK_OPERATION', spend: spendBare('', 'DUP') },
  { code: 'INVALID_ALTSTACK_OPERATION', spend: spendBare('1', 'FROMALTSTACK') },
  { code: 'UNBALANCED_CONDITIONAL', spend: spendBare('1', '1 IF') },
  {
    code: 'NEGATIVE_LOCKTIME',
    spend: spendBare('-1', 'CHECKLOCKTIMEVERIFY'),
    flags: 'CHECKLOCKTIMEVERIFY',
    isPolicy: true,
  },
  {
    code: 'UNSATISFIED_LOCKTIME',
    spend: spendBare('1', 'CHECKSEQUENCEVERIFY'),
    flags: 'CHECKSEQUENCEVERIFY',
    isPolicy: true,
  },
  {
    code: 'SIG_HASHTYPE',
    spend: spendBare(UNKNOWN_HASH_TYPE, `${KEY} CHECKSIG NOT`),
    flags: 'STRICTENC',
    isPolicy: true,
  },
  {
    code: 'SIG_DER',
    spend: spendBare('0x02 0x3001', `${KEY} CHECKSIG NOT`),
    flags: 'DERSIG',
    isPolicy: true,
  },
  {
    code: 'MINIMALDATA',
    spend: spendBare('0x4c 0x01 0x11', '1'),
    flags: 'MINIMALDATA',
    isPolicy: true,
  },
  { code: 'SIG_PUSHONLY', spend: spendBare('1 NOP', '1'), flags: 'SIGPUSHONLY', isPolicy: true },
  {
    code: 'SIG_HIGH_S',
    spend: spendBare(HIGH_S, `${KEY} CHECKSIG NOT`),
    flags: 'LOW_S',
    isPolicy: true,
  },
  {
    code: 'SIG_NULLDUMMY',
    spend: spendBare('1', '0 0 CHECKMULTISIG'),
    flags: 'NULLDUMMY',
    isPolicy: true,
  },
  {
    code: 'PUBKEYTYPE',
    spend: spendBare('0', '1 CHECKSIG NOT'),
    flags: 'STRICTENC',
    isPolicy: true,
  },
  {
    code: 'CLEANSTACK',
    spend: spendBare('1 1', 'NOP'),
    flags: 'P2SH,WITNESS,CLEANSTACK',
    isPolicy: true,
  },
  {
    code: 'MINIMALIF',
    spend: spendWitnessScript(['02'], 'IF 1 ENDIF'),
    flags: 'P2SH,WITNESS,MINIMALIF',
    isPolicy: true,
  },
  {
    code: 'SIG_NULLFAIL',
    spend: spendBare(SIGNATURE, `${KEY} CHECKSIG NOT`),
    flags: 'NULLFAIL',
    isPolicy: true,
  },
  {
    code: 'DISCOURAGE_UPGRADABLE_NOPS',
    spend: spendBare('1', 'NOP10'),
    flags: 'DISCOURAGE_UPGRADABLE_NOPS',
    isPolicy: true,
  },
  {
    code: 'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM',
    spend: spendBare('', '2 0x02 0xabcd'),
    flags: 'P2SH,WITNESS,DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM',
    isPolicy: true,
  },
  {
    code: 'DISCOURAGE_UPGRADABLE_TAPROOT_VERSION',
    spend: spendTapscript([], 'RETURN', { leafVersion: 0xc2 }),
    flags: `${TAPROOT},DISCOURAGE_UPGRADABLE_TAPROOT_VERSION`,
    isPolicy: true,
  },
  {
    code: 'DISCOURAGE_OP_SUCCESS',
    spend: spendTapscript([], 'RETURN 0x50'),
    flags: `${TAPROOT},DISCOURAGE_OP_SUCCESS`,
    isPolicy: true,
  },
  {
    code: 'DISCOURAGE_UPGRADABLE_PUBKEYTYPE',
    spend: spendTapscript(['01'], `${KEY} CHECKSIG`),
    flags: `${TAPROOT},DISCOURAGE_UPGRADABLE_PUBKEYTYPE`,
    isPolicy: true,
  },
  {
    code: 'WITNESS_PROGRAM_WRONG_LENGTH',
    spend: spendBare('', '0 0x03 0xabcdef'),
    flags: 'P2SH,WITNESS',
    isPolicy: true,
  },
  {
    code: 'WITNESS_PROGRAM_WITNESS_EMPTY',
    spend: spendBare('', `0 0x20 0x${PROGRAM}`),
    flags: 'P2SH,WITNESS',
    isPolicy: true,
  },
  {
    code: 'WITNESS_PROGRAM_MISMATCH',
    spend: spendBare('', `0 0x20 0x${PROGRAM}`, ['51']),
    flags: 'P2SH,WITNESS',
    isPolicy: true,
  },
  {
    code: 'WITNESS_MALLEATED',
    spend: spendBare('1', `0 0x20 0x${PROGRAM}`),
    flags: 'P2SH,WITNESS',
    isPolicy: true,
  },
  {
    code: 'WITNESS_MALLEATED_P2SH',
    spend: spendScriptHash('1', `0 0x20 0x${PROGRAM}`),
    flags: 'P2SH,WITNESS',
    isPolicy: true,
  },
  {
    code: 'WITNESS_UNEXPECTED',
    spend: spendBare('1', 'NOP', ['01']),
    flags: 'P2SH,WITNESS',
    isPolicy: true,
  },
  {
    code: 'WITNESS_PUBKEYTYPE',
    spend: spendWitnessScript([''], `${LONG_KEY} CHECKSIG NOT`),
    flags: 'P2SH,WITNESS,WITNESS_PUBKEYTYPE',
    isPolicy: true,
  },
  { code: 'SCHNORR_SIG_SIZE', spend: spendBare('', TAPROOT_OUTPUT, ['01']), flags: TAPROOT },
  {
    code: 'SCHNORR_SIG_HASHTYPE',
    spend: spendBare('', TAPROOT_OUTPUT, ['00'.repeat(65)]),
    flags: TAPROOT,
  },
  {
    code: 'SCHNORR_SIG',
    spend: spendBare('', TAPROOT_OUTPUT, ['00'.repeat(64)]),
    flags: TAPROOT,
  },
  {
    code: 'TAPROOT_WRONG_CONTROL_SIZE',
    spend: spendBare('', TAPROOT_OUTPUT, ['51', 'c0']),
    flags: TAPROOT,
  },
  {
    code: 'TAPSCRIPT_VALIDATION_WEIGHT',
    // Six checks cost 300 units; the witness weighs less, with its 50 to begin with.
    spend: spendTapscript([], `${'1 1 CHECKSIGVERIFY '.repeat(6)} 1`),
    flags: TAPROOT,
  },
  {
    code: 'TAPSCRIPT_CHECKMULTISIG',
    spend: spendTapscript([], '0 0 0 CHECKMULTISIG'),
    flags: TAPROOT,
  },
  { code: 'TAPSCRIPT_MINIMALIF', spend: spendTapscript(['02'], 'IF 1 ENDIF'), flags: TAPROOT },
  { code: 'TAPSCRIPT_EMPTY_PUBKEY', spend: spendTapscript([], '0 0 CHECKSIG'), flags: TAPROOT },
  {
    code: 'OP_CODESEPARATOR',
    spend: spendBare('1', 'CODESEPARATOR'),
    flags: 'CONST_SCRIPTCODE',
    isPolicy: true,
  },
  {
    code: 'SIG_FINDANDDELETE',
    spend: spendBare(SIGNATURE, `${SIGNATURE} DROP ${KEY} CHECKSIG NOT`),
    flags: 'CONST_SCRIPTCODE',
    isPolicy: true,
  },
]

describe('script errors', () => {
  it.each(CASES)('$code', ({ code, spend, flags = '', isPolicy }) => {
    expect(findScriptError(spend.tx, spend.spentOutputs, parseFlags(flags))).toBe(code)
    if (isPolicy === true) expect(findScriptError(spend.tx, spend.spentOutputs, 0)).toBeUndefined()
  })

  it('are all produced by a case above', () => {
    const produced = new Set(CASES.map(({ code }) => code))
    expect([...produced].toSorted()).toEqual(Object.keys(SCRIPT_ERROR_REASONS).toSorted())
  })

  it('carry Bitcoin Core’s text', () => {
    const error = new ScriptError('SIG_DER')
    expect(error.reason).toBe('Non-canonical DER signature')
    expect(error.code).toBe('SIG_DER')
  })
})
