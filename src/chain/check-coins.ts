/** @module All stored coins held against the hash that moved along with the tip. */

import { type Clock, equalBytes } from '../util/index.ts'
import { type ChainStore, StoreError } from './chain-store.ts'
import { toElements } from './hash-coins.ts'
import { MuHash } from './muhash.ts'

/**
 * Reads all coins, which takes some 30 microseconds each.
 *
 * @param store - Nothing is written to it meanwhile.
 * @throws {@link StoreError} `corrupt` if one is damaged, missing, or one too many.
 */
export async function checkAllCoins(store: ChainStore, clock: Clock): Promise<void> {
  const tip = await store.readTip()
  if (tip === undefined) return
  const hash = MuHash.empty()
  for await (const { element } of toElements(store.readAllCoins(), clock)) hash.insert(element)
  if (equalBytes(hash.toState(), tip.utxoHash)) return
  throw new StoreError(
    'corrupt',
    'coins are missing in the state database, or there are too many',
    {
      part: 'state',
    },
  )
}
