/**
 * Blocks without the transactions that their receivers have: BIP-0152's form, byte for byte.
 *
 * Short ids are of wtxids (the BIP's version 2). They are kept as numbers: 48 bits fit.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MAX_BLOCK_WEIGHT } from '../consensus/index.ts'
import {
  type Block,
  type BlockHeader,
  computeTransactionSize,
  computeWtxid,
  encodeHeader,
  encodeTransaction,
  readHeader,
  readTransaction,
  type Transaction,
  WITNESS_SCALE_FACTOR,
  type Wtxid,
} from '../primitives/index.ts'
import { ByteReader, ByteWriter, concatBytes, DecodeError } from '../util/index.ts'
import { computeSipHash, SIP_HASH_KEY_SIZE } from './sip-hash.ts'

/** Size in bytes of the number that makes one block's short ids differ from author to author. */
export const COMPACT_NONCE_SIZE = 8
/** Size in bytes of a short id. */
const SHORT_ID_SIZE = 6
/** One input, one output, no scripts, no witness. @see Bitcoin Core `MIN_TRANSACTION_WEIGHT` */
const MIN_TRANSACTION_WEIGHT = 60 * WITNESS_SCALE_FACTOR
/** More transactions than that are in no valid block. */
export const MAX_BLOCK_TRANSACTIONS = Math.floor(MAX_BLOCK_WEIGHT / MIN_TRANSACTION_WEIGHT)
/** Smallest encoded transaction with its index. */
const MIN_PREFILLED_SIZE = 11
/** Transactions that the receiver is thought to lack are sent along up to so many bytes, the coinbase not counted. */
export const MAX_PREFILLED_BYTES = 10_000

const TWO_TO_THE_32 = 0x1_0000_0000

/** A transaction that comes along, and its place in the block. */
export interface PrefilledTransaction {
  readonly index: number
  readonly tx: Transaction
}

/** A block as it travels: its transactions are the prefilled ones, and between them those that short ids name. */
export interface CompactBlock {
  readonly header: BlockHeader
  /** {@link COMPACT_NONCE_SIZE} bytes. */
  readonly nonce: Uint8Array
  readonly shortIds: readonly number[]
  /** In the order of their indexes. */
  readonly prefilled: readonly PrefilledTransaction[]
}

/** Gives the short id of a transaction in one compact block. */
export type ShortIdHasher = (wtxid: Wtxid) => number

/** How the short ids of a block with that header and nonce are computed. @see BIP-0152, "Short transaction IDs" */
export function createShortIdHasher(header: BlockHeader, nonce: Uint8Array): ShortIdHasher {
  const key = sha256(concatBytes(encodeHeader(header), nonce)).subarray(0, SIP_HASH_KEY_SIZE)
  return (wtxid) => {
    const { low, high } = computeSipHash(key, wtxid)
    return (high & 0xffff) * TWO_TO_THE_32 + low
  }
}

/**
 * Makes the compact form of a block.
 *
 * @param nonce - {@link COMPACT_NONCE_SIZE} random bytes.
 * @param isKnown - Whether others are thought to have a transaction. What they lack is sent along, the coinbase
 * always, the rest as long as it is little: {@link MAX_PREFILLED_BYTES}.
 */
export function createCompactBlock(
  { header, transactions }: Block,
  nonce: Uint8Array,
  isKnown: (tx: Transaction) => boolean,
): CompactBlock {
  const computeShortId = createShortIdHasher(header, nonce)
  const shortIds: number[] = []
  const prefilled: PrefilledTransaction[] = []
  let room = MAX_PREFILLED_BYTES
  for (const [index, tx] of transactions.entries()) {
    const size = index === 0 || isKnown(tx) ? 0 : computeTransactionSize(tx).totalSize
    const isSent = index === 0 || (size > 0 && size <= room)
    if (isSent) {
      prefilled.push({ index, tx })
      room -= size
    } else shortIds.push(computeShortId(computeWtxid(tx)))
  }
  return { header, nonce, shortIds, prefilled }
}

/** Encodes a compact block. @see BIP-0152, "HeaderAndShortIDs" */
export function encodeCompactBlock({
  header,
  nonce,
  shortIds,
  prefilled,
}: CompactBlock): Uint8Array {
  const writer = new ByteWriter().writeBytes(encodeHeader(header)).writeBytes(nonce)
  writer.writeCompactSize(shortIds.length)
  for (const id of shortIds) {
    writer.writeUint32(id % TWO_TO_THE_32).writeUint16(Math.floor(id / TWO_TO_THE_32))
  }
  writer.writeCompactSize(prefilled.length)
  let next = 0
  for (const { index, tx } of prefilled) {
    // Indexes are counted from the one before.
    writer.writeCompactSize(index - next).writeBytes(encodeTransaction(tx))
    next = index + 1
  }
  return writer.toBytes()
}

function checkTransactionCount(count: number, { offset }: ByteReader): void {
  if (count > MAX_BLOCK_TRANSACTIONS) throw new DecodeError('too-long', offset, 'transactions')
}

/**
 * Decodes exactly one compact block.
 *
 * @throws {@link DecodeError} for bytes that are none: also if it has no transaction or more than
 * {@link MAX_BLOCK_TRANSACTIONS}, or a prefilled one beyond its end.
 */
export function decodeCompactBlock(bytes: Uint8Array): CompactBlock {
  const reader = new ByteReader(bytes)
  const header = readHeader(reader)
  const nonce = reader.readBytes(COMPACT_NONCE_SIZE)
  const shortIdCount = reader.readCount(SHORT_ID_SIZE)
  checkTransactionCount(shortIdCount, reader)
  const shortIds = Array.from({ length: shortIdCount }, () => {
    const low = reader.readUint32()
    return reader.readUint16() * TWO_TO_THE_32 + low
  })
  const prefilledCount = reader.readCount(MIN_PREFILLED_SIZE)
  const count = shortIdCount + prefilledCount
  checkTransactionCount(count, reader)
  if (count === 0) throw new DecodeError('bad-value', reader.offset, 'no transactions')
  const prefilled: PrefilledTransaction[] = []
  let next = 0
  for (let i = 0; i < prefilledCount; i++) {
    // Strictly increasing by construction; the last ones of all have the highest indexes that fit.
    const index = next + reader.readCompactSize(count - 1 - next)
    prefilled.push({ index, tx: readTransaction(reader) })
    next = index + 1
  }
  reader.expectEnd()
  return { header, nonce, shortIds, prefilled }
}
