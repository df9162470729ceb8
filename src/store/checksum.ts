/** @module A CRC-32C at the end of every stored value: LevelDB does not notice every flipped bit. */

import { DAMAGE_CURES, StoreError, type StorePart } from '../chain/index.ts'

/** The Castagnoli polynomial, bits reversed. */
const POLYNOMIAL = 0x82f6_3b78
const CHECKSUM_SIZE = 4

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  return crc
})

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
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0)
  return (crc ^ 0xffff_ffff) >>> 0
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
