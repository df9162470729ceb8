/** @module Files that RPC methods write and read. */

import { createReadStream, existsSync } from 'node:fs'
import { open, rename, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { RPC_CODES, RpcError, type RpcFiles } from '../../rpc/index.ts'
import { toErrorMessage } from '../../util/index.ts'

function fail(what: string, path: string, error: unknown): never {
  throw new RpcError(
    RPC_CODES.INVALID_PARAMETER,
    `Couldn't ${what} ${path}: ${toErrorMessage(error)}`,
    {
      cause: error,
    },
  )
}

async function writeWhole(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  getHead: () => Uint8Array,
): Promise<void> {
  // A second writer of the same file fails here.
  const file = await open(path, 'wx', 0o600)
  try {
    await writeFile(file, bytes)
    const head = getHead()
    await file.write(head, 0, head.length, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** @param root - What relative paths are relative to. */
export function createRpcFiles(root: string): RpcFiles {
  return {
    async write(path, bytes, getHead) {
      const absolute = resolve(root, path)
      if (existsSync(absolute)) {
        throw new RpcError(
          RPC_CODES.INVALID_PARAMETER,
          `${absolute} already exists. If you are sure this is what you want, move it out of the way first.`,
        )
      }
      const draft = `${absolute}.incomplete`
      try {
        await writeWhole(draft, bytes, getHead)
        await rename(draft, absolute)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
          throw new RpcError(
            RPC_CODES.INVALID_PARAMETER,
            `${draft} exists: either this file is being written, or whoever began it was killed. In that case remove it.`,
          )
        }
        await rm(draft, { force: true })
        // What the bytes failed with is no matter of the file.
        if (!(error instanceof Error && 'syscall' in error)) throw error
        return fail('write', absolute, error)
      }
      return absolute
    },
    async *read(path) {
      const absolute = resolve(root, path)
      try {
        yield* createReadStream(absolute)
      } catch (error) {
        fail('open file', absolute, error)
      }
    },
  }
}
