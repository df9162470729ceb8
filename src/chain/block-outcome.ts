/** @module How the acceptance of a block ended. */

import { ConsensusError } from '../consensus/index.ts'
import type { BlockHashHex } from '../primitives/index.ts'
import { type EventEmitter, LruMap } from '../util/index.ts'
import type { BlockEntry } from './block-entry.ts'
import type { ChainEvents } from './chain-events.ts'

/**
 * `connected`: the block was found valid as a part of the active chain. `stored`: it is kept, but its branch is not the
 * best; of one stale sibling too many only the header is kept. An error: the rule that it broke when it was connected,
 * or `bad-prevblk` if an ancestor did.
 */
export type BlockOutcome = 'connected' | 'stored' | ConsensusError

/** A block that has been accepted. */
export interface AcceptedBlock {
  readonly entry: BlockEntry
  readonly outcome: BlockOutcome
}

/** Reasons that are remembered: more than blocks are under way at a time. */
export const MAX_REMEMBERED_FAILURES = 1_024

/** Remembers why blocks failed until their callers are told. */
export class BlockOutcomes {
  readonly #failures = new LruMap<BlockHashHex, ConsensusError>(MAX_REMEMBERED_FAILURES)

  constructor(events: EventEmitter<ChainEvents>) {
    events.on('blockFailed', ({ entry, error }) => this.#failures.set(entry.hashHex, error))
  }

  /** How it stands with a block whose turn to be connected is over. */
  outcomeOf(entry: BlockEntry): BlockOutcome {
    if (entry.isFailed) {
      const failure = this.#failures.get(entry.hashHex)
      return failure ?? new ConsensusError('bad-prevblk', { hash: entry.hashHex })
    }
    return entry.validity === 'connected' ? 'connected' : 'stored'
  }
}
