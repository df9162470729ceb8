/** @module Wallets as files that only their owner may read. */

import { existsSync } from 'node:fs'
import { mkdir, open, readdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { WalletFiles } from '../../node/index.ts'

const OWNER_ONLY = 0o600
const DIRECTORY_OWNER_ONLY = 0o700
const FILE_NAME = 'wallet.json'
/** The most that is read: a file of this size is no wallet's. */
const MAX_FILE_BYTES = 64 * 1_048_576

/** What file systems answer that cannot sync a directory, as some network shares. They keep names by themselves. */
const NO_DIRECTORY_SYNC: ReadonlySet<unknown> = new Set([
  'EINVAL',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
])

/** Has the disk keep the names in a directory. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } catch (error) {
    if (!NO_DIRECTORY_SYNC.has((error as NodeJS.ErrnoException).code)) throw error
  } finally {
    await handle.close()
  }
}

/**
 * Keeps each wallet in a directory of its own, as Bitcoin Core does; the one without a name in `root` itself.
 *
 * @param root - Made with the first wallet.
 */
export function createWalletFiles(root: string): WalletFiles {
  const locate = (name: string): string => (name === '' ? root : join(root, name))
  const pathOf = (name: string): string => join(locate(name), FILE_NAME)
  return {
    locate,
    async list() {
      if (!existsSync(root)) return []
      const entries = await readdir(root, { withFileTypes: true })
      const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
      return ['', ...names.sort()].filter((name) => existsSync(pathOf(name)))
    },
    async read(name) {
      try {
        const handle = await open(pathOf(name))
        try {
          const { size } = await handle.stat()
          return size > MAX_FILE_BYTES ? new Uint8Array() : new Uint8Array(await handle.readFile())
        } finally {
          await handle.close()
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async write(name, bytes) {
      const path = pathOf(name)
      await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_OWNER_ONLY })
      const draft = `${path}.new`
      const handle = await open(draft, 'w', OWNER_ONLY)
      try {
        await handle.writeFile(bytes)
        await handle.sync()
      } finally {
        await handle.close()
      }
      // Moved when it is on the disk, so that there is always one whole file.
      await rename(draft, path)
      await syncDirectory(dirname(path))
    },
  }
}
