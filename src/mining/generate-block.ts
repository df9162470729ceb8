/** @module Solving one block at once, on the thread that asks: what `generatetoaddress` does. */

import { decodeBits, targetToBytes } from '../consensus/index.ts'
import { type Block, encodeHeader } from '../primitives/index.ts'
import type { HashEngine } from './hash-engine.ts'

/** Nonces of the first call into the engine; doubled each time, since easy targets need few. */
const FIRST_SCAN_COUNT = 64
/** Nonces per call at most: a few milliseconds. */
const MAX_SCAN_COUNT = 16_384

/** How long {@link solveBlock} searches. */
export interface SolveOptions {
  /** Hashes after which to give up. */
  readonly maxTries: number
  /** Awaited between calls into the engine, so that the thread is not held. False gives up. */
  readonly goOn: () => Promise<boolean>
}

/**
 * Searches the nonces of one header.
 *
 * @returns The solved block and how many hashes it took; no block if `maxTries` or the nonces ran out, or the
 * search was given up.
 * @see Bitcoin Core `GenerateBlock`
 */
export async function solveBlock(
  engine: HashEngine,
  { header, transactions }: Block,
  { maxTries, goOn }: SolveOptions,
): Promise<{ readonly block: Block | undefined; readonly tries: number }> {
  const target = targetToBytes(decodeBits(header.bits).target)
  engine.prepare({
    header: encodeHeader(header),
    shareTarget: target,
    blockTarget: target,
    versionMask: 0,
    versionCount: 1,
  })
  const end = Math.min(maxTries, 2 ** 32)
  let tries = 0
  let count = FIRST_SCAN_COUNT
  while (tries < end) {
    const { noncesDone, hits } = engine.scan(tries, Math.min(count, end - tries))
    const hit = hits.find(({ meetsBlock }) => meetsBlock)
    if (hit !== undefined) {
      const { nonce, version } = hit
      return { block: { header: { ...header, version, nonce }, transactions }, tries: nonce + 1 }
    }
    tries += noncesDone
    count = Math.min(count * 2, MAX_SCAN_COUNT)
    if (!(await goOn())) break
  }
  return { block: undefined, tries }
}
