import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import {
  nobleSignatureEngine as engine,
  normalizePublicKey,
  parseLaxSignature,
} from '../../../src/script/index.ts'
import { concatBytes, decodeHex, encodeHex } from '../../../src/util/index.ts'

const KEY = sha256(Uint8Array.of(1))
const HASH = sha256(Uint8Array.of(2))
const ORDER = secp256k1.Point.Fn.ORDER
const ZERO = '00'.repeat(32)

function toHex(value: bigint): string {
  return value.toString(16).padStart(64, '0')
}

/** A signature in DER with its numbers as given, however they look. */
function toDer(r: string, s: string): Uint8Array {
  const size = (hex: string) => (hex.length / 2).toString(16).padStart(2, '0')
  const numbers = `02${size(r)}${r}02${size(s)}${s}`
  return decodeHex(`30${size(numbers)}${numbers}`)
}

const compact = secp256k1.sign(HASH, KEY, { prehash: false })
const R = encodeHex(compact.subarray(0, 32))
const S = encodeHex(compact.subarray(32))
const HIGH_S = toHex(ORDER - BigInt(`0x${S}`))
const compressed = secp256k1.getPublicKey(KEY, true)
const uncompressed = secp256k1.getPublicKey(KEY, false)
const hybridPrefix = 6 + ((uncompressed[64] ?? 0) & 1)

function withPrefix(key: Uint8Array, prefix: number): Uint8Array {
  return concatBytes(Uint8Array.of(prefix), key.subarray(1))
}

describe('ECDSA signatures', () => {
  it.each([
    { name: 'low S', s: S },
    { name: 'high S', s: HIGH_S },
  ])('$name verifies', ({ s }) => {
    expect(engine.verifyEcdsa(compressed, toDer(`00${R}`, `00${s}`), HASH)).toBe(true)
    expect(engine.verifyEcdsa(compressed, toDer(`00${R}`, `00${s}`), KEY)).toBe(false)
  })

  it.each([
    { name: 'compressed', key: compressed, isValid: true },
    { name: 'uncompressed', key: uncompressed, isValid: true },
    { name: 'hybrid', key: withPrefix(uncompressed, hybridPrefix), isValid: true },
    { name: 'hybrid of the wrong parity', key: withPrefix(uncompressed, hybridPrefix ^ 1) },
    {
      name: 'compressed of the other parity',
      key: withPrefix(compressed, compressed[0] === 2 ? 3 : 2),
    },
    { name: 'unknown prefix', key: withPrefix(compressed, 5) },
    { name: 'empty', key: new Uint8Array() },
    { name: 'cut off', key: compressed.subarray(0, 32) },
    { name: 'compressed prefix, uncompressed size', key: withPrefix(uncompressed, 2) },
    { name: 'not on the curve', key: concatBytes(Uint8Array.of(4), new Uint8Array(64).fill(1)) },
    { name: 'infinity', key: Uint8Array.of(0) },
  ])('by a key that is $name', ({ key, isValid = false }) => {
    expect(engine.verifyEcdsa(key, toDer(`00${R}`, `00${S}`), HASH)).toBe(isValid)
  })

  it.each([
    { name: 'padded numbers', der: toDer(`000000${R}`, `0000${S}`) },
    { name: 'numbers without room for their sign', der: toDer(R, S) },
    { name: 'bytes left over', der: concatBytes(toDer(R, S), Uint8Array.of(1, 2, 3)) },
    { name: 'a wrong length of the sequence', der: withLength(toDer(R, S), '01') },
    { name: 'a long form of that length', der: withLength(toDer(R, S), '820000') },
    {
      name: 'long forms of the numbers’ lengths',
      der: decodeHex(`3000028120${R}02850000000020${S}`),
    },
  ])('in lenient DER with $name verify', ({ der }) => {
    expect(encodeHex(parseLaxSignature(der) ?? new Uint8Array())).toBe(R + S)
    expect(engine.verifyEcdsa(compressed, der, HASH)).toBe(true)
  })

  it.each([
    '',
    '30',
    '3100',
    '3000',
    '300002',
    '30000201',
    `30000281`,
    `30000221${R}`,
    `3000028500000000${R}`,
    `3000028401000000${R}`,
    `30000220${R}`,
    `30000220${R}0321${S}`,
    '30ff0201010201',
    '308f02010102010101',
  ])('that cannot even be read leniently: %s', (hex) => {
    expect(parseLaxSignature(decodeHex(hex))).toBeUndefined()
    expect(engine.verifyEcdsa(compressed, decodeHex(hex), HASH)).toBe(false)
  })

  it.each([
    { name: 'R is the order', r: toHex(ORDER), s: S },
    { name: 'S is the order', r: R, s: toHex(ORDER) },
    { name: 'S has 33 bytes', r: R, s: `01${S}` },
  ])('where $name parse to zero and never verify', ({ r, s }) => {
    expect(encodeHex(parseLaxSignature(toDer(r, s)) ?? new Uint8Array())).toBe(ZERO + ZERO)
    expect(engine.verifyEcdsa(compressed, toDer(r, s), HASH)).toBe(false)
  })

  it('where R or S is zero never verify', () => {
    expect(engine.verifyEcdsa(compressed, toDer('', S), HASH)).toBe(false)
    expect(engine.verifyEcdsa(compressed, toDer(R, '00'), HASH)).toBe(false)
  })

  it('keys that are not hybrid are left alone', () => {
    expect(normalizePublicKey(compressed)).toBe(compressed)
    expect(normalizePublicKey(withPrefix(uncompressed, hybridPrefix))).toEqual(uncompressed)
  })
})

/** Puts another length, in hexadecimal, into the head of a sequence. */
function withLength(der: Uint8Array, length: string): Uint8Array {
  return concatBytes(decodeHex(`30${length}`), der.subarray(2))
}

describe('Schnorr signatures', () => {
  const publicKey = schnorr.getPublicKey(KEY)
  const signature = schnorr.sign(HASH, KEY, new Uint8Array(32))

  it('verify, and refuse without throwing', () => {
    expect(engine.verifySchnorr(publicKey, signature, HASH)).toBe(true)
    expect(engine.verifySchnorr(publicKey, signature, KEY)).toBe(false)
    expect(engine.verifySchnorr(publicKey.subarray(1), signature, HASH)).toBe(false)
    expect(engine.verifySchnorr(publicKey, signature.subarray(1), HASH)).toBe(false)
    expect(engine.verifySchnorr(new Uint8Array(32).fill(255), signature, HASH)).toBe(false)
  })
})

describe('tweaked keys', () => {
  const G = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
  const TWO_G = 'c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5'

  it('are the sum of the key and the tweak’s multiple of the generator', () => {
    const doubled = engine.tweakPublicKey(decodeHex(G), decodeHex(toHex(1n)))
    expect(doubled).toEqual({ key: decodeHex(TWO_G), parity: 0 })
    expect(engine.tweakPublicKey(decodeHex(G), decodeHex(ZERO))?.key).toEqual(decodeHex(G))
  })

  it.each([
    { name: 'infinity', key: G, tweak: toHex(ORDER - 1n) },
    { name: 'tweaked by the order', key: G, tweak: toHex(ORDER) },
    { name: 'of a key not on the curve', key: toHex(5n), tweak: toHex(1n) },
    { name: 'of a key beyond the field', key: 'ff'.repeat(32), tweak: toHex(1n) },
  ])('are none if $name', ({ key, tweak }) => {
    expect(engine.tweakPublicKey(decodeHex(key), decodeHex(tweak))).toBeUndefined()
  })
})
