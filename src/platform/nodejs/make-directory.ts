/** @module Creating directories. */

import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

const OWNER_ONLY = 0o700

/**
 * Creates a directory that only its owner may enter, and those above it that are missing. One that exists is
 * left as it is.
 *
 * Not by the `recursive` option of Node.js: where a file system refuses with ENOENT although the parent is
 * there, as `/proc` does, that tries again for ever, and no signal ends it.
 *
 * @returns The directories that this call has made, the outermost first.
 * @throws The system's error.
 */
export async function makeDirectory(
  path: string,
  isParentThere = false,
): Promise<readonly string[]> {
  try {
    await mkdir(path, { mode: OWNER_ONLY })
    return [path]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return []
    if (code !== 'ENOENT' || isParentThere || dirname(path) === path) throw error
    const above = await makeDirectory(dirname(path))
    return [...above, ...(await makeDirectory(path, true))]
  }
}
