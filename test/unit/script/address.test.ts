import { describe, expect, it } from 'vitest'
import {
  AddressError,
  classifyOutput,
  countLegacySigops,
  decodeAddress,
  describeAsCore,
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

describe('an address of another network', () => {
  const SEGWIT = '0014751e76e8199196d454941c45d1b3a323f1433bd6'
  const KEY_HASH = '76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac'
  const SCRIPT_HASH = 'a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1887'
  const TESTNET = { ...REGTEST, bech32: 'tb' }
  const LITECOIN = { pubkeyHash: 0x30, scriptHash: 0x32, secretKey: 0xb0, bech32: 'ltc' }

  it.each([
    {
      of: MAINNET,
      script: SEGWIT,
      on: REGTEST,
      says: 'of mainnet: it begins with bc1 instead of bcrt1',
    },
    { of: MAINNET, script: KEY_HASH, on: REGTEST, says: 'of mainnet: it begins with 1' },
    { of: MAINNET, script: SCRIPT_HASH, on: REGTEST, says: 'of mainnet: it begins with 3' },
    { of: TESTNET, script: SEGWIT, on: REGTEST, says: 'of testnet or signet: it begins with tb1' },
    { of: REGTEST, script: SEGWIT, on: MAINNET, says: 'of regtest: it begins with bcrt1' },
    {
      of: REGTEST,
      script: KEY_HASH,
      on: MAINNET,
      says: 'of testnet, signet or regtest: it begins with ',
    },
    {
      of: REGTEST,
      script: SCRIPT_HASH,
      on: MAINNET,
      says: 'of testnet, signet or regtest: it begins with 2',
    },
    { of: LITECOIN, script: SEGWIT, on: REGTEST, says: 'of another network: it begins with ltc1' },
    {
      of: LITECOIN,
      script: KEY_HASH,
      on: REGTEST,
      says: 'of another network: its first byte is 48',
    },
  ])('is refused with the network that it is of: $says', ({ of, script, on, says }) => {
    const address = encodeAddress(decodeHex(script), of) ?? ''
    expect(() => decodeAddress(address, on)).toThrow(`it is an address ${says}`)
  })

  it('is told from a private key of another network', () => {
    const key = '5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ'
    expect(() => decodeAddress(key, REGTEST)).toThrow('it is a private key')
  })
})

describe('describeAsCore', () => {
  // Of Bitcoin Core's test of validateaddress, and one for each of the other words.
  it.each([
    [
      'tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty',
      'Invalid or unsupported Segwit (Bech32) or Base58 encoding.',
    ],
    ['bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5', 'Invalid Bech32 checksum'],
    [
      'BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2',
      'Version 1+ witness address must use Bech32m checksum',
    ],
    [
      'BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P',
      'Invalid Bech32 v0 address program size (16 bytes), per BIP141',
    ],
    [
      'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh',
      'Version 0 witness address must use Bech32 checksum',
    ],
    ['bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4', 'Invalid Base 32 character'],
    [
      'BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R',
      'Invalid Bech32 address witness version',
    ],
    ['bc1pw5dgrnzv', 'Invalid Bech32 address program size (1 byte)'],
    ['bc1gmk9yu', 'Empty Bech32 data section'],
    [
      'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080',
      'Invalid or unsupported prefix for Segwit (Bech32) address (expected bc, got bcrt).',
    ],
    ['bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'Invalid character or mixed case'],
    ['bcq', 'Missing separator'],
    ['bc1q', 'Invalid separator position'],
    [`bc1${'q'.repeat(100)}`, 'Bech32 string too long'],
    ['mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn', 'Invalid or unsupported Base58-encoded address.'],
    [
      '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb',
      'Invalid checksum or length of Base58 address (P2PKH or P2SH)',
    ],
    [
      '5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ',
      'Invalid checksum or length of Base58 address (P2PKH or P2SH)',
    ],
    ['', 'Invalid checksum or length of Base58 address (P2PKH or P2SH)'],
    ['not an address', 'Invalid or unsupported Segwit (Bech32) or Base58 encoding.'],
  ])('says of %j what Bitcoin Core says', (address, words) => {
    expect(() => decodeAddress(address, MAINNET)).toThrow(AddressError)
    expect(describeAsCore(address, MAINNET)).toBe(words)
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
