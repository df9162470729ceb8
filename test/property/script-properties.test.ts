import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AddressError,
  CONSENSUS_SCRIPT_FLAGS,
  classifyOutput,
  countLegacySigops,
  createScriptHashScript,
  createWitnessScript,
  decodeAddress,
  decodeScriptNumber,
  disassemble,
  encodeAddress,
  encodeScriptNumber,
  hash160,
  parseLaxSignature,
  pushData,
  pushNumber,
  readSteps,
  STANDARD_SCRIPT_FLAGS,
} from '../../src/script/index.ts'
import { concatBytes, decodeHex, encodeHex } from '../../src/util/index.ts'
import { spendTapscript } from '../unit/script/script-spends.support.ts'
import {
  createSpend,
  fillFlags,
  findScriptError,
  parseScript,
  trimFlags,
} from '../vectors/vectors.support.ts'

const MAINNET = { pubkeyHash: 0x00, scriptHash: 0x05, secretKey: 0x80, bech32: 'bc' }
const MAX_NUMBER = 2 ** 39 - 1
const ALL_FLAGS = 0x1f_ffff
/** The keys and signatures that random scripts try: none fits, most have the right form. */
const SIGNATURE = decodeHex('300602010102010101')
const PUBLIC_KEY = decodeHex(`02${'11'.repeat(32)}`)

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const flags = fc.integer({ min: 0, max: ALL_FLAGS }).map((value) => trimFlags(fillFlags(value)))

/** Single steps of scripts, of which most do something. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0x4f, max: 0xba }).map((op) => Uint8Array.of(op)) },
  { weight: 3, arbitrary: fc.integer({ min: -2, max: 20 }).map(pushNumber) },
  { weight: 2, arbitrary: bytes(80).map(pushData) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(SIGNATURE, PUBLIC_KEY, PUBLIC_KEY.subarray(1)).map(pushData),
  },
  { weight: 1, arbitrary: bytes(4) },
)
const script = fc.array(step, { maxLength: 30 }).map((steps) => concatBytes(...steps))
const witness = fc.array(fc.oneof(bytes(40), fc.constant(SIGNATURE), script), { maxLength: 6 })

/** Spends of every kind: the random script bare, in P2SH, in P2WSH, in both, and as a tapscript. */
const spend = fc
  .record({ kind: fc.integer({ min: 0, max: 4 }), scriptSig: script, output: script, witness })
  .map(({ kind, scriptSig, output, witness: stack }) => {
    const program = createWitnessScript({ version: 0, program: sha256(output) })
    const proof = [...stack, output]
    if (kind === 0) return createSpend(output, scriptSig, [], 1n)
    if (kind === 1) {
      const redeeming = concatBytes(...stack.map(pushData), pushData(output))
      return createSpend(createScriptHashScript(hash160(output)), redeeming, [], 1n)
    }
    if (kind === 2) return createSpend(program, new Uint8Array(), proof, 1n)
    if (kind === 3) {
      const nested = createScriptHashScript(hash160(program))
      return createSpend(nested, pushData(program), proof, 1n)
    }
    return spendTapscript(stack.map(encodeHex), output)
  })

describe('random scripts', () => {
  it('end with a verdict: valid, or a ScriptError', () => {
    let valid = 0
    fc.assert(
      fc.property(spend, flags, ({ tx, spentOutputs }, chosen) => {
        // Anything but a ScriptError would be thrown on.
        if (findScriptError(tx, spentOutputs, chosen) === undefined) valid += 1
      }),
      { numRuns: 3000 },
    )
    // Verdicts of one kind only would show little.
    expect(valid).toBeGreaterThan(300)
  })

  it('are never made valid by one more rule', () => {
    fc.assert(
      fc.property(spend, flags, flags, ({ tx, spentOutputs }, some, others) => {
        const isValidUnderMore = findScriptError(tx, spentOutputs, some | others) === undefined
        if (isValidUnderMore) expect(findScriptError(tx, spentOutputs, some)).toBeUndefined()
      }),
      { numRuns: 2000 },
    )
    expect(STANDARD_SCRIPT_FLAGS & CONSENSUS_SCRIPT_FLAGS).toBe(CONSENSUS_SCRIPT_FLAGS)
  })

  it('of plain noise are read without harm', () => {
    fc.assert(
      fc.property(bytes(200), (noise) => {
        expect(disassemble(noise)).not.toContain('undefined')
        expect(countLegacySigops(noise, false)).toBeGreaterThanOrEqual(
          countLegacySigops(noise, true),
        )
        expect(classifyOutput(noise).type).toBeTypeOf('string')
        const { steps, isWhole } = readSteps(noise)
        const size = steps.reduce((sum, { data }) => sum + 1 + (data?.length ?? 0), 0)
        expect(size).toBeLessThanOrEqual(noise.length)
        if (isWhole && noise.length > 0) expect(steps.length).toBeGreaterThan(0)
        parseLaxSignature(noise)
      }),
    )
  })
})

describe('there and back', () => {
  it('numbers', () => {
    fc.assert(
      fc.property(fc.integer({ min: -MAX_NUMBER, max: MAX_NUMBER }), (value) => {
        expect(decodeScriptNumber(encodeScriptNumber(value), true, 5)).toBe(value)
      }),
    )
  })

  it('scripts through their text, where that is unambiguous', () => {
    // Pushes of up to four bytes are shown as numbers, which have ten digits at most: so have five bytes.
    const clear = fc.oneof(
      fc.uint8Array({ minLength: 6, maxLength: 300 }).map(pushData),
      fc.integer({ min: -1, max: 2 ** 31 - 1 }).map(pushNumber),
      fc.integer({ min: 0x61, max: 0xba }).map((opcode) => Uint8Array.of(opcode)),
    )
    fc.assert(
      fc.property(fc.array(clear, { maxLength: 20 }), (steps) => {
        const original = concatBytes(...steps)
        const words = disassemble(original).split(' ')
        const parsed = words.map((word) =>
          /^[0-9a-f]{12,}$/.test(word) ? pushData(decodeHex(word)) : parseScript(word),
        )
        expect(concatBytes(...parsed)).toEqual(original)
      }),
    )
  })

  it('addresses', () => {
    const program = fc.uint8Array({ minLength: 2, maxLength: 40 })
    const output = fc.oneof(
      fc.uint8Array({ minLength: 20, maxLength: 20 }).map(createScriptHashScript),
      fc.record({ version: fc.integer({ min: 1, max: 16 }), program }).map(createWitnessScript),
      fc
        .constantFrom(20, 32)
        .chain((size) => fc.uint8Array({ minLength: size, maxLength: size }))
        .map((each) => createWitnessScript({ version: 0, program: each })),
    )
    fc.assert(
      fc.property(output, fc.nat(), fc.nat(), (original, where, what) => {
        const address = encodeAddress(original, MAINNET)
        if (address === undefined) throw new RangeError('the output has no address')
        expect(decodeAddress(address, MAINNET)).toEqual(original)
        const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
        const at = where % address.length
        const wrong = alphabet[what % alphabet.length] ?? 'q'
        if (address[at] === wrong) return
        const mistyped = `${address.slice(0, at)}${wrong}${address.slice(at + 1)}`
        expect(() => decodeAddress(mistyped, MAINNET)).toThrow(AddressError)
      }),
    )
  })

  it('texts that are no address are refused with an AddressError', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (text) => {
        for (const tried of [text, `bc1${text}`, `1${text}`]) {
          expect(() => decodeAddress(tried, MAINNET)).toThrow(AddressError)
        }
      }),
    )
  })
})
