/** @module The parameters of `mining.submit`, checked against the job that they are for. */

import { decodeHex } from '../util/index.ts'
import type { SessionJob } from './job.ts'
import { EXTRA_NONCE_2_SIZE } from './ports.ts'
import { StratumError } from './stratum-error.ts'

/** How far a miner may move the time of a job ahead, in seconds. @see ckpool `submit_share` */
const MAX_TIME_ROLL_SECONDS = 7_000
const HEX_32 = /^[0-9a-fA-F]{1,8}$/

/** What of a submission is text, before a job is known. */
export interface Submission {
  readonly userName: string
  readonly jobId: string
  readonly extraNonce2: string
  readonly time: string
  readonly nonce: string
  /** The sixth parameter; undefined if there is none. */
  readonly versionBits: string | undefined
}

/** What of a submission makes a header. */
export interface Solution {
  readonly extraNonce2: Uint8Array
  readonly time: number
  readonly nonce: number
  readonly version: number
}

function refuse(why: string): never {
  throw new StratumError('other', why)
}

/** @throws {@link StratumError} `other` if parameters are missing or no texts. */
export function readSubmission(params: readonly unknown[]): Submission {
  const [userName, jobId, extraNonce2, time, nonce, versionBits] = params
  const isComplete =
    typeof userName === 'string' &&
    typeof jobId === 'string' &&
    typeof extraNonce2 === 'string' &&
    typeof time === 'string' &&
    typeof nonce === 'string'
  if (!isComplete) return refuse('Expected worker name, job id, extranonce2, ntime and nonce.')
  if (versionBits === undefined || versionBits === null) {
    return { userName, jobId, extraNonce2, time, nonce, versionBits: undefined }
  }
  if (typeof versionBits !== 'string') return refuse('The version bits are no text.')
  return { userName, jobId, extraNonce2, time, nonce, versionBits }
}

/** Eight hex digits, or fewer: some firmware sends no leading zeros. */
function readHex32(text: string, name: string): number {
  return HEX_32.test(text) ? Number.parseInt(text, 16) : refuse(`Invalid ${name}.`)
}

function readExtraNonce2(text: string): Uint8Array {
  const isWhole = text.length === 2 * EXTRA_NONCE_2_SIZE && /^[0-9a-fA-F]*$/.test(text)
  return isWhole
    ? decodeHex(text)
    : refuse(`extranonce2 is not ${EXTRA_NONCE_2_SIZE} bytes of hex.`)
}

/**
 * Checks a submission against its job.
 *
 * @param versionMask - Bits that the session may roll; 0 for none.
 * @param maxTime - The latest time that the chain accepts in a block now, Unix seconds.
 * @throws {@link StratumError} `other` for numbers that cannot be read, a time outside of its window, and version bits
 * outside of the mask.
 * @see BIP-0310 for the version bits
 */
export function readSolution(
  submission: Submission,
  { work }: SessionJob,
  versionMask: number,
  maxTime: number,
): Solution {
  const extraNonce2 = readExtraNonce2(submission.extraNonce2)
  const time = readHex32(submission.time, 'ntime')
  const nonce = readHex32(submission.nonce, 'nonce')
  const { versionBits } = submission
  const bits = versionBits === undefined ? 0 : readHex32(versionBits, 'version bits')
  const timeMax = Math.min(work.time + MAX_TIME_ROLL_SECONDS, maxTime)
  // A template may be ahead of the clock where blocks come fast: its own time is always allowed.
  if (time < work.minTime || (time > timeMax && time !== work.time)) refuse('ntime out of range.')
  // As signed 32-bit numbers throughout: that is what bit operations make.
  if ((bits & ~versionMask) !== 0) refuse('Version bits outside of the mask.')
  return { extraNonce2, time, nonce, version: (work.version & ~versionMask) | (bits & versionMask) }
}
