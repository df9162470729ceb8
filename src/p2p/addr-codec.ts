/** @module GETADDR and ADDR as bytes and back. Records stay sealed here; see `peer-records.ts`. */

import { DecodeError, toErrorMessage } from '../util/index.ts'
import { Addr, GetAddr } from './addr-messages.ts'
import { MAX_ADDR_RECORDS, MAX_PEER_RECORD_SIZE } from './limits.ts'

/** @param record - The asker's own; undefined if it does not want to be dialled. */
export function encodeGetAddr(record: Uint8Array | undefined): Uint8Array {
  return GetAddr.encode(record === undefined ? {} : { record: toBuffer(record) })
}

/**
 * The asker's own record, if it tells it.
 *
 * @throws {@link DecodeError}
 */
export function decodeGetAddr(bytes: Uint8Array): Uint8Array | undefined {
  const { record } = decoding(() => GetAddr.decode(bytes))
  return record === undefined ? undefined : toRecordBytes(record)
}

/** @param records - At most {@link MAX_ADDR_RECORDS}. */
export function encodeAddr(records: readonly Uint8Array[]): Uint8Array {
  return Addr.encode({ records: records.map(toBuffer) })
}

/** @throws {@link DecodeError} */
export function decodeAddr(bytes: Uint8Array): readonly Uint8Array[] {
  const limits = { records: MAX_ADDR_RECORDS }
  return decoding(() => Addr.decode(bytes, { limits })).records.map(toRecordBytes)
}

/** Copies, so that one record does not keep a whole message alive. */
function toRecordBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_PEER_RECORD_SIZE) throw new DecodeError('too-long', 0, 'peer record')
  return Uint8Array.from(bytes)
}

/** protons wants bytes over a plain ArrayBuffer, which all of ours are. */
function toBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}

/** Runs a protobuf decoder; whatever it throws, the bytes are to blame. */
function decoding<Message>(decode: () => Message): Message {
  try {
    return decode()
  } catch (error) {
    throw new DecodeError('bad-value', 0, toErrorMessage(error))
  }
}
