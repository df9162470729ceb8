/** @module Work: a part of the search space that one worker owns, and what it finds there. */

import type { BlockHash, Hash256 } from '../primitives/index.ts'

/**
 * A part of the search space. Two units that are worked on at the same time differ in `extraNonce1`, so
 * no header is ever hashed twice. Plain data: crosses worker boundaries as it is.
 */
export interface WorkUnit {
  readonly id: number
  /** Higher runs first. */
  readonly priority: number
  readonly coinbasePrefix: Uint8Array
  readonly coinbaseSuffix: Uint8Array
  /** Fixed within the unit: the node's bytes, then the worker's. */
  readonly extraNonce1: Uint8Array
  /** Bytes that the worker rolls when it has been through all nonces. */
  readonly extraNonce2Size: number
  readonly merkleBranch: readonly Hash256[]
  readonly prevBlockHash: BlockHash
  readonly version: number
  /** Version bits that may be rolled; 0 for none. */
  readonly versionMask: number
  readonly bits: number
  /** Unix seconds, both inclusive. */
  readonly timeMin: number
  readonly timeMax: number
  /** 32 bytes, little-endian. */
  readonly shareTarget: Uint8Array
  /** 32 bytes, little-endian. */
  readonly blockTarget: Uint8Array
  /** Hashes after which the unit is done, to within one call; undefined for as many as there are. */
  readonly hashesMax?: number | undefined
}

/** What makes a unit's header meet a target. */
export interface SolvedWork {
  readonly unitId: number
  readonly extraNonce2: Uint8Array
  /** Unix seconds. */
  readonly time: number
  readonly version: number
  readonly nonce: number
}
