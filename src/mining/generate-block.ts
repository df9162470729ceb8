/** @module Mining one block at once, on the thread that asks: what `generatetoaddress` does. */

import { type Block, encodeHeader } from '../primitives/index.ts'
import type { BlockTemplate } from './block-template.ts'
import {
  assembleBlock,
  computeWorkMerkleRoot,
  createWorkUnit,
  EXTRA_NONCE_2_SIZE,
  EXTRA_NONCE_SIZE,
} from './coinbase.ts'
import type { HashEngine } from './hash-engine.ts'

/** Nonces of the first call into the engine; doubled each time, since easy targets need few. */
const FIRST_SCAN_COUNT = 64
/** Nonces per call at most: a few milliseconds. */
const MAX_SCAN_COUNT = 16_384

/** What {@link generateBlock} is asked for. */
export interface GenerateRequest {
  readonly template: BlockTemplate
  readonly payoutScript: Uint8Array
  /** Readable text in the coinbase. */
  readonly tag: string
  /** Makes the coinbase differ from any other: 8 bytes. */
  readonly extraNonce: Uint8Array
  /** Hashes after which to give up. */
  readonly maxTries: number
  /** Awaited between calls into the engine, so that the thread is not held. */
  readonly yieldToOthers: () => Promise<void>
}

/**
 * Searches the nonces of one header.
 *
 * @returns The block and how many hashes it took; no block if `maxTries` or the nonces ran out.
 * @see Bitcoin Core `GenerateBlock`
 */
export async function generateBlock(
  engine: HashEngine,
  request: GenerateRequest,
): Promise<{ readonly block: Block | undefined; readonly tries: number }> {
  const { template, payoutScript, tag, extraNonce, maxTries } = request
  const unit = createWorkUnit(template, {
    id: 0,
    priority: 0,
    payoutScript,
    tag,
    extraNonce1: extraNonce.slice(0, EXTRA_NONCE_SIZE - EXTRA_NONCE_2_SIZE),
  })
  const { shareTarget, blockTarget } = unit
  const extraNonce2 = new Uint8Array(EXTRA_NONCE_2_SIZE)
  const merkleRoot = computeWorkMerkleRoot(unit, extraNonce2)
  const { version, prevBlockHash, time, bits } = template
  const header = encodeHeader({ version, prevBlockHash, merkleRoot, time, bits, nonce: 0 })
  const versions = { versionMask: 0, versionCount: 1 }
  engine.prepare({ header, shareTarget, blockTarget, ...versions })
  const end = Math.min(maxTries, 2 ** 32)
  let tries = 0
  let count = FIRST_SCAN_COUNT
  while (tries < end) {
    const { noncesDone, hits } = engine.scan(tries, Math.min(count, end - tries))
    const hit = hits.find(({ meetsBlock }) => meetsBlock)
    if (hit !== undefined) {
      const solved = { unitId: 0, extraNonce2, time, version: hit.version, nonce: hit.nonce }
      return { block: assembleBlock(template, unit, solved), tries: hit.nonce + 1 }
    }
    tries += noncesDone
    count = Math.min(count * 2, MAX_SCAN_COUNT)
    await request.yieldToOthers()
  }
  return { block: undefined, tries }
}
