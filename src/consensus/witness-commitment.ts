/** @module Where and how a coinbase commits to the witnesses of its block (BIP-0141). */

import { type Hash256, sha256d, type Transaction, type TxOut } from '../primitives/index.ts'
import { concatBytes } from '../util/index.ts'

/** `OP_RETURN`, a push of 36 bytes, and the commitment's four magic bytes. */
const COMMITMENT_PREFIX = Uint8Array.of(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed)
const COMMITMENT_SIZE = 38

/** Tells whether an output has the shape of a witness commitment. */
export function isWitnessCommitment(output: TxOut): boolean {
  const script = output.scriptPubKey
  return (
    script.length >= COMMITMENT_SIZE && COMMITMENT_PREFIX.every((byte, i) => script[i] === byte)
  )
}

/** The committed hash of the last output that is a commitment, if any is. */
export function findWitnessCommitment(coinbase: Transaction): Hash256 | undefined {
  const output = coinbase.outputs.findLast(isWitnessCommitment)
  return output?.scriptPubKey.slice(COMMITMENT_PREFIX.length, COMMITMENT_SIZE)
}

/** The hash to commit to. @param reserved - The coinbase's one witness item: 32 bytes. */
export function computeWitnessCommitment(witnessRoot: Hash256, reserved: Uint8Array): Hash256 {
  return sha256d(concatBytes(witnessRoot, reserved))
}

/** The output script that carries a commitment. */
export function createCommitmentScript(commitment: Hash256): Uint8Array {
  return concatBytes(COMMITMENT_PREFIX, commitment)
}
