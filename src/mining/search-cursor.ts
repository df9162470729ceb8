/** @module The order in which a worker goes through a unit: which header comes next, and never one twice. */

import { encodeHeader } from '../primitives/index.ts'
import { computeWorkMerkleRoot } from './coinbase.ts'
import { NONCE_COUNT, rollVersion, type ScanJob } from './hash-engine.ts'
import type { WorkUnit } from './work-unit.ts'

/** Versions that a scan tries beside each nonce, where rolling is allowed. More gain nothing. */
const ROLLED_VERSIONS = 8

function countVersions(mask: number): number {
  let count = 1
  for (let rest = mask >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count *= 2
  return count
}

function encodeLittleEndian(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let rest = value
  for (let i = 0; i < size; i++) {
    bytes[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return bytes
}

/**
 * Where in its unit a worker is. Nonces come first, then groups of versions, then the time, then the
 * extra nonce: what is dearer to change changes more rarely.
 */
export class SearchCursor {
  readonly unit: WorkUnit
  /** How many headers each nonce stands for. */
  readonly versionCount: number
  readonly #groupCount: number
  readonly #extraNonceEnd: number
  #nonce = 0
  #group = 0
  #time: number
  #extraNonce = 0

  constructor(unit: WorkUnit) {
    this.unit = unit
    const versions = countVersions(unit.versionMask)
    this.versionCount = Math.min(versions, ROLLED_VERSIONS)
    this.#groupCount = versions / this.versionCount
    this.#extraNonceEnd = 256 ** unit.extraNonce2Size
    this.#time = unit.timeMin
  }

  /** Whether the whole unit has been gone through. */
  get isAtEnd(): boolean {
    return this.#extraNonce >= this.#extraNonceEnd
  }

  /** The first nonce that has not been tried with the current header. */
  get nonce(): number {
    return this.#nonce
  }

  /** Unix seconds. */
  get time(): number {
    return this.#time
  }

  /** The rolled extra nonce. */
  get extraNonce2(): Uint8Array {
    return encodeLittleEndian(this.#extraNonce, this.unit.extraNonce2Size)
  }

  /** The current header and its versions, for an engine. */
  createJob(): ScanJob {
    const { unit, versionCount } = this
    // An index's bits choose the mask's: groups take the higher ones, the versions of a scan the lower.
    const version = rollVersion(unit.version, unit.versionMask, this.#group * versionCount)
    return {
      header: encodeHeader({
        version,
        prevBlockHash: unit.prevBlockHash,
        merkleRoot: computeWorkMerkleRoot(unit, this.extraNonce2),
        time: this.#time,
        bits: unit.bits,
        nonce: 0,
      }),
      shareTarget: unit.shareTarget,
      blockTarget: unit.blockTarget,
      versionMask: versionCount === 1 ? 0 : unit.versionMask,
      versionCount,
    }
  }

  /**
   * Goes on by so many nonces.
   *
   * @returns Whether another header has come up, for which {@link createJob} must be called.
   */
  advance(nonceCount: number): boolean {
    this.#nonce += nonceCount
    if (this.#nonce < NONCE_COUNT) return false
    this.#nonce = 0
    this.#group += 1
    if (this.#group < this.#groupCount) return true
    this.#group = 0
    this.#time += 1
    if (this.#time <= this.unit.timeMax) return true
    this.#time = this.unit.timeMin
    this.#extraNonce += 1
    return true
  }
}
