/**
 * Signatures whose validity is known, to tell at the start whether an engine works on this machine.
 *
 * All are by the secret key 3 over 32 zero bytes; `@noble/curves` made them, and a test holds it to these answers.
 *
 * @module
 */

import type { SignatureEngine } from '../script/index.ts'
import { decodeHex, encodeHex } from '../util/index.ts'

const X = 'f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9'
/** Even. */
const Y = '388f7b0f632de8140fe337e62a37f3566500a99934c2231b6cb9fd7584b8e672'
/** No point of the curve has this x. */
const X_OFF_CURVE = '0000000000000000000000000000000000000000000000000000000000000005'
const R = 'e95058f48325b8b37415edd898822fcfc83d8fdc5e257d3c370c0304c42dd5f2'
const LOW_S = '6836450f27b3ccd9d0e86629627b28b61fcdaeab49d9099f4170ccd3b3258e81'
/** The order less {@link LOW_S}. */
const HIGH_S = '97c9baf0d84c33262f1799d69d84d7489ae12e3b656f969c7e6191b91d10b2c0'
const ORDER = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'
const SCHNORR_R = 'e907831f80848d1069a5371b402410364bdf1c5f8307b0084c55f1ce2dca8215'
const SCHNORR_S = '25f66a4a85ea8b71e482a74f382d2ce5ebeee8fdb2172f477df4900d310536c0'
/** The order less {@link SCHNORR_S}. */
const SCHNORR_NEGATED = 'da0995b57a15748e1b7d58b0c7d2d318cebff3e8fd3170f441ddce7f9f310a81'
const ZERO = '00'.repeat(32)

const SIGNATURE = `3045022100${R}0220${LOW_S}`

/** Public key, signature and whether it is valid. */
const ECDSA: readonly (readonly [key: string, signature: string, isValid: boolean])[] = [
  [`02${X}`, SIGNATURE, true],
  [`04${X}${Y}`, SIGNATURE, true],
  // Hybrid keys, whose prefix tells the parity of y.
  [`06${X}${Y}`, SIGNATURE, true],
  [`07${X}${Y}`, SIGNATURE, false],
  // Over a hash of zeros, the negated key gives the negated point, whose x is the same.
  [`03${X}`, SIGNATURE, true],
  [`02${X}`, `3046022100${R}022100${HIGH_S}`, true],
  // Padded numbers: not DER, and valid before BIP-0066.
  [`02${X}`, `30490223000000${R}02220000${LOW_S}`, true],
  [`02${X}`, `30250201000220${LOW_S}`, false],
  [`02${X}`, `3046022100${R}022100${ORDER}`, false],
  [`02${X_OFF_CURVE}`, SIGNATURE, false],
  [`04${X}${X}`, SIGNATURE, false],
  [`00`, SIGNATURE, false],
]

/** X-only key, signature and whether it is valid. */
const SCHNORR: readonly (readonly [key: string, signature: string, isValid: boolean])[] = [
  [X, `${SCHNORR_R}${SCHNORR_S}`, true],
  [X, `${SCHNORR_R}${SCHNORR_NEGATED}`, false],
  [X, `${SCHNORR_R}${ORDER}`, false],
  [X, `${X_OFF_CURVE}${SCHNORR_S}`, false],
  [X_OFF_CURVE, `${SCHNORR_R}${SCHNORR_S}`, false],
]

/** Internal key, tweak, and the output key behind its parity; undefined if there is none. */
const TWEAKS: readonly (readonly [key: string, tweak: string, output: string | undefined])[] = [
  [X, ZERO, `0${X}`],
  // BIP-0341's first example.
  [
    'd6889cb081036e0faefa3a35157ad71086b123b2b144b649798b494c300a961d',
    'b86e7be8f39bab32a6f2c0443abbc210f0edac0e2c53d501b36b64437d9c6c70',
    '153a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343',
  ],
  [X, ORDER, undefined],
  // The order less the secret key: the sum is infinity.
  [X, 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd036413e', undefined],
  [X_OFF_CURVE, ZERO, undefined],
]

/**
 * Whether an engine gives the answers that are known.
 *
 * @param isBrief - Whether the first of each kind is enough: WebAssembly is slow until it has been optimised, and all
 * answers would take a tenth of a second of every start.
 */
export function agreesWithKnownAnswers(engine: SignatureEngine, isBrief = false): boolean {
  const hash = new Uint8Array(32)
  const other = new Uint8Array(32).fill(1)
  const some = <Row>(rows: readonly Row[]): readonly Row[] => (isBrief ? rows.slice(0, 1) : rows)
  const areEcdsaRight = some(ECDSA).every(([key, signature, isValid]) => {
    const [keyBytes, bytes] = [decodeHex(key), decodeHex(signature)]
    return (
      engine.verifyEcdsa(keyBytes, bytes, hash) === isValid &&
      !engine.verifyEcdsa(keyBytes, bytes, other)
    )
  })
  const areSchnorrRight = some(SCHNORR).every(([key, signature, isValid]) => {
    const [keyBytes, bytes] = [decodeHex(key), decodeHex(signature)]
    return (
      engine.verifySchnorr(keyBytes, bytes, hash) === isValid &&
      !engine.verifySchnorr(keyBytes, bytes, other)
    )
  })
  const areTweaksRight = some(TWEAKS).every(([key, tweak, output]) => {
    const tweaked = engine.tweakPublicKey(decodeHex(key), decodeHex(tweak))
    return output === (tweaked && `${tweaked.parity}${encodeHex(tweaked.key)}`)
  })
  return areEcdsaRight && areSchnorrRight && areTweaksRight
}
