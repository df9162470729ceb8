/**
 * Blocks, headers, transactions and hashes, with Bitcoin's byte formats.
 *
 * Structural validity only: if a value exists, it is well formed. Whether it is allowed is for
 * `consensus/` to say. Errors are `DecodeError`s: the bytes are not what they claim to be.
 *
 * Purity: pure.
 *
 * @example
 * const block = decodeBlock(bytes)
 * toDisplayHex(computeBlockHash(block.header))
 *
 * @module
 */
export { type Block, type BlockSize, computeBlockSize, decodeBlock, encodeBlock } from './block.ts'
export {
  type BlockHeader,
  computeBlockHash,
  decodeHeader,
  encodeHeader,
  HEADER_SIZE,
  NONCE_OFFSET,
  PackedHeader,
  readHeader,
} from './block-header.ts'
export {
  type BlockHash,
  type BlockHashHex,
  fromDisplayHex,
  HASH_SIZE,
  type Hash256,
  sha256d,
  type Txid,
  type TxidHex,
  toDisplayHex,
  type Wtxid,
  ZERO_HASH,
} from './hash.ts'
export { type HashPairs, hashPair, hashPairs } from './hash-pair.ts'
export {
  compactSizeLength,
  computeTransactionSize,
  computeTxid,
  computeWtxid,
  decodeTransaction,
  decodeTransactionWithoutWitness,
  encodeTransaction,
  encodeTransactionWithoutWitness,
  hasWitness,
  isCoinbase,
  isNullOutPoint,
  NULL_VOUT,
  type OutPoint,
  outPointKey,
  readTransaction,
  SEQUENCE_FINAL,
  type Transaction,
  type TransactionSize,
  type TxIn,
  type TxOut,
  WITNESS_SCALE_FACTOR,
  writeTxOut,
} from './transaction.ts'
