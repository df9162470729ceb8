/** @module Opcodes that hash. */

import { ripemd160, sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { sha256d } from '../primitives/index.ts'
import { OP_HASH160, OP_HASH256, OP_RIPEMD160, OP_SHA1, OP_SHA256 } from './opcodes.ts'
import type { Operation, Operations } from './script-machine.ts'

/** RIPEMD-160 of SHA-256: what P2PKH and P2SH pay to. */
export function hash160(bytes: Uint8Array): Uint8Array {
  return ripemd160(sha256(bytes))
}

function createHash(hash: (bytes: Uint8Array) => Uint8Array): Operation {
  return (machine) => {
    machine.push(hash(machine.pop()))
  }
}

/** The opcodes of this family. */
export const HASH_OPERATIONS: Operations = new Map<number, Operation>([
  [OP_RIPEMD160, createHash(ripemd160)],
  [OP_SHA1, createHash(sha1)],
  [OP_SHA256, createHash(sha256)],
  [OP_HASH160, createHash(hash160)],
  [OP_HASH256, createHash(sha256d)],
])
