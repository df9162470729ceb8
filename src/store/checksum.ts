/** @module A CRC-32C at the end of every stored value: LevelDB does not notice every flipped bit. */

import { StoreError } from '../chain/index.ts'

/** The Castagnoli polynomial, bits reversed. */
const POLYNOMIAL = 0x82f6_3b78
const CHECKSUM_SIZE = 4

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  return crc
})

/** CRC-32C of bytes, unsigned. @see RFC 3720, appendix B.4 */
export function computeCrc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0)
  return (crc ^ 0xffff_ffff) >>> 0
}

/** A value with its checksum behind it. */
export function sealValue(value: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(value.length + CHECKSUM_SIZE)
  sealed.set(value)
  new DataView(sealed.buffer).setUint32(value.length, computeCrc32c(value), true)
  return sealed
}

/**
 * The value within a sealed one.
 *
 * @param what - Names the record in the error.
 * @throws {@link StoreError} `corrupt` if the checksum does not fit.
 */
export function openValue(sealed: Uint8Array, what: string): Uint8Array {
  const size = sealed.length - CHECKSUM_SIZE
  if (size >= 0) {
    const value = sealed.subarray(0, size)
    const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength)
    if (view.getUint32(size, true) === computeCrc32c(value)) return value
  }
  throw new StoreError(
    'corrupt',
    `the stored ${what} is damaged; start the node on an empty data directory to fetch the chain again`,
  )
}
