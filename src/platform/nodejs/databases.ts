/** @module Opens LevelDB databases in a data directory. */

import { existsSync } from 'node:fs'
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import {
  type ByteDatabase,
  type DatabaseName,
  isDatabaseDamage,
  StoreError,
} from '../../node/index.ts'
import { toErrorMessage } from '../../util/index.ts'
import { explainAccess } from './explain-access.ts'

/** Coins are looked up all over their table; bodies are read once in a while. */
const CACHE_BYTES: Readonly<Record<DatabaseName, number>> = {
  state: 64 * 1_048_576,
  blocks: 8 * 1_048_576,
  node: 1_048_576,
}
/** LevelDB's log grows to this size, twice while it is written out. `store/` reckons with less than 64 MB. */
const WRITE_BUFFER_BYTES: Readonly<Record<DatabaseName, number>> = {
  state: 16 * 1_048_576,
  blocks: 16 * 1_048_576,
  node: 1_048_576,
}

/** What follows from a database that LevelDB refuses. */
const CURES: Readonly<Record<DatabaseName, string>> = {
  state: 'It is rebuilt from the stored blocks',
  blocks: 'Start with --reindex to keep what is whole and fetch the rest from peers',
  node: 'What it held is learnt anew',
}

/** LevelDB's own means of mending, which the types of `level` leave out. */
const { repair } = Level as unknown as { repair(path: string): Promise<void> }

/** How a database is opened. */
export interface OpenOptions {
  /**
   * Whether blocks are mended first: tables that cannot be read lose what is damaged in them, and keep the rest. Never the state: mending drops records without a word, and
   * who would notice a lost coin?
   */
  readonly isMended?: boolean
}

interface DatabasePaths {
  readonly path: string
  /** Says that the database was created once: LevelDB would open one whose CURRENT file is gone as a new one. */
  readonly marker: string
}

function pathsOf(parent: string, name: DatabaseName): DatabasePaths {
  const path = join(parent, name)
  return { path, marker: `${path}.created` }
}

async function open({ path, marker }: DatabasePaths, name: DatabaseName): Promise<ByteDatabase> {
  const database = new Level<Uint8Array, Uint8Array>(path, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: !existsSync(marker),
    cacheSize: CACHE_BYTES[name],
    writeBufferSize: WRITE_BUFFER_BYTES[name],
  })
  await database.open()
  await writeFile(marker, '')
  return database as unknown as ByteDatabase
}

/** LevelDB's errors are text, with the file's path in it. */
function explainDenial(reason: string): string | undefined {
  const path = /(\/.*): Permission denied/.exec(reason)?.[1]
  return path === undefined ? undefined : explainAccess(path, { code: 'EACCES', path })
}

function toStoreError(error: unknown, { path }: DatabasePaths, name: DatabaseName): StoreError {
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
  if (cause?.code === 'LEVEL_LOCKED') {
    return new StoreError(
      'locked',
      `The database ${path} is open in another process. Stop that one first, or use another --datadir.`,
      { cause: error },
    )
  }
  const reason = toErrorMessage(cause ?? error)
  if (!isDatabaseDamage(cause ?? error)) {
    const cure = explainDenial(reason) ?? 'see that the disk works, has room and may be written to.'
    return new StoreError(
      'io',
      `The database ${path} cannot be opened: ${reason}. Nothing in it was changed: ${cure}`,
      { cause: error },
    )
  }
  return new StoreError(
    'corrupt',
    `The database ${path} cannot be opened: ${reason}. ${CURES[name]}.`,
    { cause: error, part: name },
  )
}

/**
 * Opens one of a node's databases.
 *
 * @throws {@link StoreError} `locked` if another process has it open, `corrupt` if LevelDB refuses it, `io` if the
 * system does.
 */
export async function openLevelDatabase(
  parent: string,
  name: DatabaseName,
  { isMended = false }: OpenOptions = {},
): Promise<ByteDatabase> {
  const paths = pathsOf(parent, name)
  try {
    if (isMended && name === 'blocks' && existsSync(paths.marker)) await repair(paths.path)
    return await open(paths, name)
  } catch (error) {
    throw toStoreError(error, paths, name)
  }
}

/** A database that has been put aside. */
function asideOf({ path }: DatabasePaths): string {
  return `${path}.aside`
}

/**
 * Puts a database that is not open aside, so that the next one of its name is new.
 *
 * @throws {@link StoreError} `io`
 */
export async function putLevelDatabaseAside(parent: string, name: DatabaseName): Promise<void> {
  const paths = pathsOf(parent, name)
  try {
    // What was put aside before and never taken back was replaced by this one.
    await rm(asideOf(paths), { recursive: true, force: true })
    if (existsSync(paths.path)) await rename(paths.path, asideOf(paths))
    await rm(paths.marker, { force: true })
  } catch (error) {
    throw toStoreError(error, paths, name)
  }
}

/** Takes back what was put aside, in place of what has come since; it is not open. */
export async function takeLevelDatabaseBack(parent: string, name: DatabaseName): Promise<void> {
  const paths = pathsOf(parent, name)
  if (!existsSync(asideOf(paths))) return
  await rm(paths.path, { recursive: true, force: true })
  await rename(asideOf(paths), paths.path)
  await writeFile(paths.marker, '')
}

/** Deletes what was put aside, if there is any. */
export async function dropLevelDatabaseAside(parent: string, name: DatabaseName): Promise<void> {
  await rm(asideOf(pathsOf(parent, name)), { recursive: true, force: true })
}

/** Bytes that a database's files take. */
export async function measureDatabaseSize(parent: string, name: DatabaseName): Promise<number> {
  const { path } = pathsOf(parent, name)
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
