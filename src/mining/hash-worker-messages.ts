/** @module What a miner and its hash workers say to each other: plain data, by messages alone. */

import type { SolvedWork, WorkUnit } from './work-unit.ts'

/** To a worker. */
export type HashWorkerCommand =
  /** Drop what is being hashed and work on this. */
  | { readonly type: 'work'; readonly unit: WorkUnit }
  /** Drop what is being hashed and wait. */
  | { readonly type: 'idle' }
  /** Use at most this share of a core, above 0 and up to 1. */
  | { readonly type: 'throttle'; readonly share: number }

/** From a worker. */
export type HashWorkerReport =
  /** Loaded, self-tested, and waiting for work. */
  | { readonly type: 'ready'; readonly engine: string }
  | { readonly type: 'solution'; readonly solved: SolvedWork }
  /** Since the last such report. */
  | { readonly type: 'progress'; readonly hashes: number; readonly busyMs: number }
  /** The engine failed: the worker is of no use any more. */
  | { readonly type: 'failed'; readonly reason: string }

/** A running worker, whatever thread it runs on. */
export interface HashWorker {
  send(command: HashWorkerCommand): void
  /** Resolves when the thread has ended. */
  terminate(): Promise<void>
}

/** Starts a worker. @param onExit - Called once if it ends without being terminated. */
export type SpawnHashWorker = (
  onReport: (report: HashWorkerReport) => void,
  onExit: (reason: string) => void,
) => HashWorker
