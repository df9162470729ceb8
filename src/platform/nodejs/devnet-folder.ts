/** @module The folder of a devnet: its chain spec, its nodes' directories, and who is in it. */

import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ChainSpec, computeChainId } from '../../consensus/index.ts'
import type { NodeAddress } from '../../devnet/index.ts'
import { ConfigError, toErrorMessage } from '../../util/index.ts'
import { parseChainSpecText } from './chain-spec-text.ts'
import type { ControlAddress } from './devnet-control.ts'
import { type DirectoryLock, lockDirectory } from './directory-lock.ts'
import { explainAccess } from './explain-access.ts'
import { makeDirectory } from './make-directory.ts'

/** The format of `devnet.json`. */
const DEVNET_FILE_VERSION = 1
/** Tells later commands where the nodes of a devnet are, and how to command them. */
export const DEVNET_FILE_NAME = 'devnet.json'
const NODE_DIRECTORY = /^node-\d+$/

/** A devnet's folder, held by this process until `release`. */
export interface DevnetFolder {
  readonly path: string
  readonly specPath: string
  /** Tells later commands where the nodes are. */
  readonly devnetFilePath: string
  /** The data directory of a node. */
  nodeDirectory(index: number): string
  release(): Promise<void>
}

/**
 * Creates the folder if needed and takes it.
 *
 * @throws {@link ConfigError} `datadir-in-use` if a devnet runs in it, with its pid.
 */
export async function openDevnetFolder(path: string): Promise<DevnetFolder> {
  let lock: DirectoryLock
  try {
    await makeDirectory(path)
    lock = await lockDirectory(path, {
      code: 'datadir-in-use',
      message: (pid) =>
        `A devnet is already running in ${path} (process ${pid}). Stop it with Ctrl-C or kill ${pid}, or start another beside it with --datadir <dir>.`,
    })
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(
      'datadir-unusable',
      `The folder ${path} cannot be used: ${toErrorMessage(error)}. ${explainAccess(path, error) ?? 'Choose another with --datadir.'}`,
      { cause: error },
    )
  }
  return {
    path,
    specPath: join(path, 'chain.json'),
    devnetFilePath: join(path, DEVNET_FILE_NAME),
    nodeDirectory: (index) => join(path, `node-${index}`),
    release: () => lock.release(),
  }
}

/** Replaces a file in one step, so that readers never see half of it. */
async function writeJson(path: string, value: unknown): Promise<void> {
  const draft = `${path}.new`
  await writeFile(draft, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 })
  await rename(draft, path)
}

/**
 * Reads the chain that the folder holds.
 *
 * @returns Undefined in a folder without one.
 * @throws {@link ConfigError} `bad-chain-spec` if the file is not one.
 */
export async function readDevnetSpec(folder: DevnetFolder): Promise<ChainSpec | undefined> {
  let text: string
  try {
    text = await readFile(folder.specPath, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return await parseChainSpecText(text)
  } catch (error) {
    throw new ConfigError(
      'bad-chain-spec',
      `${folder.specPath}: ${toErrorMessage(error)} Add --reset to begin a new chain.`,
      { cause: error },
    )
  }
}

/** Keeps a new chain for this run and later ones. */
export function writeDevnetSpec(folder: DevnetFolder, spec: ChainSpec): Promise<void> {
  return writeJson(folder.specPath, spec)
}

/**
 * Removes the chain and all nodes' data, and nothing else. A folder without a chain spec of ours is left
 * alone, whatever it holds. The spec goes last, so that an interrupted reset can be repeated.
 */
export async function resetDevnetFolder(folder: DevnetFolder): Promise<void> {
  const names = await readdir(folder.path)
  if (!names.includes('chain.json')) return
  for (const name of names.filter((candidate) => NODE_DIRECTORY.test(candidate))) {
    await rm(join(folder.path, name), { recursive: true, force: true })
  }
  await rm(folder.devnetFilePath, { force: true })
  await rm(folder.specPath, { force: true })
}

/** Writes where the nodes are, and where commands go. Readable by its owner alone: the token is a secret. */
export function writeDevnetFile(
  folder: DevnetFolder,
  spec: ChainSpec,
  nodes: readonly NodeAddress[],
  control: ControlAddress | null,
): Promise<void> {
  return writeJson(folder.devnetFilePath, {
    version: DEVNET_FILE_VERSION,
    pid: control === null ? null : process.pid,
    chain: { name: spec.name, id: computeChainId(spec), specPath: folder.specPath },
    control,
    nodes: nodes.map((node) => ({ ...node, dataDir: folder.nodeDirectory(node.index) })),
  })
}
