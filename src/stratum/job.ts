/** @module A job as one session got it, and its form on the wire. */

import { bitsToHex } from '../consensus/index.ts'
import { encodeHex } from '../util/index.ts'
import type { StratumWork } from './ports.ts'

/** A work with the difficulty that it was sent with: shares are judged by it, whatever was sent later. */
export interface SessionJob {
  readonly id: string
  readonly work: StratumWork
  readonly difficulty: number
  readonly shareTarget: bigint
}

/** Hex digits of a job's id. */
const JOB_ID_LENGTH = 12

/** The id of a work on the wire. */
export function toJobId(work: StratumWork): string {
  return work.number.toString(16).padStart(JOB_ID_LENGTH, '0')
}

/** A 32-bit number as eight hex digits, most significant first. */
export function toHex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}

/** A block hash as `mining.notify` has it: internal order, with the bytes of each group of four reversed. */
function encodePrevHash(hash: Uint8Array): string {
  const swapped = new Uint8Array(hash.length)
  for (let i = 0; i < hash.length; i++) swapped[i] = hash[i ^ 3] ?? 0
  return encodeHex(swapped)
}

/**
 * The two lines that may announce a work: with `clean_jobs` and without. Made once for all sessions that get it.
 */
export class NotifyText {
  readonly #start: string
  readonly clean: string
  readonly keeping: string

  constructor(work: StratumWork) {
    const params = [
      toJobId(work),
      encodePrevHash(work.prevBlockHash),
      encodeHex(work.coinbasePrefix),
      encodeHex(work.coinbaseSuffix),
      work.merkleBranch.map(encodeHex),
      toHex32(work.version),
      bitsToHex(work.bits),
      toHex32(work.time),
    ]
    this.#start = `{"id":null,"method":"mining.notify","params":${JSON.stringify(params).slice(0, -1)}`
    this.clean = `${this.#start},true]}\n`
    this.keeping = `${this.#start},false]}\n`
  }
}
