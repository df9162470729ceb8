/** @module Script checks as bytes, so that they cross to another thread in one piece. */

import type { ScriptCheck } from '../consensus/index.ts'
import { encodeTransaction, readTransaction, writeTxOut } from '../primitives/index.ts'
import type { ScriptFlags } from '../script/index.ts'
import { ByteReader, ByteWriter } from '../util/index.ts'

/** Smallest encoded output: amount 8, empty script 1. */
const MIN_OUTPUT_SIZE = 9
/** Smallest encoded slice: flags and range 12, and a transaction of 10. */
const MIN_SLICE_SIZE = 22

/** Some of a transaction's inputs, to be verified together. */
export interface ScriptCheckSlice {
  readonly check: ScriptCheck
  /** The first input to verify. */
  readonly start: number
  /** One more than the last. */
  readonly end: number
}

/** Encodes slices: a count; then for each flags, start, end, the transaction, a count of spent outputs and these. */
export function encodeScriptCheckSlices(slices: readonly ScriptCheckSlice[]): Uint8Array {
  const writer = new ByteWriter().writeCompactSize(slices.length)
  for (const { check, start, end } of slices) {
    writer.writeUint32(check.flags).writeUint32(start).writeUint32(end)
    writer.writeBytes(encodeTransaction(check.tx)).writeCompactSize(check.spentOutputs.length)
    for (const output of check.spentOutputs) writeTxOut(writer, output)
  }
  return writer.toBytes()
}

function readSlice(reader: ByteReader): ScriptCheckSlice {
  const flags = reader.readUint32() as ScriptFlags
  const start = reader.readUint32()
  const end = reader.readUint32()
  const tx = readTransaction(reader)
  const spentOutputs = Array.from({ length: reader.readCount(MIN_OUTPUT_SIZE) }, () => ({
    value: reader.readInt64(),
    scriptPubKey: reader.readVarBytes(),
  }))
  return { check: { tx, spentOutputs, flags }, start, end }
}

/** @throws {@link DecodeError} for bytes that are not slices. */
export function decodeScriptCheckSlices(bytes: Uint8Array): readonly ScriptCheckSlice[] {
  const reader = new ByteReader(bytes)
  const count = reader.readCount(MIN_SLICE_SIZE)
  const slices = Array.from({ length: count }, () => readSlice(reader))
  reader.expectEnd()
  return slices
}
