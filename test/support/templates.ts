/** @module Templates for tests of mining. */

import { decodeBits } from '../../src/consensus/index.ts'
import { BLOCK_VERSION, type BlockTemplate } from '../../src/mining/index.ts'
import type { BlockHash, Hash256 } from '../../src/primitives/index.ts'

/** So hard that no test ever meets it. */
export const HARD_BITS = 0x0300ffff
/** Met by every other hash. */
export const EASY_BITS = 0x207fffff

/** A template without transactions. */
export function createTemplate(wishes: Partial<BlockTemplate> = {}): BlockTemplate {
  const bits = wishes.bits ?? HARD_BITS
  return {
    height: 7,
    prevBlockHash: new Uint8Array(32).fill(3) as BlockHash,
    prevTime: 1_700_000_000,
    minTime: 1_700_000_001,
    time: 1_700_000_600,
    version: BLOCK_VERSION,
    transactions: [],
    coinbaseValue: 5_000_000_000n,
    commitmentScript: Uint8Array.of(0x6a),
    merkleBranch: [new Uint8Array(32).fill(9) as Hash256],
    bits,
    target: decodeBits(bits).target,
    sequence: 0,
    ...wishes,
  }
}
