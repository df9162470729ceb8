/** @module What a miner's end of Stratum needs of a connection, and what it tells. */

import type { PoolJob } from './pool-job.ts'

/** A connection to a pool. */
export interface PoolConnection {
  /** Writes a text. Never throws; a broken connection ends by itself. */
  send(text: string): void
  /** Ends the connection. Idempotent. */
  close(): void
}

/** How a miner presents itself. */
export interface StratumClientOptions {
  readonly host: string
  readonly userName: string
  readonly password: string
  /** Name and version of the program. */
  readonly agent: string
  readonly isVersionRolled: boolean
  /** Who has to be paid by the coinbase; undefined for whom the pool likes. */
  readonly payoutScript: Uint8Array | undefined
  /** Of a connection before to the same pool: the search space may be given again. */
  readonly sessionId: string | undefined
}

/** What a miner has found. */
export interface FoundShare {
  readonly job: PoolJob
  readonly extraNonce2: Uint8Array
  /** Unix seconds. */
  readonly time: number
  readonly version: number
  readonly nonce: number
  /** Of the header, for people. */
  readonly hash: string
  readonly isBlock: boolean
}

/** Why a share was not sent. */
export type UnsentReason = 'stale' | 'too-many'

/** How a connection ended. */
export interface ConnectionEnd {
  readonly problem: string
  /** What the pool asks for: to come again, at which port if at another, and when. */
  readonly reconnect?: { readonly port: number | undefined; readonly waitMs: number }
}

/** What a connection tells. None of them may throw. */
export interface StratumClientHandlers {
  onLogin(): void
  onJob(job: PoolJob): void
  /** Other version bits may be rolled from now on, in jobs that have come already as well. */
  onVersionMask(): void
  /** @param refusal - Undefined for a share that was accepted. */
  onVerdict(share: FoundShare, refusal: string | undefined): void
  /** The pool has a text for people. */
  onMessage(text: string): void
  /** Something about the pool is wrong. */
  onWarning(text: string): void
  /** Once. @param unanswered - Shares that no verdict will come for. */
  onEnd(end: ConnectionEnd, unanswered: number): void
}
