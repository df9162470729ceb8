/** @module The rules for headers. */

import { type BlockHash, type BlockHeader, toDisplayHex } from '../primitives/index.ts'
import { ConsensusError } from './errors.ts'
import { computeMedianTimePast } from './median-time-past.ts'
import type { ConsensusParams } from './params/consensus-params.ts'
import { type ChainLink, computeNextBits } from './retarget.ts'
import { bitsToHex, deriveTarget, hashToNumber } from './target.ts'

/**
 * Checks a header's proof of work against its own claim. The cheapest proof that somebody paid.
 *
 * @param hash - Of this header; passed in because callers have it already.
 * @throws {@link ConsensusError} `high-hash` (reject) if `bits` are out of range or the hash is above
 * their target.
 * @see Bitcoin Core `CheckProofOfWork`
 */
export function checkProofOfWork(
  header: Pick<BlockHeader, 'bits'>,
  hash: BlockHash,
  params: ConsensusParams,
): void {
  const target = deriveTarget(header.bits, params.powLimit)
  if (target === undefined || hashToNumber(hash) > target) {
    throw new ConsensusError('high-hash', {
      hash: toDisplayHex(hash),
      bits: bitsToHex(header.bits),
    })
  }
}

function checkHeaderTime(
  header: BlockHeader,
  parent: ChainLink,
  now: number,
  params: ConsensusParams,
): void {
  const medianTimePast = computeMedianTimePast(parent)
  if (header.time <= medianTimePast) {
    throw new ConsensusError('time-too-old', { time: header.time, medianTimePast })
  }
  const isWindowStart = (parent.height + 1) % params.retargetWindowBlocks === 0
  if (params.bip94 && isWindowStart && header.time < parent.time - params.maxTimewarpSeconds) {
    throw new ConsensusError('time-timewarp-attack', { time: header.time, parent: parent.time })
  }
  if (header.time > now + params.maxFutureSeconds) {
    throw new ConsensusError('time-too-new', { time: header.time, now })
  }
}

function checkHeaderVersion(header: BlockHeader, height: number, params: ConsensusParams): void {
  const { bip34, bip66, bip65 } = params.deployments
  const isOutdated =
    (header.version < 2 && height >= bip34) ||
    (header.version < 3 && height >= bip66) ||
    (header.version < 4 && height >= bip65)
  if (isOutdated) throw new ConsensusError('bad-version', { version: header.version, height })
}

/**
 * Checks a header against its ancestors and the local clock. Its proof of work is already checked.
 *
 * `time-too-new` depends on the local clock, so breaking it is not permanent: it must not be
 * remembered, and nobody is to blame.
 *
 * @param parent - The block that the header builds on.
 * @param now - Local time in Unix seconds. Passed in: consensus code never reads a clock.
 * @throws {@link ConsensusError} `bad-diffbits`, `time-too-old`, `time-timewarp-attack`, `bad-version`
 * (reject) or `time-too-new` (defer).
 * @see Bitcoin Core `ContextualCheckBlockHeader`, BIP-0094
 */
export function contextualCheckHeader(
  header: BlockHeader,
  parent: ChainLink,
  now: number,
  params: ConsensusParams,
): void {
  const bits = computeNextBits(parent, header.time, params)
  if (header.bits !== bits) {
    throw new ConsensusError('bad-diffbits', {
      bits: bitsToHex(header.bits),
      wanted: bitsToHex(bits),
      height: parent.height + 1,
    })
  }
  checkHeaderTime(header, parent, now, params)
  checkHeaderVersion(header, parent.height + 1, params)
}
