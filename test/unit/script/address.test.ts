import { describe, expect, it } from 'vitest'
import {
  AddressError,
  classifyOutput,
  countLegacySigops,
  decodeAddress,
  disassemble,
  encodeAddress,
  pushNumber,
} from '../../../src/script/index.ts'
import { decodeHex, encodeHex } from '../../../src/util/index.ts'
import { TestWallet } from '../../support/wallet.ts'

const MAINNET = { pubkeyHash: 0x00, scriptHash: 0x05, secretKey: 0x80, bech32: 'bc' }
const REGTEST = { pubkeyHash: 0x6f, scriptHash: 0xc4, secretKey: 0xef, bech32: 'bcrt' }

// Addresses of BIP-0173, BIP-0350 and of Bitcoin's first blocks, with their output scripts.
const KNOWN = [
  ['1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', '76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac'],
  ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', '0014751e76e8199196d454941c45d1b3a323f1433bd6'],
  [
    'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0',
    '512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
  ],
  ['bc1sw50qgdz25j', '6002751e'],
] as const

describe('addresses', () => {
  it.each(KNOWN)('%s', (address, script) => {
    expect(encodeHex(decodeAddress(address, MAINNET))).toBe(script)
    expect(encodeAddress(decodeHex(script), MAINNET)).toBe(address)
    expect(
      encodeHex(
        decodeAddress(address.startsWith('bc1') ? address.toUpperCase() : address, MAINNET),
      ),
    ).toBe(script)
  })

  it('agree with another library', () => {
    const wallet = new TestWallet('address')
    for (const kind of ['p2pkh', 'p2wpkh', 'p2tr'] as const) {
      expect(encodeHex(decodeAddress(wallet.address(kind), REGTEST))).toBe(
        encodeHex(wallet.script(kind)),
      )
      expect(encodeAddress(wallet.script(kind), REGTEST)).toBe(wallet.address(kind))
    }
  })

  it.each([
    { address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5', code: 'bad-checksum' },
    // Version 1 with the checksum of version 0 (BIP-0350).
    {
      address: 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd',
      code: 'bad-checksum',
    },
    { address: 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080', code: 'wrong-chain' },
    { address: 'mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn', code: 'wrong-chain' },
    { address: '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb', code: 'bad-checksum' },
    { address: 'not an address', code: 'bad-encoding' },
    { address: '', code: 'bad-length' },
  ])('refuses $address: $code', ({ address, code }) => {
    let found: unknown
    try {
      decodeAddress(address, MAINNET)
    } catch (error) {
      found = error instanceof AddressError ? error.code : error
    }
    expect(found).toBe(code)
  })
})

describe('scripts', () => {
  it.each([
    [0, '00'],
    [1, '51'],
    [16, '60'],
    [17, '0111'],
    [127, '017f'],
    [128, '028000'],
    [256, '020001'],
    [500_000, '0320a107'],
    [-1, '4f'],
  ])('push %i as %s', (value, hex) => {
    expect(encodeHex(pushNumber(value))).toBe(hex)
  })

  it('are shown as Bitcoin Core shows them', () => {
    expect(disassemble(decodeHex('76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac'))).toBe(
      'OP_DUP OP_HASH160 62e907b15cbf27d5425399ebf6f0fb50ebb88f18 OP_EQUALVERIFY OP_CHECKSIG',
    )
    expect(disassemble(decodeHex('00512002'))).toBe('0 1 [error]')
    expect(disassemble(decodeHex('04ffff001d0104'))).toBe('486604799 4')
  })

  it('are classified and counted', () => {
    expect(classifyOutput(decodeHex('6a0401020304')).type).toBe('nulldata')
    expect(classifyOutput(decodeHex('51024e73')).type).toBe('anchor')
    expect(classifyOutput(decodeHex('51')).type).toBe('nonstandard')
    const key = `21${'02'.repeat(33)}`
    const multisig = decodeHex(`51${key}${key}52ae`)
    expect(classifyOutput(multisig).type).toBe('multisig')
    expect(countLegacySigops(multisig, true)).toBe(2)
    expect(countLegacySigops(multisig, false)).toBe(20)
  })
})
