/** @module Coins and undo data as bytes. The store keeps them; only the chain knows their form. */

import type { BlockUndo, Coin } from '../consensus/index.ts'
import { ByteReader, ByteWriter } from '../util/index.ts'

/** Smallest encoded coin: height and flag 4, amount 8, empty script 1. */
const MIN_COIN_SIZE = 13

function writeCoin(writer: ByteWriter, coin: Coin): void {
  writer
    .writeUint32(coin.height * 2 + (coin.isCoinbase ? 1 : 0))
    .writeInt64(coin.output.value)
    .writeVarBytes(coin.output.scriptPubKey)
}

function readCoin(reader: ByteReader): Coin {
  const packed = reader.readUint32()
  const value = reader.readInt64()
  const scriptPubKey = reader.readVarBytes()
  return { output: { value, scriptPubKey }, height: packed >>> 1, isCoinbase: (packed & 1) === 1 }
}

/** Encodes a coin: height·2 + coinbase flag (4 bytes), amount (8), script. */
export function encodeCoin(coin: Coin): Uint8Array {
  const writer = new ByteWriter()
  writeCoin(writer, coin)
  return writer.toBytes()
}

/** @throws {@link DecodeError} for bytes that are not a coin. */
export function decodeCoin(bytes: Uint8Array): Coin {
  const reader = new ByteReader(bytes)
  const coin = readCoin(reader)
  reader.expectEnd()
  return coin
}

/** Encodes undo data: a count of transactions, then for each a count of coins and the coins. */
export function encodeUndo(undo: BlockUndo): Uint8Array {
  const writer = new ByteWriter()
  writer.writeCompactSize(undo.length)
  for (const coins of undo) {
    writer.writeCompactSize(coins.length)
    for (const coin of coins) writeCoin(writer, coin)
  }
  return writer.toBytes()
}

/** @throws {@link DecodeError} for bytes that are not undo data. */
export function decodeUndo(bytes: Uint8Array): BlockUndo {
  const reader = new ByteReader(bytes)
  const undo = Array.from({ length: reader.readCount(1) }, () =>
    Array.from({ length: reader.readCount(MIN_COIN_SIZE) }, () => readCoin(reader)),
  )
  reader.expectEnd()
  return undo
}
