/** @module The oracle and fallback: `@noble/hashes`, one header after another. */

import { hashToNumber } from '../consensus/index.ts'
import { HASH_SIZE, HEADER_SIZE, hashPairs, NONCE_OFFSET, sha256d } from '../primitives/index.ts'
import {
  assertNonceRange,
  assertScanJob,
  countHeaders,
  countPairs,
  type HashEngine,
  HashEngineError,
  MAX_SCAN_HITS,
  rollVersion,
  type ScanHit,
  type ScanJob,
  type ScanResult,
} from './hash-engine.ts'

/** A job, ready to be searched. */
interface Prepared {
  readonly view: DataView
  readonly header: Uint8Array
  readonly versions: readonly number[]
  readonly share: bigint
  readonly block: bigint
}

/** The slow engine that every other one is measured against. */
export class ReferenceHashEngine implements HashEngine {
  readonly name = 'reference'
  #prepared: Prepared | undefined

  prepare(job: ScanJob): void {
    assertScanJob(job)
    const header = Uint8Array.from(job.header)
    const view = new DataView(header.buffer)
    const own = view.getInt32(0, true)
    const versions = Array.from({ length: job.versionCount }, (_, index) =>
      rollVersion(own, job.versionMask, index),
    )
    const share = hashToNumber(job.shareTarget)
    this.#prepared = { header, view, versions, share, block: hashToNumber(job.blockTarget) }
  }

  scan(nonceStart: number, count: number): ScanResult {
    const prepared = this.#prepared
    if (prepared === undefined) throw new HashEngineError('not-prepared', 'no job was given')
    assertNonceRange(nonceStart, count)
    const hits: ScanHit[] = []
    for (let done = 0; done < count; done++) {
      const found = this.#try(prepared, nonceStart + done)
      if (hits.length + found.length > MAX_SCAN_HITS) return { noncesDone: done, hits }
      hits.push(...found)
    }
    return { noncesDone: count, hits }
  }

  hashHeaders(headers: Uint8Array): Uint8Array {
    const count = countHeaders(headers)
    const hashes = new Uint8Array(count * HASH_SIZE)
    for (let i = 0; i < count; i++) {
      hashes.set(sha256d(headers.subarray(i * HEADER_SIZE, (i + 1) * HEADER_SIZE)), i * HASH_SIZE)
    }
    return hashes
  }

  hashPairs(pairs: Uint8Array): Uint8Array {
    countPairs(pairs)
    return hashPairs(pairs)
  }

  #try({ header, view, versions, share, block }: Prepared, nonce: number): readonly ScanHit[] {
    const hits: ScanHit[] = []
    view.setUint32(NONCE_OFFSET, nonce, true)
    for (const version of versions) {
      view.setInt32(0, version, true)
      const hash = sha256d(header)
      const number = hashToNumber(hash)
      const meetsShare = number <= share
      const meetsBlock = number <= block
      if (meetsShare || meetsBlock) hits.push({ nonce, version, hash, meetsShare, meetsBlock })
    }
    return hits
  }
}
