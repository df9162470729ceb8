/** @module Transactions, their two serialisations and their two hashes. */

import { ByteReader, ByteWriter, DecodeError, equalBytes } from '../util/index.ts'
import { HASH_SIZE, sha256d, type Txid, toDisplayHex, type Wtxid, ZERO_HASH } from './hash.ts'

/** The output index that stands for "none" in a coinbase's input. */
export const NULL_VOUT = 0xffff_ffff
/** The sequence number that switches lock times off. */
export const SEQUENCE_FINAL = 0xffff_ffff
/** How much the parts outside the witness weigh against those within (BIP-0141). */
export const WITNESS_SCALE_FACTOR = 4

const WITNESS_MARKER = 0x00
const WITNESS_FLAG = 0x01
/** Smallest encoded input: outpoint 36, empty script 1, sequence 4. */
const MIN_INPUT_SIZE = 41
/** Smallest encoded output: value 8, empty script 1. */
const MIN_OUTPUT_SIZE = 9

/** Names one output of one transaction. */
export interface OutPoint {
  readonly txid: Txid
  readonly vout: number
}

/** An input: which output it spends, and the proof that it may. */
export interface TxIn {
  readonly prevout: OutPoint
  readonly scriptSig: Uint8Array
  readonly sequence: number
  /** Witness stack; empty for inputs without. */
  readonly witness: readonly Uint8Array[]
}

/** An output: an amount in satoshis and the condition for spending it. */
export interface TxOut {
  /** Satoshis, signed 64-bit on the wire. */
  readonly value: bigint
  readonly scriptPubKey: Uint8Array
}

/** A transaction as Bitcoin has it. Plain data: never changed once made. */
export interface Transaction {
  /** Signed 32-bit. */
  readonly version: number
  readonly inputs: readonly TxIn[]
  readonly outputs: readonly TxOut[]
  readonly lockTime: number
}

/** Tells whether any input carries a witness. */
export function hasWitness(tx: Transaction): boolean {
  for (const { witness } of tx.inputs) if (witness.length > 0) return true
  return false
}

/** Tells whether an outpoint is the one that a coinbase's input has. */
export function isNullOutPoint(outPoint: OutPoint): boolean {
  return outPoint.vout === NULL_VOUT && equalBytes(outPoint.txid, ZERO_HASH)
}

/** Tells whether a transaction has a coinbase's shape. @see Bitcoin Core `CTransaction::IsCoinBase` */
export function isCoinbase(tx: Transaction): boolean {
  const [first] = tx.inputs
  return tx.inputs.length === 1 && first !== undefined && isNullOutPoint(first.prevout)
}

/** A text that names an outpoint, for maps and logs: `txid:vout`, the id spelled for people. */
export function outPointKey(outPoint: OutPoint): string {
  return `${toDisplayHex(outPoint.txid)}:${outPoint.vout}`
}

function writeOutPoint(writer: ByteWriter, outPoint: OutPoint): void {
  writer.writeBytes(outPoint.txid).writeUint32(outPoint.vout)
}

/** Writes an output: amount, then script. Shared with signature hashes. */
export function writeTxOut(writer: ByteWriter, output: TxOut): void {
  writer.writeInt64(output.value).writeVarBytes(output.scriptPubKey)
}

function writeTransaction(writer: ByteWriter, tx: Transaction, withWitness: boolean): void {
  writer.writeInt32(tx.version)
  if (withWitness) writer.writeUint8(WITNESS_MARKER).writeUint8(WITNESS_FLAG)
  writer.writeCompactSize(tx.inputs.length)
  for (const input of tx.inputs) {
    writeOutPoint(writer, input.prevout)
    writer.writeVarBytes(input.scriptSig).writeUint32(input.sequence)
  }
  writer.writeCompactSize(tx.outputs.length)
  for (const output of tx.outputs) writeTxOut(writer, output)
  if (withWitness) {
    for (const input of tx.inputs) {
      writer.writeCompactSize(input.witness.length)
      for (const item of input.witness) writer.writeVarBytes(item)
    }
  }
  writer.writeUint32(tx.lockTime)
}

/** Encodes with witnesses if there are any (BIP-0144), else in the form older than segwit. */
export function encodeTransaction(tx: Transaction): Uint8Array {
  const writer = new ByteWriter()
  writeTransaction(writer, tx, hasWitness(tx))
  return writer.toBytes()
}

/** Encodes without witnesses: the bytes that the txid is the hash of. */
export function encodeTransactionWithoutWitness(tx: Transaction): Uint8Array {
  const writer = new ByteWriter()
  writeTransaction(writer, tx, false)
  return writer.toBytes()
}

/**
 * Reads a transaction off a reader, in either serialisation. One without inputs and with outputs is not read: the old
 * form of it looks like the segwit form of another.
 *
 * @throws {@link DecodeError} `unexpected-end`, `non-canonical` or `bad-value` (unknown flag, or the
 * segwit form without any witness).
 * @see Bitcoin Core `UnserializeTransaction`, BIP-0144
 */
export function readTransaction(reader: ByteReader): Transaction {
  return readForm(reader, true)
}

/** @param allowsWitness - Whether the segwit form is looked for. */
function readForm(reader: ByteReader, allowsWitness: boolean): Transaction {
  const version = reader.readInt32()
  const hasMarker = reader.peekUint8() === WITNESS_MARKER && reader.peekUint8(1) !== WITNESS_MARKER
  const isSegwit = allowsWitness && hasMarker
  if (isSegwit) {
    reader.readUint8()
    const flag = reader.readUint8()
    if (flag !== WITNESS_FLAG) throw new DecodeError('bad-value', reader.offset, 'unknown flag')
  }
  const bare = Array.from({ length: reader.readCount(MIN_INPUT_SIZE) }, () => ({
    prevout: { txid: reader.readBytes(HASH_SIZE) as Txid, vout: reader.readUint32() },
    scriptSig: reader.readVarBytes(),
    sequence: reader.readUint32(),
  }))
  const outputs = Array.from({ length: reader.readCount(MIN_OUTPUT_SIZE) }, () => ({
    value: reader.readInt64(),
    scriptPubKey: reader.readVarBytes(),
  }))
  const inputs = bare.map((input): TxIn => {
    if (!isSegwit) return { ...input, witness: [] }
    const witness = Array.from({ length: reader.readCount(1) }, () => reader.readVarBytes())
    return { ...input, witness }
  })
  const tx: Transaction = { version, inputs, outputs, lockTime: reader.readUint32() }
  if (isSegwit && !hasWitness(tx)) {
    throw new DecodeError('bad-value', reader.offset, 'segwit form without a witness')
  }
  return tx
}

/**
 * Decodes exactly one transaction.
 *
 * @throws {@link DecodeError} as {@link readTransaction}, and `trailing-bytes`.
 */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  const reader = new ByteReader(bytes)
  const tx = readTransaction(reader)
  reader.expectEnd()
  return tx
}

/**
 * Decodes exactly one transaction in the form older than segwit, which may lack inputs.
 *
 * @throws {@link DecodeError} `unexpected-end`, `non-canonical`, `trailing-bytes`
 * @see Bitcoin Core `TX_NO_WITNESS`
 */
export function decodeTransactionWithoutWitness(bytes: Uint8Array): Transaction {
  const reader = new ByteReader(bytes)
  const tx = readForm(reader, false)
  reader.expectEnd()
  return tx
}

const txids = new WeakMap<Transaction, Txid>()

/** SHA-256d of the transaction without witnesses. Remembered for as long as the value lives. */
export function computeTxid(tx: Transaction): Txid {
  let txid = txids.get(tx)
  if (txid === undefined) {
    txid = sha256d(encodeTransactionWithoutWitness(tx)) as Txid
    txids.set(tx, txid)
  }
  return txid
}

const wtxids = new WeakMap<Transaction, Wtxid>()

/** SHA-256d of the transaction with its witnesses (BIP-0141). Remembered for as long as the value lives. */
export function computeWtxid(tx: Transaction): Wtxid {
  let wtxid = wtxids.get(tx)
  if (wtxid === undefined) {
    const bytes = hasWitness(tx) ? sha256d(encodeTransaction(tx)) : computeTxid(tx)
    wtxid = bytes as Uint8Array as Wtxid
    wtxids.set(tx, wtxid)
  }
  return wtxid
}

/** Size in bytes of each serialisation, and what consensus makes of them. */
export interface TransactionSize {
  /** Bytes without witnesses. */
  readonly strippedSize: number
  /** Bytes with witnesses. */
  readonly totalSize: number
  /** Weight units: three times stripped plus total. */
  readonly weight: number
  /** Virtual bytes: weight divided by four, rounded up. */
  readonly virtualSize: number
}

/** Version and lock time. */
const FIXED_SIZE = 8
/** Out point and sequence of an input; value of an output. */
const FIXED_INPUT_SIZE = 40
const FIXED_OUTPUT_SIZE = 8
/** Marker and flag of a transaction with witnesses. */
const WITNESS_HEADER_SIZE = 2

/** Bytes that a count or a length takes. @see Bitcoin Core `GetSizeOfCompactSize` */
export function compactSizeLength(value: number): number {
  if (value < 0xfd) return 1
  return value <= 0xffff ? 3 : 5
}

function sizeOfBytes({ length }: { readonly length: number }): number {
  return compactSizeLength(length) + length
}

function measureStripped({ inputs, outputs }: Transaction): number {
  let size = FIXED_SIZE + compactSizeLength(inputs.length) + compactSizeLength(outputs.length)
  for (const { scriptSig } of inputs) size += FIXED_INPUT_SIZE + sizeOfBytes(scriptSig)
  for (const { scriptPubKey } of outputs) size += FIXED_OUTPUT_SIZE + sizeOfBytes(scriptPubKey)
  return size
}

function measureWitnesses(tx: Transaction): number {
  if (!hasWitness(tx)) return 0
  let size = WITNESS_HEADER_SIZE
  for (const { witness } of tx.inputs) {
    size += compactSizeLength(witness.length)
    for (const item of witness) size += sizeOfBytes(item)
  }
  return size
}

/** Measures a transaction. @see BIP-0141, "Transaction size calculations" */
export function computeTransactionSize(tx: Transaction): TransactionSize {
  const strippedSize = measureStripped(tx)
  const totalSize = strippedSize + measureWitnesses(tx)
  const weight = strippedSize * (WITNESS_SCALE_FACTOR - 1) + totalSize
  return {
    strippedSize,
    totalSize,
    weight,
    virtualSize: Math.ceil(weight / WITNESS_SCALE_FACTOR),
  }
}
