import { createHash, createSign, generateKeyPairSync, randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { createNativeSignatureEngine } from '../../src/platform/nodejs/native-signature-engine.ts'
import { agreesWithKnownAnswers } from '../../src/platform/signature-self-test.ts'
import { createWasmSignatureEngine } from '../../src/platform/wasm-signature-engine.ts'
import {
  nobleSignatureEngine,
  parseLaxSignature,
  SignatureCache,
  type SignatureEngine,
} from '../../src/script/index.ts'
import { concatBytes, decodeHex, encodeHex } from '../../src/util/index.ts'
import { describeVectors, readVectorText, VectorTally } from '../vectors/vectors.support.ts'

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const FIELD = 2n ** 256n - 2n ** 32n - 977n

const entry = createRequire(import.meta.url).resolve('tiny-secp256k1')
const library = new WebAssembly.Module(
  readFileSync(new URL('../secp256k1.wasm', `file://${entry}`)),
)
const wasmEngine = createWasmSignatureEngine(library)

const nativeEngine = createNativeSignatureEngine()

const ENGINES: { readonly name: string; readonly engine: SignatureEngine }[] = [
  { name: 'noble', engine: nobleSignatureEngine },
  { name: 'libsecp256k1 in WebAssembly', engine: wasmEngine },
  // Prebuilt for some platforms only.
  ...(nativeEngine === undefined
    ? []
    : [{ name: 'libsecp256k1 for this machine', engine: nativeEngine }]),
  {
    name: 'libsecp256k1 behind a cache',
    engine: new SignatureCache().createEngine(wasmEngine, true),
  },
]

function toBytes32(value: bigint): Uint8Array {
  return decodeHex(value.toString(16).padStart(64, '0'))
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes)}`)
}

function hashOf(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}

/** DER's integer: no more zeros in front than the sign needs. */
function encodeInteger(value: bigint, zeros = 0): Uint8Array {
  const hex = value.toString(16)
  const bytes = decodeHex(hex.padStart(hex.length + (hex.length % 2), '0'))
  const sign = (bytes[0] ?? 0) >= 0x80 ? 1 : 0
  const body = concatBytes(new Uint8Array(sign + zeros), bytes)
  return concatBytes(Uint8Array.of(0x02, body.length), body)
}

function encodeDer(r: bigint, s: bigint, zeros = 0): Uint8Array {
  const body = concatBytes(encodeInteger(r, zeros), encodeInteger(s, zeros))
  return concatBytes(Uint8Array.of(0x30, body.length), body)
}

/** A key in all its forms and a signature, by Node.js's OpenSSL: neither engine's own code. */
function signByOpenSsl(message: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const [xBytes, yBytes] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]
  const isOdd = ((yBytes.at(-1) ?? 0) & 1) === 1
  const signature = Uint8Array.from(createSign('sha256').update(message).sign(privateKey))
  const compact = parseLaxSignature(signature) ?? new Uint8Array()
  return {
    hash: hashOf(message),
    signature,
    r: toBigInt(compact.subarray(0, 32)),
    s: toBigInt(compact.subarray(32)),
    isOdd,
    compressed: concatBytes(Uint8Array.of(isOdd ? 3 : 2), xBytes),
    uncompressed: concatBytes(Uint8Array.of(4), xBytes, yBytes),
  }
}

function withByte(bytes: Uint8Array, index: number, value: number): Uint8Array {
  return Uint8Array.from(bytes, (byte, i) => (i === index ? value : byte))
}

/** An x that no point of the curve has. */
const X_OFF_CURVE = (() => {
  for (let x = 1n; ; x++) {
    try {
      schnorr.utils.lift_x(x)
    } catch {
      return toBytes32(x)
    }
  }
})()

const signed = signByOpenSsl('a message')
const schnorrSecret = randomBytes(32)
const xOnlyKey = schnorr.getPublicKey(schnorrSecret)
const schnorrSignature = schnorr.sign(signed.hash, schnorrSecret)

describe.each(ENGINES)('$name', ({ engine }) => {
  const verify = (signature: Uint8Array, key = signed.compressed, hash = signed.hash): boolean =>
    engine.verifyEcdsa(key, signature, hash)

  it('knows a signature by all forms of its key, hybrid ones only with the right parity', () => {
    const { compressed, uncompressed, isOdd, signature } = signed
    expect(verify(signature, compressed)).toBe(true)
    expect(verify(signature, uncompressed)).toBe(true)
    expect(verify(signature, withByte(uncompressed, 0, isOdd ? 7 : 6))).toBe(true)
    expect(verify(signature, withByte(uncompressed, 0, isOdd ? 6 : 7))).toBe(false)
    expect(verify(signature, withByte(compressed, 0, isOdd ? 2 : 3))).toBe(false)
  })

  it('accepts high and low S alike', () => {
    const { r, s } = signed
    expect(verify(encodeDer(r, s))).toBe(true)
    expect(verify(encodeDer(r, ORDER - s))).toBe(true)
    expect(verify(encodeDer(ORDER - r, s))).toBe(false)
  })

  it('refuses another message, another key, and numbers that are changed', () => {
    const { r, s, signature } = signed
    expect(verify(signature, signed.compressed, hashOf('another message'))).toBe(false)
    expect(verify(signature, signByOpenSsl('a message').compressed)).toBe(false)
    expect(verify(encodeDer(r + 1n, s))).toBe(false)
    expect(verify(encodeDer(r, s + 1n))).toBe(false)
  })

  it('refuses numbers that are zero, the order, or beyond', () => {
    const { r, s } = signed
    for (const bad of [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n, 2n ** 256n, 2n ** 300n]) {
      expect(verify(encodeDer(bad, s))).toBe(false)
      expect(verify(encodeDer(r, bad))).toBe(false)
    }
    expect(verify(encodeDer(r + ORDER, s))).toBe(false)
  })

  it('reads signatures that are no strict DER', () => {
    const { r, s, signature } = signed
    const body = concatBytes(encodeInteger(r), encodeInteger(s))
    const lax: Record<string, Uint8Array> = {
      'padded numbers': encodeDer(r, s, 3),
      'bytes left over': concatBytes(signature, Uint8Array.of(1, 2, 3)),
      'a wrong length of the sequence': withByte(signature, 1, 0),
      'a length in long form': concatBytes(Uint8Array.of(0x30, 0x81, body.length), body),
    }
    for (const [what, bytes] of Object.entries(lax)) expect(verify(bytes), what).toBe(true)
  })

  it('refuses what cannot be read as a signature', () => {
    const { signature } = signed
    for (let size = 0; size < signature.length; size++) {
      expect(verify(signature.slice(0, size)), `cut to ${size} bytes`).toBe(false)
    }
    expect(verify(withByte(signature, 0, 0x31))).toBe(false)
    expect(verify(withByte(signature, 2, 0x03))).toBe(false)
    expect(verify(parseLaxSignature(signature) ?? new Uint8Array())).toBe(false)
    expect(verify(Uint8Array.of(0x30, 0xff))).toBe(false)
    expect(verify(Uint8Array.of(0x30, 4, 2, 0xff, 2, 0xff))).toBe(false)
  })

  it('refuses keys of every other form: infinity, off the curve, beyond the field, wrong size', () => {
    const { compressed, uncompressed, signature } = signed
    const keys: Record<string, Uint8Array> = {
      nothing: new Uint8Array(),
      infinity: Uint8Array.of(0),
      'infinity in 33 bytes': new Uint8Array(33),
      'infinity in 65 bytes': withByte(new Uint8Array(65), 0, 4),
      'x off the curve': concatBytes(Uint8Array.of(2), X_OFF_CURVE),
      'y off the curve': withByte(uncompressed, 64, (uncompressed[64] ?? 0) ^ 2),
      'x beyond the field': concatBytes(Uint8Array.of(2), toBytes32(FIELD + 1n)),
      'x only': compressed.slice(1),
      'a byte too many': concatBytes(compressed, Uint8Array.of(0)),
      'a byte too few': uncompressed.slice(0, 64),
      'much too long': new Uint8Array(520).fill(2),
      'prefix of the other size': withByte(compressed, 0, 4),
      'compressed prefix on 65 bytes': withByte(uncompressed, 0, compressed[0] ?? 0),
    }
    for (let prefix = 0; prefix < 256; prefix++) {
      if (prefix !== 2 && prefix !== 3) keys[`prefix ${prefix}`] = withByte(compressed, 0, prefix)
    }
    for (const [what, key] of Object.entries(keys)) expect(verify(signature, key), what).toBe(false)
  })

  it('knows a Schnorr signature, and none that is changed', () => {
    const { hash } = signed
    expect(engine.verifySchnorr(xOnlyKey, schnorrSignature, hash)).toBe(true)
    for (const index of [0, 31, 32, 63]) {
      const changed = withByte(schnorrSignature, index, (schnorrSignature[index] ?? 0) ^ 1)
      expect(engine.verifySchnorr(xOnlyKey, changed, hash)).toBe(false)
    }
    expect(engine.verifySchnorr(xOnlyKey, schnorrSignature, hashOf('another'))).toBe(false)
    const other = schnorr.getPublicKey(randomBytes(32))
    expect(engine.verifySchnorr(other, schnorrSignature, hash)).toBe(false)
  })

  it('refuses Schnorr signatures and keys of another size, out of range or off the curve', () => {
    const { hash } = signed
    const tail = schnorrSignature.slice(32)
    const head = schnorrSignature.slice(0, 32)
    const signatures = [
      new Uint8Array(),
      new Uint8Array(64),
      schnorrSignature.slice(0, 63),
      concatBytes(schnorrSignature, Uint8Array.of(0)),
      concatBytes(toBytes32(FIELD), tail),
      concatBytes(X_OFF_CURVE, tail),
      concatBytes(head, toBytes32(ORDER)),
      concatBytes(head, toBytes32(ORDER - toBigInt(tail))),
    ]
    for (const signature of signatures) {
      expect(engine.verifySchnorr(xOnlyKey, signature, hash)).toBe(false)
    }
    const compressed = concatBytes(Uint8Array.of(2), xOnlyKey)
    for (const key of [
      new Uint8Array(),
      new Uint8Array(32),
      X_OFF_CURVE,
      toBytes32(FIELD),
      compressed,
    ]) {
      expect(engine.verifySchnorr(key, schnorrSignature, hash)).toBe(false)
    }
  })

  it('tweaks a key', () => {
    // BIP-0341's first example: a key path without scripts.
    const internal = 'd6889cb081036e0faefa3a35157ad71086b123b2b144b649798b494c300a961d'
    const tweak = 'b86e7be8f39bab32a6f2c0443abbc210f0edac0e2c53d501b36b64437d9c6c70'
    const output = engine.tweakPublicKey(decodeHex(internal), decodeHex(tweak))
    expect(encodeHex(output?.key ?? new Uint8Array())).toBe(
      '53a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343',
    )
    const even = engine.tweakPublicKey(xOnlyKey, new Uint8Array(32))
    expect(even).toEqual({ key: xOnlyKey, parity: 0 })
  })

  it('gives no tweaked key that is infinity, from no key, or for a tweak out of range', () => {
    // The negated secret of the even point: adding it leaves nothing.
    const secret = toBigInt(schnorrSecret)
    const isOdd = secp256k1.getPublicKey(schnorrSecret)[0] === 3
    const toInfinity = toBytes32(isOdd ? secret : ORDER - secret)
    expect(engine.tweakPublicKey(xOnlyKey, toInfinity)).toBeUndefined()
    expect(engine.tweakPublicKey(xOnlyKey, toBytes32(ORDER))).toBeUndefined()
    expect(engine.tweakPublicKey(xOnlyKey, toBytes32(2n ** 256n - 1n))).toBeUndefined()
    expect(engine.tweakPublicKey(xOnlyKey, toBytes32(ORDER - 1n))).toBeDefined()
    const oneMore = concatBytes(Uint8Array.of(0), xOnlyKey)
    for (const key of [X_OFF_CURVE, new Uint8Array(32), toBytes32(FIELD), oneMore]) {
      expect(engine.tweakPublicKey(key, new Uint8Array(32).fill(1))).toBeUndefined()
    }
  })

  it('leaves its arguments alone', () => {
    const args = [signed.compressed, signed.signature, signed.hash].map((part) => part.slice())
    verify(signed.signature)
    engine.verifySchnorr(xOnlyKey, schnorrSignature, signed.hash)
    expect([signed.compressed, signed.signature, signed.hash]).toEqual(args)
  })
})

describe('the native engine', () => {
  const broken = (name: string, answer: unknown) => () => ({
    ecdsaVerify: () => true,
    signatureNormalize: () => new Uint8Array(64),
    publicKeyTweakAdd: () => new Uint8Array(33),
    publicKeyTweakMul: () => new Uint8Array(33),
    [name]: () => answer,
  })

  it('is absent without the addon, whatever else the package offers', () => {
    const missing = () => {
      throw new TypeError("Cannot find module 'secp256k1/bindings'")
    }
    expect(createNativeSignatureEngine(missing)).toBeUndefined()
    // The package's main entry, where the addon does not load: a curve in JavaScript.
    const fallback = () => createRequire(import.meta.url)('secp256k1/elliptic')
    expect(fallback()).toBeDefined()
    const source = readFileSync(
      new URL('../../src/platform/nodejs/native-signature-engine.ts', import.meta.url),
      'utf8',
    )
    expect(source.match(/'secp256k1[^']*'/g)).toEqual(["'secp256k1/bindings'"])
  })

  it('is absent when an answer is wrong', () => {
    expect(createNativeSignatureEngine(broken('ecdsaVerify', true))).toBeUndefined()
    expect(createNativeSignatureEngine(broken('ecdsaVerify', false))).toBeUndefined()
  })
})

describe('the answers that are known', () => {
  it("are noble's, and nobody's who takes everything or nothing", () => {
    expect(agreesWithKnownAnswers(nobleSignatureEngine)).toBe(true)
    for (const answer of [true, false]) {
      const verify = () => answer
      const engine = { ...nobleSignatureEngine, verifyEcdsa: verify }
      expect(agreesWithKnownAnswers(engine)).toBe(false)
      expect(agreesWithKnownAnswers({ ...nobleSignatureEngine, verifySchnorr: verify })).toBe(false)
    }
    // An engine without the addon is tried with a few at the start, and here with all.
    expect(agreesWithKnownAnswers(wasmEngine)).toBe(true)
    const tweakPublicKey = () => undefined
    expect(agreesWithKnownAnswers({ ...nobleSignatureEngine, tweakPublicKey })).toBe(false)
  })
})

describe('libsecp256k1 in WebAssembly', () => {
  it('still works after more refused keys than its stack has room for', () => {
    const engine = createWasmSignatureEngine(library)
    const bad = concatBytes(Uint8Array.of(2), X_OFF_CURVE)
    for (let i = 0; i < 10_000; i++) {
      if (engine.verifyEcdsa(bad, signed.signature, signed.hash)) expect.unreachable()
      if (engine.verifySchnorr(X_OFF_CURVE, schnorrSignature, signed.hash)) expect.unreachable()
    }
    expect(engine.verifyEcdsa(signed.compressed, signed.signature, signed.hash)).toBe(true)
    expect(engine.verifySchnorr(xOnlyKey, schnorrSignature, signed.hash)).toBe(true)
  })

  it('is refused when the module is another', () => {
    const other = readFileSync(new URL('../../wasm/quarry-hash-scalar.wasm', import.meta.url))
    const make = () => createWasmSignatureEngine(new WebAssembly.Module(other))
    expect(make).toThrow(expect.objectContaining({ code: 'unusable' }))
  })

  it.skipIf(nativeEngine === undefined)('is there for this machine too, beside WebAssembly', () => {
    expect(nativeEngine?.verifyEcdsa(signed.compressed, signed.signature, signed.hash)).toBe(true)
  })

  it('agrees with noble about signatures that are damaged at random', () => {
    const damage = (bytes: Uint8Array): Uint8Array => {
      const kind = randomInt(4)
      if (kind === 0) return bytes
      if (kind === 1) return withByte(bytes, randomInt(bytes.length), randomInt(256))
      if (kind === 2) return bytes.slice(0, randomInt(bytes.length))
      return concatBytes(bytes, randomBytes(randomInt(4)))
    }
    const valid = { ecdsa: 0, schnorr: 0, tweak: 0 }
    for (let i = 0; i < 200; i++) {
      const secret = randomBytes(32)
      const hash = randomBytes(32)
      const key = damage(secp256k1.getPublicKey(secret, i % 2 === 0))
      const format = { prehash: false, lowS: i % 3 === 0, format: 'der' } as const
      const signature = damage(secp256k1.sign(hash, secret, format))
      const xKey = damage(schnorr.getPublicKey(secret))
      const xSignature = damage(schnorr.sign(hash, secret))
      const context = [key, signature, xKey, xSignature, hash].map(encodeHex).join(' ')
      const engines = [nobleSignatureEngine, wasmEngine, nativeEngine ?? wasmEngine]
      const answers = engines.map((engine) => ({
        ecdsa: engine.verifyEcdsa(key, signature, hash),
        schnorr: engine.verifySchnorr(xKey, xSignature, hash),
        tweak: engine.tweakPublicKey(xKey, hash),
      }))
      expect(answers[1], context).toEqual(answers[0])
      expect(answers[2], context).toEqual(answers[0])
      if (answers[0]?.ecdsa === true) valid.ecdsa += 1
      if (answers[0]?.schnorr === true) valid.schnorr += 1
      if (answers[0]?.tweak !== undefined) valid.tweak += 1
    }
    // Neither all good nor all bad, or the comparison would say little.
    for (const count of Object.values(valid)) {
      expect(count).toBeGreaterThan(10)
      expect(count).toBeLessThan(190)
    }
  }, 30_000)
})

describeVectors('bips/bip-0340-schnorr.csv', () => {
  it.each(ENGINES)('every signature on $name', ({ name, engine }) => {
    const rows = readVectorText('bips/bip-0340-schnorr.csv').trim().split(/\r?\n/).slice(1)
    const tally = new VectorTally(`bip-0340-schnorr.csv on ${name}`)
    for (const row of rows) {
      const [, , key = '', , message = '', signature = '', result = ''] = row.split(',')
      // What scripts sign is always a hash of 32 bytes; the port takes nothing else.
      if (message.length !== 64) {
        tally.skip('the message has not 32 bytes')
        continue
      }
      tally.run(row.slice(0, 80), () => {
        const parts = [key, signature, message].map(decodeHex) as [
          Uint8Array,
          Uint8Array,
          Uint8Array,
        ]
        expect(engine.verifySchnorr(...parts)).toBe(result === 'TRUE')
      })
    }
    tally.finish(rows.length)
  })
})
