/** @module The data directory: who may use it, and where things are in it. */

import { chmod, rename, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError, toErrorMessage } from '../../util/index.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { explainAccess } from './explain-access.ts'
import { makeDirectory } from './make-directory.ts'

const OWNER_ONLY = 0o700
/** Permissions of group and others. */
const OTHERS = 0o077

/** Where a node keeps what. All of it is below `<datadir>/<rpcChain>`. */
export interface NodePaths {
  readonly root: string
  /** Beside the port file, where Bitcoin's client libraries look for it. */
  readonly cookie: string
  /** `{ "url", "pid" }` of the running node's JSON-RPC, for `quarry rpc`. */
  readonly rpcInfo: string
  /** The libp2p private key; mode 0600. */
  readonly identityKey: string
  /** The key that mined coins go to when no address is given; mode 0600. */
  readonly minerKey: string
  /** Parent directory of wallets; each has a directory of its own. */
  readonly wallets: string
  /** Parent directory of the databases. */
  readonly databases: string
}

/**
 * Where a node of one chain keeps its files.
 *
 * @param dataDir - Absolute.
 * @param rpcChain - The name that RPC gives the chain, such as `regtest`.
 */
export function computeNodePaths(dataDir: string, rpcChain: string): NodePaths {
  const root = join(dataDir, rpcChain)
  return {
    root,
    cookie: join(root, '.cookie'),
    rpcInfo: join(root, 'rpc.json'),
    identityKey: join(root, 'identity.key'),
    minerKey: join(root, 'miner.key'),
    wallets: join(root, 'wallets'),
    databases: join(root, 'db'),
  }
}

/** A data directory that nobody else uses until `release` is called. */
export interface OpenDataDirectory extends NodePaths {
  /** False on a file system that keeps no permissions: other users of the machine may read keys and cookie. */
  readonly isPrivate: boolean
  /** Removes what this start has made, if nothing was there before; to be called before {@link release}. */
  discard(): Promise<void>
  release(): Promise<void>
}

/** Closes a directory to other users. @returns Whether the file system does that. */
async function makePrivate(path: string): Promise<boolean> {
  try {
    await chmod(path, OWNER_ONLY)
  } catch (error) {
    const { uid } = await stat(path)
    // Only the owner may change permissions, and a file system without them lets nobody.
    if (uid !== process.getuid?.()) throw error
  }
  return ((await stat(path)).mode & OTHERS) === 0
}

/**
 * Removes a root that this start has made, with the lock in it, and the directories above that it made, too, unless
 * somebody has put something there meanwhile.
 *
 * @returns Whether the root is gone.
 */
async function removeMade(root: string, made: readonly string[]): Promise<boolean> {
  const grave = `${root}.discarded-${process.pid}`
  try {
    // At once, so that nobody who starts here meanwhile finds it half removed.
    await rename(root, grave)
  } catch {
    return false
  }
  await rm(grave, { recursive: true, force: true }).catch(() => undefined)
  for (const path of made.filter((path) => !path.startsWith(root)).reverse()) {
    await rmdir(path).catch(() => undefined)
  }
  return true
}

/**
 * Creates the data directory if needed, closes it to other users of the machine and locks it.
 *
 * @throws {@link ConfigError} `datadir-unusable` if it cannot be created or written.
 * @throws {@link ConfigError} `datadir-in-use` if another process holds it, with that one's pid.
 */
export async function openDataDirectory(
  dataDir: string,
  rpcChain: string,
): Promise<OpenDataDirectory> {
  const paths = computeNodePaths(dataDir, rpcChain)
  let lock: DirectoryLock
  let isPrivate: boolean
  let made: readonly string[]
  try {
    made = await makeDirectory(paths.databases)
    isPrivate = await makePrivate(paths.root)
    lock = await lockDirectory(paths.root, {
      code: 'datadir-in-use',
      message: (pid) =>
        `The data directory ${paths.root} is in use by process ${pid}. Stop that node first, or choose another directory with --datadir.`,
    })
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(
      'datadir-unusable',
      `The data directory ${dataDir} cannot be used: ${toErrorMessage(error)}. ${explainAccess(dataDir, error) ?? 'Choose another with --datadir.'}`,
      { cause: error },
    )
  }
  let isDiscarded = false
  return {
    ...paths,
    isPrivate,
    discard: async () => {
      isDiscarded = made.includes(paths.root) && (await removeMade(paths.root, made))
    },
    // What is at that place once it is discarded is somebody else's.
    release: async () => (isDiscarded ? undefined : lock.release()),
  }
}
