/** @module Blocks: a header and its transactions. */

import { ByteReader, ByteWriter } from '../util/index.ts'
import { type BlockHeader, encodeHeader, HEADER_SIZE, readHeader } from './block-header.ts'
import {
  compactSizeLength,
  computeTransactionSize,
  encodeTransaction,
  readTransaction,
  type Transaction,
  WITNESS_SCALE_FACTOR,
} from './transaction.ts'

/** Smallest encoded transaction: version 4, one count each for no inputs and no outputs, lock time 4. */
const MIN_TRANSACTION_SIZE = 10

/** A block. Plain data: never changed once made. */
export interface Block {
  readonly header: BlockHeader
  readonly transactions: readonly Transaction[]
}

/** Encodes a block with all witnesses. */
export function encodeBlock(block: Block): Uint8Array {
  const writer = new ByteWriter()
  writer.writeBytes(encodeHeader(block.header)).writeCompactSize(block.transactions.length)
  for (const tx of block.transactions) writer.writeBytes(encodeTransaction(tx))
  return writer.toBytes()
}

/**
 * Decodes exactly one block.
 *
 * @throws {@link DecodeError} for bytes that are not a block.
 */
export function decodeBlock(bytes: Uint8Array): Block {
  const reader = new ByteReader(bytes)
  const header = readHeader(reader)
  const count = reader.readCount(MIN_TRANSACTION_SIZE)
  const transactions = Array.from({ length: count }, () => readTransaction(reader))
  reader.expectEnd()
  return { header, transactions }
}

/** Size of a block in bytes and in weight units (BIP-0141). */
export interface BlockSize {
  readonly strippedSize: number
  readonly totalSize: number
  readonly weight: number
}

/** Measures a block. */
export function computeBlockSize(block: Block): BlockSize {
  const overhead = HEADER_SIZE + compactSizeLength(block.transactions.length)
  let strippedSize = overhead
  let totalSize = overhead
  for (const tx of block.transactions) {
    const size = computeTransactionSize(tx)
    strippedSize += size.strippedSize
    totalSize += size.totalSize
  }
  const weight = strippedSize * (WITNESS_SCALE_FACTOR - 1) + totalSize
  return { strippedSize, totalSize, weight }
}
