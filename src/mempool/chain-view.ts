/** @module What the mempool sees of the chain. */

import type { BlockEntry, ChainEvents } from '../chain/index.ts'
import type { Coin, ConsensusParams } from '../consensus/index.ts'
import type { OutPoint } from '../primitives/index.ts'
import type { EventEmitter } from '../util/index.ts'

/** The active chain, as far as the mempool needs it. `Chain` is one. */
export interface ChainView {
  readonly params: ConsensusParams
  /** The last block of the active chain. May change whenever others have a turn. */
  readonly tip: BlockEntry
  /** Blocks that join or leave the active chain, and then the tip. */
  readonly events: Pick<EventEmitter<ChainEvents>, 'on'>
  /** Reads unspent outputs of the tip at the time of the call; undefined for each that is not there. */
  readCoins(outPoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]>
}
