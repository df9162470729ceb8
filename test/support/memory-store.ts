/** @module What a node remembers, in memory. */

import { MemoryLevel } from 'memory-level'
import { type ByteDatabase, NodeStore } from '../../src/store/index.ts'

/** An empty database in memory. */
export function createMemoryDatabase(): ByteDatabase {
  return new MemoryLevel<Uint8Array, Uint8Array>({
    keyEncoding: 'view',
    valueEncoding: 'view',
    storeEncoding: 'view',
  }) as unknown as ByteDatabase
}

/** The store of a node that has just been made. */
export function createMemoryNodeStore(): NodeStore {
  return new NodeStore(createMemoryDatabase())
}
