/** @module What the protocol needs of sockets below it and of a pool above it. */

import type { BlockHash, Hash256 } from '../primitives/index.ts'
import type { StratumErrorCode } from './stratum-error.ts'

/** A connection to one miner. */
export interface MinerConnection {
  /** For logs and limits: an IP address, or another name of where the miner is. */
  readonly remoteAddress: string
  /** Whether limits by address make sense: not on loopback, where all miners share one. */
  readonly isLoopback: boolean
  /** Bytes that are written and not yet sent. */
  readonly bufferedBytes: number
  /** Writes a text. Never throws; a broken connection ends by itself. */
  send(text: string): void
  /** Stops reading until {@link resume}; what has been read may still come. */
  pause(): void
  resume(): void
  /** Ends the connection after what is written. Idempotent. */
  close(): void
}

/** Who mines, as the pool knows it. */
export interface Worker {
  /** The account and the worker's name: what shares are counted by. */
  readonly name: string
  /** Who is paid: workers of one payee get one coinbase. */
  readonly payee: string
}

/** Work that many sessions share: one block template with one coinbase. */
export interface StratumWork {
  /** Counts up: each work differs from all others, also over restarts. 12 hex digits on the wire. */
  readonly number: number
  readonly height: number
  readonly prevBlockHash: BlockHash
  readonly version: number
  readonly bits: number
  /** Block target. */
  readonly target: bigint
  /** Of the template, Unix seconds. */
  readonly time: number
  /** Earliest allowed time, Unix seconds. */
  readonly minTime: number
  /** The coinbase without witness, on both sides of session's and miner's extra nonce. */
  readonly coinbasePrefix: Uint8Array
  readonly coinbaseSuffix: Uint8Array
  readonly merkleBranch: readonly Hash256[]
}

/** A header that a miner claims to have work in. */
export interface Share {
  readonly worker: Worker
  readonly work: StratumWork
  /** Of the session: 4 bytes. */
  readonly extraNonce1: Uint8Array
  /** Of the miner: {@link EXTRA_NONCE_2_SIZE} bytes. */
  readonly extraNonce2: Uint8Array
  /** Unix seconds. */
  readonly time: number
  readonly nonce: number
  readonly version: number
  /** What the job demanded: easier than or equal to the block's. */
  readonly shareTarget: bigint
  /** Difficulty of {@link shareTarget}, as it was sent. */
  readonly difficulty: number
}

/** The pool behind the protocol. */
export interface StratumPool {
  /**
   * Tells who a user name stands for.
   *
   * @throws {@link StratumError} `unauthorized` with a text for people.
   */
  authorize(userName: string): Worker
  /**
   * The newest work for a payee; nothing while there is none.
   *
   * @param isOwn - Whether it has to differ from all that others got.
   */
  getWork(payee: string, isOwn: boolean): StratumWork | undefined
  /**
   * Judges a share. The block's target comes first, whatever else is wrong with it.
   *
   * @throws {@link StratumError} `duplicate`, `low-difficulty` or `stale`; `other` while shares cannot be stored.
   */
  submit(share: Share): Promise<void>
  /** Hears of a share that was refused before it could be judged: it is malformed, or for an unknown job. */
  onRefused(worker: Worker, code: StratumErrorCode): void
}

/** Bytes of extra nonce that tell sessions apart. */
export const EXTRA_NONCE_1_SIZE = 4
/** Bytes of extra nonce that are the miner's. */
export const EXTRA_NONCE_2_SIZE = 8
