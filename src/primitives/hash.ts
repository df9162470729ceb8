/** @module Hashes, their brands and their two spellings. */

import { sha256 } from '@noble/hashes/sha2.js'
import { DecodeError, decodeHex, encodeReversedHex, reverseBytes } from '../util/index.ts'

declare const brand: unique symbol

/** SHA-256d of a block header: 32 bytes in internal order, as hashed. */
export type BlockHash = Uint8Array & { readonly [brand]: 'BlockHash' }
/** SHA-256d of a transaction without its witnesses: 32 bytes in internal order. */
export type Txid = Uint8Array & { readonly [brand]: 'Txid' }
/** SHA-256d of a transaction with its witnesses: 32 bytes in internal order. */
export type Wtxid = Uint8Array & { readonly [brand]: 'Wtxid' }
/** Any 32-byte hash that is spelled in reverse for people. */
export type Hash256 = Uint8Array

/** A block's hash as people write it: 64 lower-case hex digits, byte order reversed. */
export type BlockHashHex = string
/** A transaction's id as people write it: 64 lower-case hex digits, byte order reversed. */
export type TxidHex = string

/** Size in bytes of every hash here. */
export const HASH_SIZE = 32

/** The hash of nothing: 32 zero bytes; the genesis block's parent, the coinbase's input. */
export const ZERO_HASH: Hash256 = new Uint8Array(HASH_SIZE)

/** Double SHA-256, Bitcoin's hash for blocks and transactions. */
export function sha256d(bytes: Uint8Array): Uint8Array {
  return sha256(sha256(bytes))
}

/** Spells a hash for people: hex of the reversed bytes. The only place that reverses, with its twin. */
export function toDisplayHex(hash: Hash256): string {
  return encodeReversedHex(hash)
}

/**
 * Reads the spelling for people back into internal order.
 *
 * @throws {@link DecodeError} `bad-value` unless given 64 hex digits.
 */
export function fromDisplayHex<Hash extends Hash256 = Hash256>(hex: string): Hash {
  if (hex.length !== 2 * HASH_SIZE) throw new DecodeError('bad-value', 0, 'not 64 hex digits')
  return reverseBytes(decodeHex(hex)) as Hash
}
