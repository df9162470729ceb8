/** @module The way of a block that this node has found. */

import { ConsensusError } from '../consensus/index.ts'
import type { Block } from '../primitives/index.ts'
import type { Synchronizer } from '../sync/index.ts'
import { type Logger, toErrorMessage } from '../util/index.ts'

/** Creates what hands found blocks in and logs those that are refused: that should never happen. */
export function createBlockSubmitter(
  sync: Pick<Synchronizer, 'submitBlock'>,
  log: Logger,
): (block: Block) => Promise<void> {
  return async (block) => {
    try {
      await sync.submitBlock(block)
    } catch (error) {
      const code = error instanceof ConsensusError ? error.code : undefined
      log.error('own block not accepted', { code, reason: toErrorMessage(error) })
      throw error
    }
  }
}
