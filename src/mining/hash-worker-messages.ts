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
  /** A header that meets the unit's share target, and perhaps its block target. */
  | { readonly type: 'solution'; readonly solved: SolvedWork }
  /** Since the last such report. */
  | { readonly type: 'progress'; readonly hashes: number; readonly busyMs: number }
  /** Nothing more is to be found in the unit: a block has been, or all of it was hashed. */
  | { readonly type: 'finished'; readonly unitId: number }
  /** The engine failed: the worker is of no use any more. */
  | { readonly type: 'failed'; readonly reason: string }

/** Which engine a worker is to use: the best of its module, or the slow one that needs none. */
export type EngineChoice = 'fastest' | 'fallback'

/** A running worker, whatever thread it runs on. */
export interface HashWorker {
  send(command: HashWorkerCommand): void
  /** Resolves when the thread has ended. */
  terminate(): Promise<void>
}

/**
 * Starts a worker. Neither function is called before it has returned.
 *
 * @param onExit - Called once if the worker ends without being terminated.
 */
export type SpawnHashWorker = (
  engine: EngineChoice,
  onReport: (report: HashWorkerReport) => void,
  onExit: (reason: string) => void,
) => HashWorker
