/** @module Addresses: base58check, bech32 and bech32m. */

import { sha256 } from '@noble/hashes/sha2.js'
import { base58, bech32, bech32m, createBase58check } from '@scure/base'
import { concatBytes } from '../util/index.ts'
import { OP_0, OP_1, OP_CHECKSIG, OP_DUP, OP_EQUAL, OP_EQUALVERIFY, OP_HASH160 } from './opcodes.ts'
import { classifyOutput } from './standard-output.ts'

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
  | 'bad-encoding'
  | 'bad-checksum'
  | 'wrong-chain'
  | 'bad-length'
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
const HASH_SIZE = 20
/** The longest segwit address. @see BIP-0173 */
const MAX_BECH32_LENGTH = 90
const WORD_BITS = 31

function decodeBase58(address: string, prefixes: AddressPrefixes): Uint8Array {
  let payload: Uint8Array
  try {
    base58.decode(address)
  } catch {
    throw new AddressError('bad-encoding', 'it has characters that no address has')
  }
  try {
    payload = base58check.decode(address)
  } catch {
    throw new AddressError('bad-checksum', 'its checksum is wrong: a character is mistyped')
  }
  if (payload.length !== 1 + HASH_SIZE) {
    throw new AddressError('bad-length', 'it has the wrong length')
  }
  const hash = payload.slice(1)
  if (payload[0] === prefixes.pubkeyHash) {
    return concatBytes(
      Uint8Array.of(OP_DUP, OP_HASH160, HASH_SIZE),
      hash,
      Uint8Array.of(OP_EQUALVERIFY, OP_CHECKSIG),
    )
  }
  if (payload[0] === prefixes.scriptHash) {
    return concatBytes(Uint8Array.of(OP_HASH160, HASH_SIZE), hash, Uint8Array.of(OP_EQUAL))
  }
  throw new AddressError('wrong-chain', 'it is an address of another chain')
}

function decodeSegwit(address: string, prefixes: AddressPrefixes): Uint8Array {
  const plain = bech32.decodeUnsafe(address, MAX_BECH32_LENGTH)
  const modified = bech32m.decodeUnsafe(address, MAX_BECH32_LENGTH)
  const decoded = plain ?? modified
  if (decoded === undefined) {
    throw new AddressError('bad-checksum', 'its checksum is wrong: a character is mistyped')
  }
  if (decoded.prefix.toLowerCase() !== prefixes.bech32) {
    throw new AddressError('wrong-chain', 'it is an address of another chain')
  }
  const [version = WORD_BITS, ...words] = decoded.words
  if (version > 16) throw new AddressError('bad-version', 'its witness version is above 16')
  // Version 0 is bech32 and all others bech32m (BIP-0350).
  if ((version === 0) !== (plain !== undefined)) {
    throw new AddressError('bad-checksum', 'its checksum is of the wrong kind for its version')
  }
  const program = bech32.fromWordsUnsafe(words)
  const fits = program !== undefined && program.length >= 2 && program.length <= 40
  if (!fits || (version === 0 && program.length !== 20 && program.length !== 32)) {
    throw new AddressError('bad-length', 'its witness program has the wrong length')
  }
  return concatBytes(
    Uint8Array.of(version === 0 ? OP_0 : OP_1 - 1 + version, program.length),
    program,
  )
}

/**
 * The output script that pays to an address.
 *
 * @throws {@link AddressError} if it is no address, or one of another chain.
 */
export function decodeAddress(address: string, prefixes: AddressPrefixes): Uint8Array {
  const isOurs = address.toLowerCase().startsWith(`${prefixes.bech32}1`)
  const isSegwit =
    isOurs ||
    bech32.decodeUnsafe(address, MAX_BECH32_LENGTH) !== undefined ||
    bech32m.decodeUnsafe(address, MAX_BECH32_LENGTH) !== undefined
  return isSegwit ? decodeSegwit(address, prefixes) : decodeBase58(address, prefixes)
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
      return bech32.encode(prefixes.bech32, [0, ...bech32.toWords(output.hash)])
    case 'witness_v1_taproot':
      return bech32m.encode(prefixes.bech32, [1, ...bech32m.toWords(output.outputKey)])
    case 'anchor':
      return bech32m.encode(prefixes.bech32, [1, ...bech32m.toWords(scriptPubKey.slice(2))])
    case 'witness_unknown':
      return bech32m.encode(prefixes.bech32, [output.version, ...bech32m.toWords(output.program)])
    default:
      return undefined
  }
}
