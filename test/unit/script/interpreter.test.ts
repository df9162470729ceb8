import { describe, expect, it } from 'vitest'
import { nobleSignatureEngine, precomputeTransactionData } from '../../../src/script/index.ts'
import { runScript } from '../../../src/script/interpreter.ts'
import { ScriptError } from '../../../src/script/script-error.ts'
import type { ScriptVersion } from '../../../src/script/script-machine.ts'
import { SignatureChecker } from '../../../src/script/signature-checker.ts'
import { encodeHex } from '../../../src/util/index.ts'
import { parseFlags, parseScript } from '../../vectors/vectors.support.ts'
import { spendBare } from './script-spends.support.ts'

const { tx, spentOutputs } = spendBare('', '')
const checker = new SignatureChecker({
  tx,
  inputIndex: 0,
  spentOutputs,
  precomputed: precomputeTransactionData(tx, spentOutputs),
  signatures: nobleSignatureEngine,
})

/** The stack that a script leaves behind in hexadecimal, bottom first, or its error. */
function run(text: string, flags = '', version: ScriptVersion = 'base'): string {
  const stack: Uint8Array[] = []
  try {
    runScript({ script: parseScript(text), stack, flags: parseFlags(flags), version, checker })
  } catch (error) {
    if (error instanceof ScriptError) return error.code
    throw error
  }
  return stack.map((value) => encodeHex(value) || '-').join(' ')
}

describe('opcodes', () => {
  it.each([
    ['0 1 16 -1', '- 01 10 81'],
    ["'abc' 0x4c 0x02 0x0102", '616263 0102'],
    ['1 2 TOALTSTACK 3 FROMALTSTACK', '01 03 02'],
    ['1 2 3 2DROP', '01'],
    ['1 2 2DUP', '01 02 01 02'],
    ['1 2 3 3DUP', '01 02 03 01 02 03'],
    ['1 2 3 4 2OVER', '01 02 03 04 01 02'],
    ['1 2 3 4 5 6 2ROT', '03 04 05 06 01 02'],
    ['1 2 3 4 2SWAP', '03 04 01 02'],
    ['0 IFDUP 2 IFDUP', '- 02 02'],
    ['5 5 DEPTH', '05 05 02'],
    ['1 2 NIP', '02'],
    ['1 2 OVER', '01 02 01'],
    ['7 8 9 2 PICK', '07 08 09 07'],
    ['7 8 9 2 ROLL', '08 09 07'],
    ['7 8 0 ROLL', '07 08'],
    ['7 8 2 PICK', 'INVALID_STACK_OPERATION'],
    ['7 8 -1 ROLL', 'INVALID_STACK_OPERATION'],
    ['1 2 3 ROT', '02 03 01'],
    ['1 2 SWAP', '02 01'],
    ['1 2 TUCK', '02 01 02'],
    ["'abcd' SIZE", '61626364 04'],
    ["'a' 'a' EQUAL 'a' 'b' EQUAL", '01 -'],
    ['1 2 EQUALVERIFY', 'EQUALVERIFY'],
  ])('stack: %s', (script, expected) => {
    expect(run(script)).toBe(expected)
  })

  it.each([
    ['1 1ADD -1 1ADD', '02 -'],
    ['2147483647 1ADD', '0000008000'],
    ['2147483647 1ADD 1ADD', 'SCRIPTNUM'],
    ['0 1SUB', '81'],
    ['1 NEGATE 0 NEGATE -2 ABS', '81 - 02'],
    ['0 NOT 1 NOT 2 NOT', '01 - -'],
    ['5 0NOTEQUAL 0 0NOTEQUAL', '01 -'],
    ['2 3 ADD 2 3 SUB', '05 81'],
    ['1 0 BOOLAND 1 0 BOOLOR', '- 01'],
    ['2 2 NUMEQUAL 2 2 NUMNOTEQUAL', '01 -'],
    ['0x02 0x0100 1 NUMEQUALVERIFY', ''],
    ['1 2 LESSTHAN 2 2 LESSTHAN', '01 -'],
    ['2 1 GREATERTHAN 2 2 GREATERTHAN', '01 -'],
    ['2 2 LESSTHANOREQUAL 2 2 GREATERTHANOREQUAL', '01 01'],
    ['-1 2 MIN -1 2 MAX', '81 02'],
    ['1 1 3 WITHIN 3 1 3 WITHIN', '01 -'],
  ])('numbers: %s', (script, expected) => {
    expect(run(script)).toBe(expected)
  })

  it.each([
    ['RIPEMD160', '9c1185a5c5e9fc54612808977ee8f548b2258d31'],
    ['SHA1', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    ['SHA256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['HASH160', 'b472a266d0bd89c13706a4132ccfb16f7c3b9fcb'],
    ['HASH256', '5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456'],
  ])('hashes of nothing: %s', (opcode, expected) => {
    expect(run(`0 ${opcode}`)).toBe(expected)
  })

  it.each([
    ['1 IF 2 ELSE 3 ENDIF', '02'],
    ['0 IF 2 ELSE 3 ENDIF', '03'],
    ['0 NOTIF 2 ELSE 3 ENDIF', '02'],
    ['1 IF 1 ELSE 2 ELSE 3 ENDIF', '01 03'],
    ['0 IF 1 IF RETURN ELSE RETURN ENDIF ELSE 7 ENDIF', '07'],
    ['0 IF RESERVED VER 0xba ENDIF 1', '01'],
    ['0 IF VERIF ENDIF 1', 'BAD_OPCODE'],
    ['0 IF 2MUL ENDIF 1', 'DISABLED_OPCODE'],
    ['IF ENDIF', 'UNBALANCED_CONDITIONAL'],
    ['ELSE', 'UNBALANCED_CONDITIONAL'],
    ['1 ENDIF', 'UNBALANCED_CONDITIONAL'],
    ['1 VERIFY', ''],
    ['0x02 0x0080 VERIFY', 'VERIFY'],
    ['0x4c', 'BAD_OPCODE'],
    ['0x02 0x01', 'BAD_OPCODE'],
  ])('flow: %s', (script, expected) => {
    expect(run(script)).toBe(expected)
  })

  it('count against the limit whether they run or not, but not in tapscript', () => {
    const nops = 'NOP '.repeat(199)
    expect(run(`1 0 IF ${nops} ENDIF`)).toBe('01')
    expect(run(`1 0 IF ${nops} NOP ENDIF`)).toBe('OP_COUNT')
    expect(run(`1 0 IF ${nops} NOP ENDIF`, '', 'tapscript')).toBe('01')
  })

  it('CHECKSIGADD is none outside tapscript', () => {
    expect(run('0 0 0 CHECKSIGADD')).toBe('BAD_OPCODE')
    expect(run('0 0 0 CHECKSIGADD', '', 'witness_v0')).toBe('BAD_OPCODE')
  })

  it('conditions nested by the thousand cost no memory and no more time each', () => {
    const depth = 50_000
    const script = `0 IF ${'IF '.repeat(depth)}${'ENDIF '.repeat(depth)}ENDIF 1`
    expect(run(script, '', 'tapscript')).toBe('01')
  })

  it('minimal pushes and numbers are asked for by flag only', () => {
    expect(run('0x02 0x0100 1ADD')).toBe('02')
    expect(run('0x02 0x0100 1ADD', 'MINIMALDATA')).toBe('SCRIPTNUM')
    expect(run('0x01 0x05', 'MINIMALDATA')).toBe('MINIMALDATA')
    expect(run('0 IF 0x01 0x05 ENDIF', 'MINIMALDATA')).toBe('')
  })
})
