/** @module The contract of an engine that searches for proof of work. */

import { HASH_SIZE, HEADER_SIZE } from '../primitives/index.ts'

/** How many nonces there are: the nonce is a 32-bit field. */
export const NONCE_COUNT = 2 ** 32
/** The most nonces that one scan takes: minutes of work, but half of all. */
export const MAX_SCAN_COUNT = 2 ** 31
/** The most versions that one scan tries beside each nonce. */
export const MAX_VERSION_COUNT = 16
/** The most hits that one scan returns. Never fewer than {@link MAX_VERSION_COUNT}. */
export const MAX_SCAN_HITS = 64

/** A header and what its hash is compared with. */
export interface ScanJob {
  /** 80 bytes; the nonce field is ignored. */
  readonly header: Uint8Array
  /** 32 bytes, little-endian: a hash that is at most this is a share. */
  readonly shareTarget: Uint8Array
  /** 32 bytes, little-endian: a hash that is at most this is a block. */
  readonly blockTarget: Uint8Array
  /** Bits of the version that may be rolled; 0 for none. */
  readonly versionMask: number
  /**
   * How many versions to try beside each nonce: 1 to {@link MAX_VERSION_COUNT}, and no more than the
   * mask can tell apart. See {@link rollVersion}.
   *
   * @see BIP-0320
   */
  readonly versionCount: number
}

/** A header that meets a target. */
export interface ScanHit {
  readonly nonce: number
  /** As in a header: a signed 32-bit integer. */
  readonly version: number
  /** SHA-256d of the header: 32 bytes in internal order. */
  readonly hash: Uint8Array
  readonly meetsShare: boolean
  readonly meetsBlock: boolean
}

/** What a scan has found, and how far it came. */
export interface ScanResult {
  /** Fewer than asked for only when there were more hits than one result holds. */
  readonly noncesDone: number
  /** Every hit among the nonces that are done, ascending by nonce, then in order of the versions. */
  readonly hits: readonly ScanHit[]
}

/**
 * Searches headers for proof of work, and hashes rows of merkle trees.
 *
 * Synchronous and single-threaded: a call holds its thread until it is done. Deterministic: the same job
 * and range give the same result on every engine.
 */
export interface HashEngine {
  /** What to call it in a log. */
  readonly name: string

  /**
   * Makes a job the one that {@link scan} works on. The job is copied.
   *
   * @throws {@link HashEngineError} `invalid-job` if a length or the version range is wrong.
   */
  prepare(job: ScanJob): void

  /**
   * Hashes the prepared header with every nonce from `nonceStart` up, with every version. A hit does not
   * end the scan. It ends before the first nonce whose hits no longer fit beside those already found,
   * {@link MAX_SCAN_HITS} in all: then it is for the caller to go on from there.
   *
   * @param nonceStart - 0 to 2^32 - 1.
   * @param count - How many nonces: up to {@link MAX_SCAN_COUNT}, and none past 2^32 - 1.
   * @throws {@link HashEngineError} `not-prepared` if there is no job, `invalid-range` if the range is not
   * one.
   */
  scan(nonceStart: number, count: number): ScanResult

  /**
   * Hashes many whole headers with SHA-256d.
   *
   * @param headers - Headers of 80 bytes, one after another.
   * @returns Their hashes of 32 bytes in internal order, one after another.
   * @throws {@link HashEngineError} `invalid-headers` if the size is not a multiple of 80.
   */
  hashHeaders(headers: Uint8Array): Uint8Array

  /**
   * Hashes a row of a merkle tree, whatever job is prepared.
   *
   * @param pairs - Pairs of hashes, 64 bytes each, one after another.
   * @returns The SHA-256d of each, one after another.
   * @throws {@link HashEngineError} `invalid-pairs` if the size is not a multiple of 64.
   */
  hashPairs(pairs: Uint8Array): Uint8Array
}

/** Why an engine refused. All but `unusable` are the caller's mistakes. */
export type HashEngineErrorCode =
  | 'invalid-headers'
  | 'invalid-job'
  | 'invalid-pairs'
  | 'invalid-range'
  | 'not-prepared'
  /** The compiled core is not ours, or does not compute SHA-256 on this machine. */
  | 'unusable'

/** An engine cannot do what it was asked. Says nothing about any block. */
export class HashEngineError extends Error {
  override readonly name = 'HashEngineError'
  readonly code: HashEngineErrorCode

  constructor(code: HashEngineErrorCode, detail: string) {
    super(`${code}: ${detail}`)
    this.code = code
  }
}

/**
 * Checks a job, the same for every engine.
 *
 * @throws {@link HashEngineError} `invalid-job`
 */
export function assertScanJob(job: ScanJob): void {
  const { header, shareTarget, blockTarget, versionMask, versionCount } = job
  const fail = (why: string): never => {
    throw new HashEngineError('invalid-job', why)
  }
  if (header.length !== HEADER_SIZE) fail(`a header has ${HEADER_SIZE} bytes`)
  if (shareTarget.length !== HASH_SIZE || blockTarget.length !== HASH_SIZE) {
    fail(`a target has ${HASH_SIZE} bytes`)
  }
  if (!Number.isInteger(versionMask) || versionMask < 0 || versionMask >= 2 ** 32) {
    fail('the version mask has 32 bits')
  }
  const isCount = Number.isInteger(versionCount) && versionCount >= 1
  if (!isCount || versionCount > MAX_VERSION_COUNT) fail(`1 to ${MAX_VERSION_COUNT} versions`)
  if (versionCount > 2 ** countBits(versionMask)) fail('more versions than the mask can tell apart')
}

/**
 * Checks a range of nonces, the same for every engine.
 *
 * @throws {@link HashEngineError} `invalid-range`
 */
export function assertNonceRange(nonceStart: number, count: number): void {
  const isRange =
    Number.isInteger(nonceStart) &&
    Number.isInteger(count) &&
    nonceStart >= 0 &&
    count >= 0 &&
    count <= MAX_SCAN_COUNT &&
    nonceStart < NONCE_COUNT &&
    nonceStart + count <= NONCE_COUNT
  if (!isRange) throw new HashEngineError('invalid-range', `${count} nonces from ${nonceStart}`)
}

/**
 * Checks the size of a list of headers, the same for every engine.
 *
 * @returns How many headers there are.
 * @throws {@link HashEngineError} `invalid-headers`
 */
export function countHeaders(headers: Uint8Array): number {
  const count = headers.length / HEADER_SIZE
  if (!Number.isInteger(count)) {
    throw new HashEngineError('invalid-headers', `${headers.length} bytes are no whole headers`)
  }
  return count
}

/**
 * Checks the size of a list of pairs, the same for every engine.
 *
 * @returns How many pairs there are.
 * @throws {@link HashEngineError} `invalid-pairs`
 */
export function countPairs(pairs: Uint8Array): number {
  const count = pairs.length / (2 * HASH_SIZE)
  if (!Number.isInteger(count)) {
    throw new HashEngineError('invalid-pairs', `${pairs.length} bytes are no whole pairs`)
  }
  return count
}

/**
 * One of the versions that a scan tries: the bits of `index`, lowest first, flip the bits of the mask,
 * lowest first. Index 0 is the header's own version.
 *
 * @returns As in a header: a signed 32-bit integer.
 */
export function rollVersion(version: number, mask: number, index: number): number {
  let rolled = version
  let free = mask
  for (let left = index; left !== 0 && free !== 0; left >>>= 1) {
    if ((left & 1) === 1) rolled ^= free & -free
    free &= free - 1
  }
  return rolled
}

function countBits(mask: number): number {
  let count = 0
  for (let rest = mask >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count += 1
  return count
}
