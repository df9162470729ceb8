/** @module Opens LevelDB databases in a data directory. */

import { existsSync } from 'node:fs'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { type ByteDatabase, type DatabaseName, StoreError } from '../../node/index.ts'
import { toErrorMessage } from '../../util/index.ts'

const STATE_CACHE_BYTES = 64 * 1_048_576
const WRITE_BUFFER_BYTES = 16 * 1_048_576

/**
 * Opens one of a node's databases. A marker beside it says that it was created once: LevelDB would open a
 * database whose CURRENT file is gone as a new, empty one.
 *
 * @throws {@link StoreError} `locked` if another process has it open, `corrupt` if LevelDB refuses it.
 */
export async function openLevelDatabase(parent: string, name: DatabaseName): Promise<ByteDatabase> {
  const path = join(parent, name)
  const marker = `${path}.created`
  const database = new Level<Uint8Array, Uint8Array>(path, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: !existsSync(marker),
    cacheSize: STATE_CACHE_BYTES,
    writeBufferSize: WRITE_BUFFER_BYTES,
  })
  try {
    await database.open()
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
    if (cause?.code === 'LEVEL_LOCKED') {
      throw new StoreError(
        'locked',
        `The database ${path} is open in another process. Stop that one first, or use another --datadir.`,
        { cause: error },
      )
    }
    throw new StoreError(
      'corrupt',
      `The database ${path} cannot be opened: ${toErrorMessage(cause ?? error)}. Move ${parent} away and start again: the node fetches the chain from its peers.`,
      { cause: error },
    )
  }
  await writeFile(marker, '')
  return database as unknown as ByteDatabase
}

/** Bytes that a database's files take. */
export async function measureDatabaseSize(parent: string, name: DatabaseName): Promise<number> {
  const path = join(parent, name)
  const files = await readdir(path)
  const sizes = await Promise.all(
    files.map(async (file) => {
      // Compaction removes files at any time.
      const stats = await stat(join(path, file)).catch(() => undefined)
      return stats?.size ?? 0
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
