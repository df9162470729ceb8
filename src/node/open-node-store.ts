/** @module Opens what a node remembers beside its chain. */

import { StoreError } from '../chain/index.ts'
import { NodeStore } from '../store/index.ts'
import type { Platform } from './platform.ts'

/**
 * Opens the database `node`. One that LevelDB refuses is put aside, and another begun: nothing in it is worth stopping for.
 *
 * @throws {@link StoreError} `io`, `locked`
 */
export async function openNodeStore(
  platform: Pick<Platform, 'log' | 'openDatabase' | 'putDatabaseAside'>,
): Promise<NodeStore> {
  try {
    return new NodeStore(await platform.openDatabase('node'))
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'corrupt')) throw error
    const reason = error.message
    platform.log.child('node').warn('what was known of peers is lost and learnt anew', { reason })
    await platform.putDatabaseAside('node')
    return new NodeStore(await platform.openDatabase('node'))
  }
}
