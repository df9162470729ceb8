/** @module Stratum's messages as a miner reads them: nothing here knows the server's code. */

import { sha256d } from '../../src/primitives/index.ts'
import { concatBytes, decodeHex } from '../../src/util/index.ts'

/** A message of the server. */
export interface ServerMessage {
  readonly id: string | number | null
  readonly method?: string
  readonly params?: readonly unknown[]
  readonly result?: unknown
  readonly error?: readonly [number, string, null] | null
}

/** What `mining.notify` says, read as a miner reads it. */
export interface NotifiedJob {
  readonly id: string
  readonly prevHash: string
  readonly prefix: string
  readonly suffix: string
  readonly branch: readonly string[]
  readonly version: string
  readonly bits: string
  readonly time: string
  readonly isClean: boolean
}

type NotifyParams = readonly [
  string,
  string,
  string,
  string,
  readonly string[],
  string,
  string,
  string,
  boolean,
]

/** The header that a miner hashes for a job, made from what is on the wire alone. */
export function buildHeader(
  job: NotifiedJob,
  extraNonce1: string,
  extraNonce2: string,
  time: string,
  nonce: string,
  versionBits = '00000000',
): Uint8Array {
  const coinbase = decodeHex(`${job.prefix}${extraNonce1}${extraNonce2}${job.suffix}`)
  const root = job.branch.reduce(
    (hash, sibling) => sha256d(concatBytes(hash, decodeHex(sibling))),
    sha256d(coinbase),
  )
  const toBytes = (hex: string): Uint8Array => decodeHex(hex).reverse()
  const swapped = decodeHex(job.prevHash)
  const prevHash = swapped.map((_, i) => swapped[i ^ 3] ?? 0)
  const version = Number.parseInt(job.version, 16) | Number.parseInt(versionBits, 16)
  return concatBytes(
    toBytes(version.toString(16).padStart(8, '0')),
    prevHash,
    root,
    toBytes(time),
    toBytes(job.bits),
    toBytes(nonce),
  )
}

/** Reads a `mining.notify`. */
export function parseNotify({ params }: ServerMessage): NotifiedJob {
  const [id, prevHash, prefix, suffix, branch, version, bits, time, isClean] =
    params as NotifyParams
  return { id, prevHash, prefix, suffix, branch, version, bits, time, isClean }
}
