import { sha256 } from '@noble/hashes/sha2.js'
import { base58, createBase58check } from '@scure/base'
import { expect, it } from 'vitest'
import {
  AddressError,
  type AddressPrefixes,
  decodeAddress,
  encodeAddress,
} from '../../src/script/index.ts'
import { decodeHex, encodeHex } from '../../src/util/index.ts'
import { describeVectors, readVectors, VectorTally } from './vectors.support.ts'

const KEY_IO_VALID = 'bitcoin-core/key_io_valid.json'
const KEY_IO_INVALID = 'bitcoin-core/key_io_invalid.json'
const BASE58 = 'bitcoin-core/base58_encode_decode.json'

const TEST = { pubkeyHash: 0x6f, scriptHash: 0xc4, secretKey: 0xef }
const PREFIXES: Readonly<Record<string, AddressPrefixes>> = {
  main: { pubkeyHash: 0x00, scriptHash: 0x05, secretKey: 0x80, bech32: 'bc' },
  testnet4: { ...TEST, bech32: 'tb' },
  signet: { ...TEST, bech32: 'tb' },
  regtest: { ...TEST, bech32: 'bcrt' },
}

interface KeyMeta {
  readonly chain: string
  readonly isPrivkey: boolean
  readonly tryCaseFlip?: boolean
}

function flipCase(text: string): string {
  return text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase()
}

function findAddressError(text: string, prefixes: AddressPrefixes): string | undefined {
  try {
    decodeAddress(text, prefixes)
    return undefined
  } catch (error) {
    if (error instanceof AddressError) return error.code
    throw error
  }
}

describeVectors([KEY_IO_VALID, KEY_IO_INVALID, BASE58], () => {
  it('bitcoin-core/key_io_valid.json: addresses both ways, private keys refused as such', () => {
    const cases: readonly (readonly [string, string, KeyMeta])[] = readVectors(KEY_IO_VALID)
    const tally = new VectorTally(KEY_IO_VALID)
    for (const [text, hex, { chain, isPrivkey, tryCaseFlip }] of cases) {
      tally.run(text, () => {
        const prefixes = PREFIXES[chain]
        if (prefixes === undefined) throw new RangeError(`no such chain: ${chain}`)
        if (isPrivkey) {
          expect(findAddressError(text, prefixes)).toBe('wrong-chain')
          return
        }
        expect(encodeHex(decodeAddress(text, prefixes))).toBe(hex)
        expect(encodeAddress(decodeHex(hex), prefixes)).toBe(text)
        const flipped = flipCase(text)
        if (tryCaseFlip === true) expect(encodeHex(decodeAddress(flipped, prefixes))).toBe(hex)
        else expect(findAddressError(flipped, prefixes)).toBeDefined()
        const others = Object.values(PREFIXES).filter(
          (each) => each.bech32 !== prefixes.bech32 && each.pubkeyHash !== prefixes.pubkeyHash,
        )
        for (const other of others) expect(findAddressError(text, other)).toBe('wrong-chain')
      })
    }
    tally.finish(cases.length)
  })

  it('bitcoin-core/key_io_invalid.json: refused on every chain', () => {
    const cases: readonly (readonly [string])[] = readVectors(KEY_IO_INVALID)
    const tally = new VectorTally(KEY_IO_INVALID)
    for (const [text] of cases) {
      tally.run(text, () => {
        for (const prefixes of Object.values(PREFIXES)) {
          expect(findAddressError(text, prefixes)).toBeDefined()
        }
      })
    }
    tally.finish(cases.length)
  })

  it('bitcoin-core/base58_encode_decode.json: the alphabet under the addresses', () => {
    const cases: readonly (readonly [string, string])[] = readVectors(BASE58)
    const check = createBase58check(sha256)
    const tally = new VectorTally(BASE58)
    for (const [hex, text] of cases) {
      tally.run(text, () => {
        expect(base58.encode(decodeHex(hex))).toBe(text)
        expect(encodeHex(base58.decode(text))).toBe(hex.toLowerCase())
        expect(check.decode(check.encode(decodeHex(hex)))).toEqual(decodeHex(hex))
      })
    }
    tally.finish(cases.length)
  })
})
