import { describe, expect, it } from 'vitest'
import {
  classifyOutput,
  countLegacySigops,
  countP2shSigops,
  countWitnessSigops,
  createScriptHashScript,
  disassemble,
  opcodeName,
  pushData,
  VERIFY_NONE,
  VERIFY_P2SH,
  VERIFY_WITNESS,
} from '../../../src/script/index.ts'
import { isSuccessOpcode } from '../../../src/script/opcodes.ts'
import { concatBytes, decodeHex, encodeHex } from '../../../src/util/index.ts'
import { parseScript } from '../../vectors/vectors.support.ts'

const KEY = `0x21 0x02${'11'.repeat(32)}`
const HASH = `0x14 0x${'22'.repeat(20)}`
const PROGRAM = `0x20 0x${'33'.repeat(32)}`
const WITNESS_FLAGS = VERIFY_P2SH | VERIFY_WITNESS

describe('output types', () => {
  it.each([
    [`${KEY} CHECKSIG`, 'pubkey'],
    [`0x41 0x04${'11'.repeat(64)} CHECKSIG`, 'pubkey'],
    [`0x41 0x06${'11'.repeat(64)} CHECKSIG`, 'pubkey'],
    [`0x21 0x05${'11'.repeat(32)} CHECKSIG`, 'nonstandard'],
    [`DUP HASH160 ${HASH} EQUALVERIFY CHECKSIG`, 'pubkeyhash'],
    [`DUP HASH160 ${HASH} EQUALVERIFY CHECKSIGVERIFY`, 'nonstandard'],
    [`HASH160 ${HASH} EQUAL`, 'scripthash'],
    [`HASH160 0x4c ${HASH} EQUAL`, 'nonstandard'],
    [`1 ${KEY} ${KEY} 2 CHECKMULTISIG`, 'multisig'],
    [`17 ${`${KEY} `.repeat(20)} 20 CHECKMULTISIG`, 'multisig'],
    [`3 ${KEY} ${KEY} 2 CHECKMULTISIG`, 'nonstandard'],
    [`0 ${KEY} 1 CHECKMULTISIG`, 'nonstandard'],
    [`1 ${KEY} 2 CHECKMULTISIG`, 'nonstandard'],
    ['1 1 CHECKMULTISIG', 'nonstandard'],
    [`1 ${`${KEY} `.repeat(21)} 21 CHECKMULTISIG`, 'nonstandard'],
    ['RETURN', 'nulldata'],
    ["RETURN 'text' 5 -1 RESERVED", 'nulldata'],
    ['RETURN NOP', 'nonstandard'],
    ['RETURN 0x05 0x01', 'nonstandard'],
    [`0 ${HASH}`, 'witness_v0_keyhash'],
    [`0 ${PROGRAM}`, 'witness_v0_scripthash'],
    ['0 0x03 0xaabbcc', 'nonstandard'],
    [`1 ${PROGRAM}`, 'witness_v1_taproot'],
    ['1 0x02 0x4e73', 'anchor'],
    ['1 0x02 0x4e74', 'witness_unknown'],
    [`16 0x28 0x${'44'.repeat(40)}`, 'witness_unknown'],
    [`16 0x29 0x${'44'.repeat(41)}`, 'nonstandard'],
    ['2 0x01 0xaa', 'nonstandard'],
    ['', 'nonstandard'],
  ])('%s', (text, type) => {
    expect(classifyOutput(parseScript(text)).type).toBe(type)
  })

  it('carry what is in them', () => {
    const multisig = classifyOutput(parseScript(`2 ${KEY} ${KEY} ${KEY} 3 CHECKMULTISIG`))
    expect(multisig).toMatchObject({ type: 'multisig', required: 2 })
    expect(multisig.type === 'multisig' && multisig.publicKeys.length).toBe(3)
    expect(classifyOutput(parseScript('5 0x03 0xaabbcc'))).toEqual({
      type: 'witness_unknown',
      version: 5,
      program: decodeHex('aabbcc'),
    })
  })
})

describe('signature operations', () => {
  const redeem = parseScript(`1 ${KEY} ${KEY} 2 CHECKMULTISIG`)
  const pays = createScriptHashScript(new Uint8Array(20))

  it.each([
    ['CHECKSIG CHECKSIGVERIFY', 2, 2],
    ['CHECKMULTISIG', 20, 20],
    ['3 CHECKMULTISIGVERIFY', 20, 3],
    ['0 CHECKMULTISIG', 20, 20],
    ['17 CHECKMULTISIG', 20, 20],
    ['0 IF CHECKSIG ENDIF', 1, 1],
    ['CHECKSIG 0x05 0xac', 1, 1],
    ['CHECKSIGADD', 0, 0],
  ])('of %s: %i, accurately %i', (text, rough, accurate) => {
    expect(countLegacySigops(parseScript(text), false)).toBe(rough)
    expect(countLegacySigops(parseScript(text), true)).toBe(accurate)
  })

  it('of P2SH are those of the redeem script, if scriptSig only pushes', () => {
    expect(countP2shSigops(pushData(redeem), pays)).toBe(2)
    expect(countP2shSigops(concatBytes(parseScript('NOP'), pushData(redeem)), pays)).toBe(0)
    expect(countP2shSigops(parseScript('0x05 0xac'), pays)).toBe(0)
    expect(countP2shSigops(new Uint8Array(), pays)).toBe(0)
    expect(countP2shSigops(pushData(redeem), parseScript('1'))).toBe(0)
  })

  it('of witnesses are those of version 0, bare or in P2SH', () => {
    const count = (output: string, witness: readonly Uint8Array[], flags = WITNESS_FLAGS) =>
      countWitnessSigops(new Uint8Array(), parseScript(output), witness, flags)
    expect(count(`0 ${HASH}`, [])).toBe(1)
    expect(count(`0 ${HASH}`, [], VERIFY_NONE)).toBe(0)
    expect(count(`0 ${PROGRAM}`, [redeem])).toBe(2)
    expect(count(`0 ${PROGRAM}`, [])).toBe(0)
    expect(count(`1 ${PROGRAM}`, [redeem])).toBe(0)
    expect(count('NOP', [redeem])).toBe(0)
    const nested = pushData(parseScript(`0 ${HASH}`))
    expect(countWitnessSigops(nested, pays, [], WITNESS_FLAGS)).toBe(1)
    expect(countWitnessSigops(pushData(redeem), pays, [], WITNESS_FLAGS)).toBe(0)
  })
})

describe('opcodes', () => {
  it.each([
    [0x00, '0'],
    [0x4f, '-1'],
    [0x50, 'OP_RESERVED'],
    [0x60, '16'],
    [0x61, 'OP_NOP'],
    [0xac, 'OP_CHECKSIG'],
    [0xb1, 'OP_CHECKLOCKTIMEVERIFY'],
    [0xb9, 'OP_NOP10'],
    [0xba, 'OP_CHECKSIGADD'],
    [0xbb, 'OP_UNKNOWN'],
    [0xff, 'OP_INVALIDOPCODE'],
  ])('%i is %s', (opcode, name) => {
    expect(opcodeName(opcode)).toBe(name)
  })

  it('of success are those that BIP-0342 lists', () => {
    const all = Array.from({ length: 256 }, (_, opcode) => opcode).filter(isSuccessOpcode)
    expect(all.length).toBe(87)
    expect(all.slice(0, 19)).toEqual([
      80, 98, 126, 127, 128, 129, 131, 132, 133, 134, 137, 138, 141, 142, 149, 150, 151, 152, 153,
    ])
    expect([all.at(19), all.at(-1)]).toEqual([187, 254])
  })
})

describe('scripts as text', () => {
  const signature = `30440220${'11'.repeat(32)}0220${'11'.repeat(32)}`

  it('show signatures with their hash type where asked to', () => {
    const script = pushData(decodeHex(`${signature}83`))
    expect(disassemble(script)).toBe(`${signature}83`)
    const shown = disassemble(script, { namesHashTypes: true })
    expect(shown).toBe(`${signature}[SINGLE|ANYONECANPAY]`)
  })

  it('do not take other bytes for signatures', () => {
    const data = 'aa'.repeat(20)
    expect(disassemble(pushData(decodeHex(data)), { namesHashTypes: true })).toBe(data)
    const returned = concatBytes(parseScript('RETURN'), pushData(decodeHex(`${signature}01`)))
    expect(disassemble(returned, { namesHashTypes: true })).toBe(`OP_RETURN ${signature}01`)
  })

  it('show short pushes as numbers and break off where the script does', () => {
    const text = '-1 0x01 0x80 0x05 0x0102030405 0xba 0xff 0x4c'
    expect(disassemble(parseScript(text))).toBe(
      '-1 0 0102030405 OP_CHECKSIGADD OP_INVALIDOPCODE [error]',
    )
    expect(encodeHex(parseScript('CHECKSIGADD'))).toBe('ba')
  })
})
