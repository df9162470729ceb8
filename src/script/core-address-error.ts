/** @module What Bitcoin Core says to a text that is no address. */

import { sha256 } from '@noble/hashes/sha2.js'
import { bech32, bech32m, createBase58check } from '@scure/base'
import type { AddressPrefixes } from './address.ts'

const HASH_SIZE = 20
/** Payloads that Bitcoin Core looks at: a version byte and a hash. */
const MAX_BASE58_PAYLOAD = 1 + HASH_SIZE
const MAX_BECH32_LENGTH = 90
const MAX_WITNESS_VERSION = 16
const CHECKSUM_CHARACTERS = 6
/** As many characters as a hundred bytes take. */
const BASE58 = /^[1-9A-HJ-NP-Za-km-z]{0,136}$/
const BECH32_DATA = /^[qpzry9x8gf2tvdw0s3jn54khce6mua7l]*$/i
const PRINTABLE = /^[!-~]+$/

const base58check = createBase58check(sha256)

/**
 * Bitcoin Core's words for a text that `decodeAddress` refuses. Where it looks for the mistyped characters of a bech32
 * text to tell which of the two checksums was meant, the witness version decides here.
 *
 * @see Bitcoin Core `DecodeDestination`, `bech32::LocateErrors`
 */
export function describeAsCore(address: string, prefixes: AddressPrefixes): string {
  const start = address.slice(0, prefixes.bech32.length).toLowerCase()
  return start === prefixes.bech32
    ? describeSegwit(address, prefixes)
    : describeBase58(address, prefixes)
}

function describeBase58(address: string, { pubkeyHash, scriptHash }: AddressPrefixes): string {
  if (!BASE58.test(address)) {
    return 'Invalid or unsupported Segwit (Bech32) or Base58 encoding.'
  }
  const payload = decodeBase58(address)
  if (payload === undefined || payload.length > MAX_BASE58_PAYLOAD) {
    return 'Invalid checksum or length of Base58 address (P2PKH or P2SH)'
  }
  return payload[0] === pubkeyHash || payload[0] === scriptHash
    ? 'Invalid length for Base58 address (P2PKH or P2SH)'
    : 'Invalid or unsupported Base58-encoded address.'
}

function decodeBase58(address: string): Uint8Array | undefined {
  try {
    return base58check.decode(address)
  } catch {
    return undefined
  }
}

function describeSegwit(address: string, prefixes: AddressPrefixes): string {
  const plain = bech32.decodeUnsafe(address, MAX_BECH32_LENGTH)
  const decoded = plain ?? bech32m.decodeUnsafe(address, MAX_BECH32_LENGTH)
  if (decoded === undefined) return describeBech32Fault(address)
  const [version, ...words] = decoded.words
  if (version === undefined) return 'Empty Bech32 data section'
  if (decoded.prefix !== prefixes.bech32) {
    return `Invalid or unsupported prefix for Segwit (Bech32) address (expected ${prefixes.bech32}, got ${decoded.prefix}).`
  }
  if (version === 0 && plain === undefined) {
    return 'Version 0 witness address must use Bech32 checksum'
  }
  if (version !== 0 && plain !== undefined) {
    return 'Version 1+ witness address must use Bech32m checksum'
  }
  const program = bech32.fromWordsUnsafe(words)
  if (program === undefined) return 'Invalid padding in Bech32 data section'
  const size = `(${program.length} ${program.length === 1 ? 'byte' : 'bytes'})`
  if (version === 0) return `Invalid Bech32 v0 address program size ${size}, per BIP141`
  return version > MAX_WITNESS_VERSION
    ? 'Invalid Bech32 address witness version'
    : `Invalid Bech32 address program size ${size}`
}

/** Why a text is not bech32 at all. */
function describeBech32Fault(address: string): string {
  if (address.length > MAX_BECH32_LENGTH) return 'Bech32 string too long'
  const hasOneCase = address === address.toLowerCase() || address === address.toUpperCase()
  if (!PRINTABLE.test(address) || !hasOneCase) return 'Invalid character or mixed case'
  const separator = address.lastIndexOf('1')
  if (separator === -1) return 'Missing separator'
  if (separator === 0 || separator + CHECKSUM_CHARACTERS >= address.length) {
    return 'Invalid separator position'
  }
  const data = address.slice(separator + 1)
  if (!BECH32_DATA.test(data)) return 'Invalid Base 32 character'
  return data.charAt(0).toLowerCase() === 'q'
    ? 'Invalid Bech32 checksum'
    : 'Invalid Bech32m checksum'
}
