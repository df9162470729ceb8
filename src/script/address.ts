/** @module Addresses: base58check, bech32 and bech32m. */

import { sha256 } from '@noble/hashes/sha2.js'
import { base58, bech32, bech32m, createBase58check } from '@scure/base'
import { concatBytes } from '../util/index.ts'
import {
  classifyOutput,
  createKeyHashScript,
  createScriptHashScript,
  createWitnessScript,
} from './standard-output.ts'

/** How a chain's addresses begin. */
export interface AddressPrefixes {
  /** First byte of P2PKH addresses. */
  readonly pubkeyHash: number
  /** First byte of P2SH addresses. */
  readonly scriptHash: number
  /** First byte of private keys in wallet import format. */
  readonly secretKey: number
  /** Human-readable part of segwit addresses. */
  readonly bech32: string
}

/** Why a text is no address of a chain. */
export type AddressErrorCode =
  /** It has characters that no address has, or upper and lower case where only one may be. */
  | 'bad-encoding'
  /** A character is mistyped, or its checksum is of the wrong kind. */
  | 'bad-checksum'
  /** It is an address, or a private key, but not one of this chain's addresses. */
  | 'wrong-chain'
  | 'bad-length'
  /** Its witness version is above 16. */
  | 'bad-version'

/** A text is not an address that can be paid on this chain. The message says why. */
export class AddressError extends Error {
  override readonly name = 'AddressError'
  readonly code: AddressErrorCode

  constructor(code: AddressErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

const base58check = createBase58check(sha256)
const BASE58_CHECKSUM_SIZE = 4
const HASH_SIZE = 20
/** The longest segwit address; base58 ones are far shorter. @see BIP-0173 */
const MAX_ADDRESS_LENGTH = 90
const MAX_WITNESS_VERSION = 16
/** Bitcoin's networks, by the human-readable part of their segwit addresses. @see Bitcoin Core `chainparams.cpp` */
const NETWORKS_BY_BECH32: ReadonlyMap<string, string> = new Map([
  ['bc', 'mainnet'],
  ['tb', 'testnet or signet'],
  ['bcrt', 'regtest'],
])
/** The same by the first byte of their other addresses, which three of them share. */
const NETWORKS_BY_VERSION: ReadonlyMap<number | undefined, string> = new Map([
  [0x00, 'mainnet'],
  [0x05, 'mainnet'],
  [0x6f, 'testnet, signet or regtest'],
  [0xc4, 'testnet, signet or regtest'],
])
/** First bytes of private keys: of mainnet, and of the others. */
const SECRET_KEY_VERSIONS: readonly (number | undefined)[] = [0x80, 0xef]
const OTHER_NETWORK = 'another network'
/** A 32-byte key, with or without the byte that asks for a compressed public key. */
const PRIVATE_KEY_SIZES: readonly number[] = [32, 33]
const BECH32_CHARACTERS = /^[!-~]+$/
/** Separator, then data and checksum in bech32's own alphabet, at least a version and a checksum. */
const BECH32_SHAPE = /1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{7,}$/

/** What a base58 text is whose first byte is not one of this chain's addresses. */
function explainOtherVersion(
  address: string,
  [version, ...rest]: Uint8Array,
  { pubkeyHash, scriptHash, secretKey }: AddressPrefixes,
): string {
  const isKeyVersion = version === secretKey || SECRET_KEY_VERSIONS.includes(version)
  if (isKeyVersion && PRIVATE_KEY_SIZES.includes(rest.length)) {
    return 'it is a private key, which nobody should be shown, and not an address'
  }
  const network = NETWORKS_BY_VERSION.get(version)
  return network === undefined
    ? `it is an address of ${OTHER_NETWORK}: its first byte is ${version} instead of ${pubkeyHash} or ${scriptHash}`
    : `it is an address of ${network}: it begins with ${address.charAt(0)}`
}

function decodeBase58(address: string, prefixes: AddressPrefixes): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = base58.decode(address)
  } catch {
    throw new AddressError('bad-encoding', 'it has characters that no address has')
  }
  if (bytes.length <= BASE58_CHECKSUM_SIZE) throw new AddressError('bad-length', 'it is too short')
  let payload: Uint8Array
  try {
    payload = base58check.decode(address)
  } catch {
    throw new AddressError('bad-checksum', 'its checksum is wrong: a character is mistyped')
  }
  const hash = payload.subarray(1)
  const isPubkeyHash = payload[0] === prefixes.pubkeyHash
  if (!isPubkeyHash && payload[0] !== prefixes.scriptHash) {
    throw new AddressError('wrong-chain', explainOtherVersion(address, payload, prefixes))
  }
  if (hash.length !== HASH_SIZE) throw new AddressError('bad-length', 'it has the wrong length')
  return isPubkeyHash ? createKeyHashScript(hash) : createScriptHashScript(hash)
}

/** @see BIP-0173 and BIP-0350 */
function decodeSegwit(address: string, prefixes: AddressPrefixes): Uint8Array {
  const plain = bech32.decodeUnsafe(address, MAX_ADDRESS_LENGTH)
  const modified = bech32m.decodeUnsafe(address, MAX_ADDRESS_LENGTH)
  const decoded = plain ?? modified
  if (decoded === undefined) {
    throw new AddressError('bad-checksum', 'its checksum is wrong: a character is mistyped')
  }
  if (decoded.prefix !== prefixes.bech32) {
    const network = NETWORKS_BY_BECH32.get(decoded.prefix) ?? OTHER_NETWORK
    const found = `it begins with ${decoded.prefix}1 instead of ${prefixes.bech32}1`
    throw new AddressError('wrong-chain', `it is an address of ${network}: ${found}`)
  }
  const [version, ...words] = decoded.words
  if (version === undefined) throw new AddressError('bad-length', 'it is too short')
  if (version > MAX_WITNESS_VERSION) {
    throw new AddressError('bad-version', `its witness version, ${version}, is above 16`)
  }
  // Version 0 is bech32 and all others bech32m.
  if ((version === 0) !== (plain !== undefined)) {
    throw new AddressError('bad-checksum', 'its checksum is of the wrong kind for its version')
  }
  const program = bech32.fromWordsUnsafe(words)
  const fits = program !== undefined && program.length >= 2 && program.length <= 40
  if (!fits || (version === 0 && program.length !== 20 && program.length !== 32)) {
    throw new AddressError('bad-length', 'its witness program has the wrong length')
  }
  return createWitnessScript({ version, program })
}

/** Whether a text is meant as a segwit address, however wrong. */
function looksLikeSegwit(address: string, prefixes: AddressPrefixes): boolean {
  const lower = address.toLowerCase()
  if (lower.startsWith(`${prefixes.bech32}1`)) return true
  // Base58 addresses mix cases, and none of another chain's prefix passes for base58 with its separator.
  const hasOneCase = address === lower || address === address.toUpperCase()
  return hasOneCase && BECH32_SHAPE.test(lower)
}

/**
 * The output script that pays to an address.
 *
 * @throws {@link AddressError} if it is no address, or one of another chain.
 * @see Bitcoin Core `DecodeDestination`
 */
export function decodeAddress(address: string, prefixes: AddressPrefixes): Uint8Array {
  if (address.length === 0) throw new AddressError('bad-length', 'it is empty')
  // Checked first: the time that base58 takes grows with the square of the length.
  if (address.length > MAX_ADDRESS_LENGTH) throw new AddressError('bad-length', 'it is too long')
  if (!looksLikeSegwit(address, prefixes)) return decodeBase58(address, prefixes)
  if (!BECH32_CHARACTERS.test(address)) {
    throw new AddressError('bad-encoding', 'it has characters that no address has')
  }
  if (address !== address.toLowerCase() && address !== address.toUpperCase()) {
    throw new AddressError('bad-encoding', 'it mixes upper and lower case')
  }
  return decodeSegwit(address, prefixes)
}

function encodeSegwit(version: number, program: Uint8Array, prefixes: AddressPrefixes): string {
  const coder = version === 0 ? bech32 : bech32m
  // No limit: a chain may have a long prefix of its own.
  return coder.encode(prefixes.bech32, [version, ...coder.toWords(program)], false)
}

/** The address that an output script pays to; undefined if it has none. */
export function encodeAddress(
  scriptPubKey: Uint8Array,
  prefixes: AddressPrefixes,
): string | undefined {
  const output = classifyOutput(scriptPubKey)
  switch (output.type) {
    case 'pubkeyhash':
      return base58check.encode(concatBytes(Uint8Array.of(prefixes.pubkeyHash), output.hash))
    case 'scripthash':
      return base58check.encode(concatBytes(Uint8Array.of(prefixes.scriptHash), output.hash))
    case 'witness_v0_keyhash':
    case 'witness_v0_scripthash':
      return encodeSegwit(0, output.hash, prefixes)
    case 'witness_v1_taproot':
      return encodeSegwit(1, output.outputKey, prefixes)
    case 'anchor':
      return encodeSegwit(1, scriptPubKey.slice(2), prefixes)
    case 'witness_unknown':
      return encodeSegwit(output.version, output.program, prefixes)
    case 'pubkey':
    case 'multisig':
    case 'nulldata':
    case 'nonstandard':
      return undefined
  }
}
