/** @module A database in memory whose disk is full from a certain write on: the store's own boundary. */

import { MemoryLevel } from 'memory-level'
import type { ByteDatabase } from '../../src/store/index.ts'

/** What several databases on one disk share. */
export class FakeDisk {
  /** Writes that are still taken. */
  #left = Number.POSITIVE_INFINITY
  /** Writes that were taken, and tried. */
  writes = 0

  /** Fills the disk after so many more writes. */
  fillAfter(writes: number): void {
    this.#left = writes
  }

  /** Makes room again. */
  free(): void {
    this.#left = Number.POSITIVE_INFINITY
  }

  /** @throws `ENOSPC`, as the system would. */
  write(): void {
    this.writes += 1
    if (this.#left <= 0) {
      throw Object.assign(new Error('IO error: No space left on device'), { code: 'ENOSPC' })
    }
    this.#left -= 1
  }
}

type Write = (...given: unknown[]) => Promise<void>

/** What every write of an `abstract-level` database ends in, those of its sublevels too. */
const WRITES = ['_put', '_del', '_batch']

/** An empty database on a disk. */
export function createFailingLevel(disk: FakeDisk): ByteDatabase {
  const database = new MemoryLevel<Uint8Array, Uint8Array>({
    keyEncoding: 'view',
    valueEncoding: 'view',
    storeEncoding: 'view',
  })
  for (const name of WRITES) {
    const write: Write = Reflect.get(database, name).bind(database)
    const guarded: Write = async (...given) => {
      disk.write()
      await write(...given)
    }
    Reflect.set(database, name, guarded)
  }
  return database as unknown as ByteDatabase
}
