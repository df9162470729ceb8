/** @module A block header as methods show it, and the numbers that go with bits. */

import * as z from 'zod'
import type { BlockEntry, Chain } from '../../chain/index.ts'
import { bitsToHex, computeDifficulty, decodeBits, targetToHex } from '../../consensus/index.ts'
import { toDisplayHex } from '../../primitives/index.ts'

const WORK_DIGITS = 64
const VERSION_DIGITS = 8
/** Significant digits of a number that is no integer. @see Bitcoin Core `UniValue::setFloat` */
const CORE_DIGITS = 16

/** Work as 64 hex digits. */
export function workToHex(work: bigint): string {
  return work.toString(16).padStart(WORK_DIGITS, '0')
}

/** The difficulty, with as many digits as Bitcoin Core writes: a double has up to one more. */
export function describeDifficulty(bits: number): number {
  return Number(computeDifficulty(bits).toPrecision(CORE_DIGITS))
}

/** The three spellings of how hard a block is. */
export const BITS_FIELDS = {
  bits: z.string().describe('The compact form of the target.'),
  target: z.string().describe('The target that the hash must not exceed.'),
  difficulty: z.number().describe('How many times harder than the easiest target of mainnet.'),
} as const

/** Fills {@link BITS_FIELDS}. */
export function describeBits(bits: number) {
  return {
    bits: bitsToHex(bits),
    target: targetToHex(decodeBits(bits).target),
    difficulty: describeDifficulty(bits),
  }
}

/** What every method that shows a header says of it. */
export const HEADER_FIELDS = {
  hash: z.string().describe('The block hash.'),
  confirmations: z
    .number()
    .describe('Blocks from here to the tip, both counted; -1 if not on the active chain.'),
  height: z.number().describe('The height.'),
  version: z.number().describe('The version.'),
  versionHex: z.string().describe('The version in hexadecimal.'),
  merkleroot: z.string().describe('The merkle root.'),
  time: z.number().describe('The time in Unix seconds.'),
  mediantime: z
    .number()
    .describe('The median time of this block and the ten before, Unix seconds.'),
  nonce: z.number().describe('The nonce.'),
  ...BITS_FIELDS,
  chainwork: z.string().describe('Expected hashes up to and with this block, in hexadecimal.'),
  nTx: z.number().describe('The number of transactions; 0 while the body is unknown.'),
  previousblockhash: z.string().optional().describe('The hash of the block before, if any.'),
  nextblockhash: z.string().optional().describe('The hash of the block after, if any.'),
} as const

/** Blocks from an entry to the tip, both counted; -1 off the active chain. */
export function countConfirmations(chain: Chain, entry: BlockEntry): number {
  return chain.isActive(entry) ? chain.tip.height - entry.height + 1 : -1
}

/** Fills {@link HEADER_FIELDS}. @see Bitcoin Core `blockheaderToJSON` */
export function describeHeader(chain: Chain, entry: BlockEntry) {
  const { header } = entry
  const next = chain.isActive(entry) ? chain.getActiveEntry(entry.height + 1) : undefined
  return {
    hash: entry.hashHex,
    confirmations: countConfirmations(chain, entry),
    height: entry.height,
    version: header.version,
    versionHex: (header.version >>> 0).toString(16).padStart(VERSION_DIGITS, '0'),
    merkleroot: toDisplayHex(header.merkleRoot),
    time: header.time,
    mediantime: entry.medianTimePast,
    nonce: header.nonce,
    ...describeBits(header.bits),
    chainwork: workToHex(entry.chainWork),
    nTx: entry.transactionCount,
    previousblockhash: entry.prev?.hashHex,
    nextblockhash: next?.hashHex,
  }
}
