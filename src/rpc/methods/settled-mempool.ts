/** @module Answers from the mempool while a reorganisation is on its way. */

import { sleep } from '../../util/index.ts'
import type { RpcContext } from '../rpc-context.ts'

/** How long an answer waits for displaced transactions at most, in milliseconds. */
const MAX_SETTLING_MS = 10_000

/**
 * Waits until the transactions that a reorganisation has displaced are back. Without it, answers for some tenths of a
 * second would say that the mempool is empty.
 */
export async function settleMempool({
  mempool,
  clock,
}: Pick<RpcContext, 'mempool' | 'clock'>): Promise<void> {
  await Promise.race([mempool.settled(), sleep(clock, MAX_SETTLING_MS)])
}
