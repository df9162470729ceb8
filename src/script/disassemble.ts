/** @module Scripts as people read them. */

import { encodeHex } from '../util/index.ts'
import { OP_1, OP_1NEGATE, OP_16, OP_PUSHDATA4 } from './opcodes.ts'
import { readSteps } from './script-bytes.ts'

/** Opcodes from OP_NOP (0x61) on, in their order; OP_RESERVED stands before OP_1. */
const NAMES_FROM_NOP = (
  'NOP VER IF NOTIF VERIF VERNOTIF ELSE ENDIF VERIFY RETURN TOALTSTACK FROMALTSTACK 2DROP 2DUP 3DUP ' +
  '2OVER 2ROT 2SWAP IFDUP DEPTH DROP DUP NIP OVER PICK ROLL ROT SWAP TUCK CAT SUBSTR LEFT RIGHT SIZE ' +
  'INVERT AND OR XOR EQUAL EQUALVERIFY RESERVED1 RESERVED2 1ADD 1SUB 2MUL 2DIV NEGATE ABS NOT ' +
  '0NOTEQUAL ADD SUB MUL DIV MOD LSHIFT RSHIFT BOOLAND BOOLOR NUMEQUAL NUMEQUALVERIFY NUMNOTEQUAL ' +
  'LESSTHAN GREATERTHAN LESSTHANOREQUAL GREATERTHANOREQUAL MIN MAX WITHIN RIPEMD160 SHA1 SHA256 ' +
  'HASH160 HASH256 CODESEPARATOR CHECKSIG CHECKSIGVERIFY CHECKMULTISIG CHECKMULTISIGVERIFY NOP1 ' +
  'CHECKLOCKTIMEVERIFY CHECKSEQUENCEVERIFY NOP4 NOP5 NOP6 NOP7 NOP8 NOP9 NOP10 CHECKSIGADD'
).split(' ')
const OP_NOP = 0x61
/** Pushes up to this size are shown as numbers. */
const MAX_NUMBER_SIZE = 4

function showPush(data: Uint8Array): string {
  if (data.length > MAX_NUMBER_SIZE) return encodeHex(data)
  const last = data.at(-1) ?? 0
  let value = 0
  for (let i = data.length - 1; i >= 0; i--) {
    const byte = i === data.length - 1 ? last & 0x7f : (data[i] ?? 0)
    value = value * 256 + byte
  }
  return String((last & 0x80) !== 0 && value !== 0 ? -value : value)
}

function showOpcode(opcode: number): string {
  if (opcode === OP_1NEGATE) return '-1'
  if (opcode >= OP_1 && opcode <= OP_16) return String(opcode - OP_1 + 1)
  if (opcode === OP_1 - 1) return 'OP_RESERVED'
  const name = NAMES_FROM_NOP[opcode - OP_NOP]
  return name === undefined ? 'OP_UNKNOWN' : `OP_${name}`
}

/** Writes a script as `asm`, the way RPC shows it. @see Bitcoin Core `ScriptToAsmStr` */
export function disassemble(script: Uint8Array): string {
  const { steps, isWhole } = readSteps(script)
  const words = steps.map(({ opcode, data }) =>
    opcode <= OP_PUSHDATA4 && data !== undefined ? showPush(data) : showOpcode(opcode),
  )
  if (!isWhole) words.push('[error]')
  return words.join(' ')
}
