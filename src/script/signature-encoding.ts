/** @module The forms of signatures and public keys that rules ask for. */

import { decodeHex } from '../util/index.ts'
import {
  type ScriptFlags,
  VERIFY_DERSIG,
  VERIFY_LOW_S,
  VERIFY_STRICTENC,
  VERIFY_WITNESS_PUBKEYTYPE,
} from './flags.ts'
import { require } from './script-error.ts'
import { SIGHASH_ALL, SIGHASH_ANYONECANPAY, SIGHASH_SINGLE } from './signature-hash.ts'

/** Order of secp256k1's group, and half of it rounded down: the largest low S. Big-endian. */
const CURVE_ORDER = decodeHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')
const MAX_LOW_S = decodeHex('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0')

const DER_SEQUENCE = 0x30
const DER_INTEGER = 0x02
const LONG_FORM = 0x80
const SCALAR_SIZE = 32
/** Longer lengths of lengths are refused by libsecp256k1's lax parser, whatever their value. */
const MAX_LENGTH_SIZE = 3

/** A position in a signature while it is parsed leniently. */
interface LaxCursor {
  readonly bytes: Uint8Array
  offset: number
}

/** Reads an integer's tag, length and bytes; undefined if they are not there. */
function readLaxInteger(cursor: LaxCursor): Uint8Array | undefined {
  const { bytes } = cursor
  if (bytes[cursor.offset] !== DER_INTEGER) return undefined
  let size = bytes[cursor.offset + 1]
  if (size === undefined) return undefined
  cursor.offset += 2
  if ((size & LONG_FORM) !== 0) {
    const end = cursor.offset + (size - LONG_FORM)
    if (end > bytes.length) return undefined
    while (cursor.offset < end && bytes[cursor.offset] === 0) cursor.offset += 1
    if (end - cursor.offset > MAX_LENGTH_SIZE) return undefined
    size = 0
    for (; cursor.offset < end; cursor.offset++) size = size * 256 + (bytes[cursor.offset] ?? 0)
  }
  if (size > bytes.length - cursor.offset) return undefined
  const value = bytes.subarray(cursor.offset, cursor.offset + size)
  cursor.offset += size
  return value
}

/**
 * Writes a number as 32 bytes. Not by way of big integers: at the speed of a native library they would take a tenth of
 * all time.
 *
 * @returns Whether it has no more bytes than that.
 */
function writeScalar(target: Uint8Array, offset: number, number: Uint8Array): boolean {
  let start = 0
  while (start < number.length && number[start] === 0) start += 1
  const size = number.length - start
  if (size > SCALAR_SIZE) return false
  target.set(number.subarray(start), offset + SCALAR_SIZE - size)
  return true
}

/** Whether 32 bytes at an offset are a number above another, both big-endian. */
function isAbove(bytes: Uint8Array, offset: number, limit: Uint8Array): boolean {
  for (let i = 0; i < SCALAR_SIZE; i++) {
    const difference = (bytes[offset + i] ?? 0) - (limit[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}

function isBelowOrder(compact: Uint8Array, offset: number): boolean {
  return isAbove(CURVE_ORDER, 0, compact.subarray(offset, offset + SCALAR_SIZE))
}

/**
 * Reads an ECDSA signature as leniently as consensus did before BIP-0066.
 *
 * Nearly everything about the encoding may be wrong: negative and padded numbers, lengths of the sequence,
 * bytes left over. Numbers beyond the curve's order become zero, so that they parse and never verify.
 *
 * @param signature - Without the hash type byte.
 * @returns R and S, 32 bytes each, big-endian, S as it stands; undefined if not even this can be read.
 * @see libsecp256k1 `ecdsa_signature_parse_der_lax`
 */
export function parseLaxSignature(signature: Uint8Array): Uint8Array | undefined {
  const [tag, length] = signature
  if (tag !== DER_SEQUENCE || length === undefined) return undefined
  // The sequence's length is skipped, not believed.
  const cursor = { bytes: signature, offset: 2 + ((length & LONG_FORM) !== 0 ? length & 0x7f : 0) }
  const r = readLaxInteger(cursor)
  const s = r === undefined ? undefined : readLaxInteger(cursor)
  if (r === undefined || s === undefined) return undefined
  const compact = new Uint8Array(2 * SCALAR_SIZE)
  const isFitting =
    writeScalar(compact, 0, r) &&
    writeScalar(compact, SCALAR_SIZE, s) &&
    isBelowOrder(compact, 0) &&
    isBelowOrder(compact, SCALAR_SIZE)
  return isFitting ? compact : compact.fill(0)
}

/** Whether S is in the upper half of its range. @param compact - As {@link parseLaxSignature} returns it. */
export function hasHighS(compact: Uint8Array): boolean {
  return isAbove(compact, SCALAR_SIZE, MAX_LOW_S)
}

/**
 * Whether a signature with its hash type byte is strict DER.
 *
 * @see BIP-0066; Bitcoin Core `IsValidSignatureEncoding`
 */
export function isStrictDerSignature(signature: Uint8Array): boolean {
  const at = (i: number): number => signature[i] ?? 0
  const { length } = signature
  if (length < 9 || length > 73 || at(0) !== DER_SEQUENCE || at(1) !== length - 3) return false
  const sizeR = at(3)
  const sizeS = at(5 + sizeR)
  if (5 + sizeR >= length || sizeR + sizeS + 7 !== length) return false
  // Not empty, not negative, and no zero byte in front that the sign does not need.
  const isInteger = (start: number, size: number): boolean =>
    at(start - 2) === DER_INTEGER &&
    size > 0 &&
    (at(start) & 0x80) === 0 &&
    !(size > 1 && at(start) === 0 && (at(start + 1) & 0x80) === 0)
  return isInteger(4, sizeR) && isInteger(6 + sizeR, sizeS)
}

/** @see Bitcoin Core `CPubKey::CheckLowS` */
function hasLowS(signature: Uint8Array): boolean {
  const compact = parseLaxSignature(signature.subarray(0, -1))
  return compact !== undefined && !hasHighS(compact)
}

/** Whether a signature's last byte is a hash type with a meaning. @see Bitcoin Core `IsDefinedHashtypeSignature` */
export function hasDefinedHashType(signature: Uint8Array): boolean {
  const hashType = (signature.at(-1) ?? 0) & ~SIGHASH_ANYONECANPAY
  return hashType >= SIGHASH_ALL && hashType <= SIGHASH_SINGLE
}

/**
 * Checks an ECDSA signature's form. The empty signature, which never verifies, is always well formed.
 *
 * @throws {@link ScriptError} `SIG_DER`, `SIG_HIGH_S` or `SIG_HASHTYPE`, as flags ask for.
 * @see Bitcoin Core `CheckSignatureEncoding`
 */
export function checkSignatureEncoding(signature: Uint8Array, flags: ScriptFlags): void {
  if (signature.length === 0) return
  const mustBeStrict = (flags & (VERIFY_DERSIG | VERIFY_LOW_S | VERIFY_STRICTENC)) !== 0
  require(!mustBeStrict || isStrictDerSignature(signature), 'SIG_DER')
  require((flags & VERIFY_LOW_S) === 0 || hasLowS(signature), 'SIG_HIGH_S')
  require((flags & VERIFY_STRICTENC) === 0 || hasDefinedHashType(signature), 'SIG_HASHTYPE')
}

function isCompressed(publicKey: Uint8Array): boolean {
  return publicKey.length === 33 && (publicKey[0] === 2 || publicKey[0] === 3)
}

/**
 * Checks a public key's form.
 *
 * @throws {@link ScriptError} `PUBKEYTYPE` or `WITNESS_PUBKEYTYPE`, as flags ask for.
 * @see Bitcoin Core `CheckPubKeyEncoding`
 */
export function checkPublicKeyEncoding(
  publicKey: Uint8Array,
  flags: ScriptFlags,
  isWitnessV0: boolean,
): void {
  const isKnown = isCompressed(publicKey) || (publicKey.length === 65 && publicKey[0] === 4)
  require((flags & VERIFY_STRICTENC) === 0 || isKnown, 'PUBKEYTYPE')
  const mustBeCompressed = isWitnessV0 && (flags & VERIFY_WITNESS_PUBKEYTYPE) !== 0
  require(!mustBeCompressed || isCompressed(publicKey), 'WITNESS_PUBKEYTYPE')
}
