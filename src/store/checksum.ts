/** @module A CRC-32C at the end of every stored value: LevelDB does not notice every flipped bit. */

import { DAMAGE_CURES, StoreError, type StorePart } from '../chain/index.ts'

/** The Castagnoli polynomial, bits reversed. */
const POLYNOMIAL = 0x82f6_3b78
const CHECKSUM_SIZE = 4

/** How a byte changes the remainder, with none to three bytes behind it: 256 entries for each. */
const TABLES = createTables()

function createTables(): Int32Array {
  const tables = new Int32Array(4 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    tables[byte] = crc
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number
    tables[i] = (before >>> 8) ^ (tables[before & 0xff] as number)
  }
  return tables
}

/** Keys of the blocks database are hashes of what they lead to, so they need no checksum. */
const NO_KEY = new Uint8Array(0)

/**
 * CRC-32C of bytes, unsigned.
 *
 * @param before - The CRC of what comes before them.
 * @see RFC 3720, appendix B.4
 */
export function computeCrc32c(bytes: Uint8Array, before = 0): number {
  let crc = before ^ 0xffff_ffff
  let i = 0
  // Four bytes in one step: the whole of the headers is checked at every start.
  for (const end = bytes.length - 3; i < end; i += 4) {
    crc ^= byteAt(bytes, i) | (byteAt(bytes, i + 1) << 8)
    crc ^= (byteAt(bytes, i + 2) << 16) | (byteAt(bytes, i + 3) << 24)
    crc =
      tableAt(768 + (crc & 0xff)) ^
      tableAt(512 + ((crc >>> 8) & 0xff)) ^
      tableAt(256 + ((crc >>> 16) & 0xff)) ^
      tableAt(crc >>> 24)
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ tableAt((crc ^ byteAt(bytes, i)) & 0xff)
  return (crc ^ 0xffff_ffff) >>> 0
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] as number
}

function tableAt(index: number): number {
  return TABLES[index] as number
}

/** A value with a checksum behind it, of the key and the value. */
export function sealValue(value: Uint8Array, key: Uint8Array = NO_KEY): Uint8Array {
  const sealed = new Uint8Array(value.length + CHECKSUM_SIZE)
  sealed.set(value)
  new DataView(sealed.buffer).setUint32(
    value.length,
    computeCrc32c(value, computeCrc32c(key)),
    true,
  )
  return sealed
}

/** What a damaged value is called, and where it was. */
export interface SealedValue {
  /** Names the record in the error. */
  readonly what: string
  readonly part: StorePart
  /** The one that it was sealed with. */
  readonly key?: Uint8Array
}

/**
 * The value within a sealed one.
 *
 * @throws {@link StoreError} `corrupt` if the checksum does not fit.
 */
export function openValue(
  sealed: Uint8Array,
  { what, part, key = NO_KEY }: SealedValue,
): Uint8Array {
  const size = sealed.length - CHECKSUM_SIZE
  if (size >= 0) {
    const value = sealed.subarray(0, size)
    const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength)
    if (view.getUint32(size, true) === computeCrc32c(value, computeCrc32c(key))) return value
  }
  throw new StoreError('corrupt', `the stored ${what} is damaged: ${DAMAGE_CURES[part]}`, { part })
}
