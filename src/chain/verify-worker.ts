/** @module What the chain and the threads that verify for it say to each other: plain data, by messages alone. */

import { computeTxid, toDisplayHex } from '../primitives/index.ts'
import { ScriptError, type SignatureEngine } from '../script/index.ts'
import { toErrorMessage } from '../util/index.ts'
import {
  decodeScriptCheckSlices,
  encodeScriptCheckSlices,
  type ScriptCheckSlice,
} from './script-check-codec.ts'
import { verifyTransactionScripts } from './script-checker.ts'

/** To a worker: verify a batch. Batches are answered one by one, in the order in which they came. */
export interface VerifyWorkerCommand {
  readonly batchId: number
  readonly slices: Uint8Array
}

/** Why a transaction's scripts failed. */
export interface ScriptFailure {
  readonly txid: string
  /** Bitcoin Core's text. */
  readonly reason: string
}

/** From a worker. */
export type VerifyWorkerReport =
  /** The batch is done. A failure is that of its first input that fails. */
  | {
      readonly type: 'verified'
      readonly batchId: number
      readonly failure: ScriptFailure | undefined
    }
  /** Something that is no verdict: the worker is of no use any more. */
  | { readonly type: 'failed'; readonly reason: string }

/** A running worker, whatever thread it runs on. */
export interface VerifyWorker {
  send(command: VerifyWorkerCommand): void
  /** Resolves when the thread has ended. */
  terminate(): Promise<void>
}

/** Starts a worker. @param onExit - Called once if it ends without being terminated. */
export type SpawnVerifyWorker = (
  onReport: (report: VerifyWorkerReport) => void,
  onExit: (reason: string) => void,
) => VerifyWorker

/** Verifies slices here and now. @returns The first failure. */
export function verifySlices(
  slices: readonly ScriptCheckSlice[],
  signatures: SignatureEngine,
): ScriptFailure | undefined {
  for (const { check, start, end } of slices) {
    try {
      verifyTransactionScripts(check, signatures, { start, end })
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error
      return { txid: toDisplayHex(computeTxid(check.tx)), reason: error.reason }
    }
  }
  return undefined
}

/** Writes the command for a batch. */
export function createVerifyCommand(
  batchId: number,
  slices: readonly ScriptCheckSlice[],
): VerifyWorkerCommand {
  return { batchId, slices: encodeScriptCheckSlices(slices) }
}

/** Answers a command: all that a worker's thread does. Never throws. */
export function answerVerifyCommand(
  command: VerifyWorkerCommand,
  signatures: SignatureEngine,
): VerifyWorkerReport {
  const { batchId } = command
  try {
    const failure = verifySlices(decodeScriptCheckSlices(command.slices), signatures)
    return { type: 'verified', batchId, failure }
  } catch (error) {
    return { type: 'failed', reason: toErrorMessage(error) }
  }
}
