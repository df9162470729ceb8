/**
 * @module Files of all coins of a block, in the form of Bitcoin Core's `dumptxoutset`.
 *
 * Head: `utxo`, 0xff, version (2), magic of the network (4), block hash (32), number of coins (8). Then by transaction:
 * txid (32), a count, and for each coin its output number, and the coin compressed.
 *
 * @see Bitcoin Core `SnapshotMetadata`, `WriteUTXOSnapshot`, `compressor.cpp`
 */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { type Coin, isMoney } from '../consensus/index.ts'
import { type BlockHash, HASH_SIZE, type OutPoint, type Txid } from '../primitives/index.ts'
import { isUnspendable } from '../script/index.ts'
import { ByteReader, ByteWriter, concatBytes, DecodeError, equalBytes } from '../util/index.ts'
import type { StoredCoin } from './chain-store.ts'

/** `utxo` and 0xff. */
const FILE_MAGIC = Uint8Array.of(0x75, 0x74, 0x78, 0x6f, 0xff)
const VERSION = 2
const NETWORK_MAGIC_SIZE = 4
const HEAD_SIZE = FILE_MAGIC.length + 2 + NETWORK_MAGIC_SIZE + HASH_SIZE + 8
/** Scripts that nobody can spend are not in the set of coins. @see Bitcoin Core `MAX_SCRIPT_SIZE` */
const MAX_SCRIPT_SIZE = 10_000
/** No coin takes more: two variable numbers, a script and its size. */
const MAX_COIN_SIZE = MAX_SCRIPT_SIZE + 40
/** No block has room for a transaction with more outputs. */
const MAX_COINS_PER_TRANSACTION = 500_000
/** Outputs of a transaction are written a few at a time. */
const WRITE_CHUNK_BYTES = 65_536

const KEY_HASH_SIZE = 20
const SPECIAL_SCRIPTS = 6
const UNCOMPRESSED_KEY = 4
const X_SIZE = 32

/** What a snapshot is of. */
export interface SnapshotHead {
  readonly networkMagic: Uint8Array
  readonly baseHash: BlockHash
  readonly coinCount: number
}

/** @see Bitcoin Core `WriteVarInt` */
function writeVarInt(writer: ByteWriter, value: bigint): void {
  const bytes = [Number(value & 0x7fn)]
  for (let left = value >> 7n; left > 0n; left >>= 7n) {
    left -= 1n
    bytes.push(Number(left & 0x7fn) | 0x80)
  }
  writer.writeBytes(Uint8Array.from(bytes.reverse()))
}

/** @see Bitcoin Core `ReadVarInt` */
function readVarInt(reader: ByteReader): bigint {
  let value = 0n
  for (;;) {
    const byte = reader.readUint8()
    value = (value << 7n) | BigInt(byte & 0x7f)
    if ((byte & 0x80) === 0) return value
    value += 1n
    if (value >> 64n !== 0n) throw new DecodeError('bad-value', reader.offset, 'a number too large')
  }
}

/** @see Bitcoin Core `CompressAmount` */
function compressAmount(sats: bigint): bigint {
  if (sats === 0n) return 0n
  let [rest, exponent] = [sats, 0n]
  while (rest % 10n === 0n && exponent < 9n) {
    rest /= 10n
    exponent += 1n
  }
  if (exponent === 9n) return 1n + (rest - 1n) * 10n + 9n
  return 1n + ((rest / 10n) * 9n + (rest % 10n) - 1n) * 10n + exponent
}

/** @see Bitcoin Core `DecompressAmount` */
function decompressAmount(compressed: bigint): bigint {
  if (compressed === 0n) return 0n
  const exponent = (compressed - 1n) % 10n
  const rest = (compressed - 1n) / 10n
  const digits = exponent < 9n ? (rest / 9n) * 10n + (rest % 9n) + 1n : rest + 1n
  return digits * 10n ** exponent
}

const P2PKH = { prefix: Uint8Array.of(0x76, 0xa9, 0x14), suffix: Uint8Array.of(0x88, 0xac) }
const P2SH = { prefix: Uint8Array.of(0xa9, 0x14), suffix: Uint8Array.of(0x87) }
const P2PK = { prefix: Uint8Array.of(0x21), suffix: Uint8Array.of(0xac) }
const P2PK_UNCOMPRESSED = { prefix: Uint8Array.of(0x41), suffix: Uint8Array.of(0xac) }

/** What stands between prefix and suffix, if a script is nothing else. */
function unwrap(
  script: Uint8Array,
  { prefix, suffix }: { readonly prefix: Uint8Array; readonly suffix: Uint8Array },
  size: number,
): Uint8Array | undefined {
  const end = prefix.length + size
  if (script.length !== end + suffix.length) return undefined
  if (!equalBytes(script.subarray(0, prefix.length), prefix)) return undefined
  return equalBytes(script.subarray(end), suffix) ? script.subarray(prefix.length, end) : undefined
}

/** The short form of a script that has one. @see Bitcoin Core `CompressScript` */
function compressScript(script: Uint8Array): Uint8Array | undefined {
  const keyHash = unwrap(script, P2PKH, KEY_HASH_SIZE)
  if (keyHash !== undefined) return concatBytes(Uint8Array.of(0), keyHash)
  const scriptHash = unwrap(script, P2SH, KEY_HASH_SIZE)
  if (scriptHash !== undefined) return concatBytes(Uint8Array.of(1), scriptHash)
  const key = unwrap(script, P2PK, 1 + X_SIZE)
  if (key !== undefined && (key[0] === 2 || key[0] === 3)) return key
  const longKey = unwrap(script, P2PK_UNCOMPRESSED, 1 + 2 * X_SIZE)
  if (longKey?.[0] !== UNCOMPRESSED_KEY || !secp256k1.utils.isValidPublicKey(longKey, false)) {
    return undefined
  }
  const isOdd = (longKey.at(-1) ?? 0) & 1
  return concatBytes(Uint8Array.of(UNCOMPRESSED_KEY | isOdd), longKey.subarray(1, 1 + X_SIZE))
}

function wrap(
  { prefix, suffix }: { readonly prefix: Uint8Array; readonly suffix: Uint8Array },
  content: Uint8Array,
): Uint8Array {
  return concatBytes(prefix, content, suffix)
}

/** @see Bitcoin Core `DecompressScript` */
function readSpecialScript(reader: ByteReader, kind: number): Uint8Array {
  if (kind < 2) return wrap(kind === 0 ? P2PKH : P2SH, reader.readBytes(KEY_HASH_SIZE))
  const x = reader.readBytes(X_SIZE)
  if (kind < UNCOMPRESSED_KEY) return wrap(P2PK, concatBytes(Uint8Array.of(kind), x))
  try {
    const point = secp256k1.Point.fromBytes(concatBytes(Uint8Array.of(kind - 2), x))
    return wrap(P2PK_UNCOMPRESSED, point.toBytes(false))
  } catch {
    throw new DecodeError('bad-value', reader.offset, 'a public key that is none')
  }
}

function writeCoin(writer: ByteWriter, vout: number, { output, height, isCoinbase }: Coin): void {
  writer.writeCompactSize(vout)
  writeVarInt(writer, BigInt(height * 2 + (isCoinbase ? 1 : 0)))
  writeVarInt(writer, compressAmount(output.value))
  const short = compressScript(output.scriptPubKey)
  if (short !== undefined) writer.writeBytes(short)
  else {
    writeVarInt(writer, BigInt(output.scriptPubKey.length + SPECIAL_SCRIPTS))
    writer.writeBytes(output.scriptPubKey)
  }
}

function readScript(reader: ByteReader): Uint8Array {
  const kind = Number(readVarInt(reader))
  if (kind < SPECIAL_SCRIPTS) return readSpecialScript(reader, kind)
  if (kind - SPECIAL_SCRIPTS > MAX_SCRIPT_SIZE) {
    throw new DecodeError('too-long', reader.offset, 'a script that nobody could spend')
  }
  return reader.readBytes(kind - SPECIAL_SCRIPTS)
}

function readCoin(reader: ByteReader): { readonly vout: number; readonly coin: Coin } {
  const vout = reader.readCompactSize(MAX_COINS_PER_TRANSACTION)
  const code = readVarInt(reader)
  const value = decompressAmount(readVarInt(reader))
  const scriptPubKey = readScript(reader)
  const height = Number(code >> 1n)
  if (height > 0x7fff_ffff || !isMoney(value) || isUnspendable(scriptPubKey)) {
    throw new DecodeError('bad-value', reader.offset, 'a coin that cannot be')
  }
  return { vout, coin: { output: { value, scriptPubKey }, height, isCoinbase: (code & 1n) === 1n } }
}

/** What a snapshot begins with. */
export function encodeSnapshotHead({
  networkMagic,
  baseHash,
  coinCount,
}: SnapshotHead): Uint8Array {
  return new ByteWriter()
    .writeBytes(FILE_MAGIC)
    .writeUint16(VERSION)
    .writeBytes(networkMagic)
    .writeBytes(baseHash)
    .writeUint64(BigInt(coinCount))
    .toBytes()
}

/**
 * A snapshot as bytes, piece by piece.
 *
 * @param coins - In the order of their outpoints.
 */
export async function* encodeSnapshot(
  head: SnapshotHead,
  coins: AsyncIterable<StoredCoin>,
): AsyncGenerator<Uint8Array> {
  let writer = new ByteWriter().writeBytes(encodeSnapshotHead(head))
  let group: StoredCoin[] = []
  const endGroup = (): void => {
    const [first] = group
    if (first === undefined) return
    writer.writeBytes(first.outPoint.txid).writeCompactSize(group.length)
    for (const { outPoint, coin } of group) writeCoin(writer, outPoint.vout, coin)
    group = []
  }
  for await (const stored of coins) {
    const [first] = group
    if (first !== undefined && !equalBytes(first.outPoint.txid, stored.outPoint.txid)) endGroup()
    group.push(stored)
    if (writer.size < WRITE_CHUNK_BYTES) continue
    yield writer.toBytes()
    writer = new ByteWriter()
  }
  endGroup()
  yield writer.toBytes()
}

/** Bytes that come in pieces of any size, read as if they were there at once. */
class PieceReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  #bytes: Uint8Array = new Uint8Array(0)
  #isEnded = false

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** A reader of at least so many bytes, or of all that are left. */
  async #look(size: number): Promise<ByteReader> {
    while (this.#bytes.length < size && !this.#isEnded) {
      const { done, value } = await this.#pieces.next()
      if (done === true) this.#isEnded = true
      else this.#bytes = concatBytes(this.#bytes, value)
    }
    return new ByteReader(this.#bytes)
  }

  /** @param size - The most that `read` reads. */
  async read<Value>(size: number, read: (reader: ByteReader) => Value): Promise<Value> {
    const reader = await this.#look(size)
    const value = read(reader)
    this.#bytes = this.#bytes.subarray(reader.offset)
    return value
  }

  async expectEnd(): Promise<void> {
    const reader = await this.#look(1)
    reader.expectEnd()
  }

  async close(): Promise<void> {
    await this.#pieces.return?.()
  }
}

function readHead(reader: ByteReader): SnapshotHead {
  if (!equalBytes(reader.readBytes(FILE_MAGIC.length), FILE_MAGIC)) {
    throw new DecodeError('bad-value', 0, 'this is no snapshot of unspent outputs')
  }
  const version = reader.readUint16()
  if (version !== VERSION) {
    throw new DecodeError('bad-value', FILE_MAGIC.length, `snapshot version ${version} is unknown`)
  }
  const networkMagic = reader.readBytes(NETWORK_MAGIC_SIZE)
  const baseHash = reader.readBytes(HASH_SIZE) as BlockHash
  const coinCount = reader.readUint64()
  if (coinCount > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new DecodeError('too-long', reader.offset, 'a number of coins that cannot be')
  }
  return { networkMagic, baseHash, coinCount: Number(coinCount) }
}

async function* readGroup(pieces: PieceReader, last: Txid | undefined): AsyncGenerator<StoredCoin> {
  const { txid, count } = await pieces.read(HASH_SIZE + 9, (reader) => ({
    txid: reader.readBytes(HASH_SIZE) as Txid,
    count: reader.readCompactSize(MAX_COINS_PER_TRANSACTION),
  }))
  const isInOrder = last === undefined || compareBytes(last, txid) < 0
  if (!isInOrder || count === 0) {
    throw new DecodeError('bad-value', 0, 'transactions out of order, or a count that cannot be')
  }
  const coins = new Map<number, StoredCoin>()
  for (let i = 0; i < count; i++) {
    const { vout, coin } = await pieces.read(MAX_COIN_SIZE, readCoin)
    if (coins.has(vout)) throw new DecodeError('bad-value', 0, 'a coin that is there twice')
    coins.set(vout, { outPoint: { txid, vout } satisfies OutPoint, coin })
  }
  // Bitcoin Core writes them in the order of its own keys.
  yield* [...coins.values()].sort((a, b) => a.outPoint.vout - b.outPoint.vout)
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** A snapshot that is being read. */
export interface SnapshotContent {
  readonly head: SnapshotHead
  /** In the order of their outpoints; to be read once. */
  readonly coins: AsyncIterable<StoredCoin>
}

/**
 * Reads a snapshot.
 *
 * @param bytes - In pieces of any size; closed when the task is done.
 * @param task - Is given the snapshot.
 * @throws {@link DecodeError} if it is none; the coins throw it too, as they are read.
 */
export async function readSnapshot<Result>(
  bytes: AsyncIterable<Uint8Array>,
  task: (snapshot: SnapshotContent) => Promise<Result>,
): Promise<Result> {
  const pieces = new PieceReader(bytes)
  try {
    const head = await pieces.read(HEAD_SIZE, readHead)
    return await task({ head, coins: readCoins(pieces, head.coinCount) })
  } finally {
    await pieces.close()
  }
}

async function* readCoins(pieces: PieceReader, count: number): AsyncGenerator<StoredCoin> {
  let last: Txid | undefined
  let left = count
  while (left > 0) {
    for await (const stored of readGroup(pieces, last)) {
      last = stored.outPoint.txid
      left -= 1
      yield stored
    }
  }
  if (left < 0) throw new DecodeError('bad-value', 0, 'more coins than the head says')
  await pieces.expectEnd()
}
