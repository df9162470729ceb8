/** @module Files that RPC methods write and read. */

import { createReadStream, existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
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

async function writeWhole(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  // A second writer of the same file fails here.
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const piece of bytes) await file.write(piece)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** @param root - What relative paths are relative to. */
export function createRpcFiles(root: string): RpcFiles {
  return {
    async write(path, bytes) {
      const absolute = resolve(root, path)
      if (existsSync(absolute)) {
        throw new RpcError(
          RPC_CODES.INVALID_PARAMETER,
          `${absolute} already exists. If you are sure this is what you want, move it out of the way first.`,
        )
      }
      const draft = `${absolute}.incomplete`
      try {
        await writeWhole(draft, bytes)
        await rename(draft, absolute)
      } catch (error) {
        const isOurs = (error as NodeJS.ErrnoException).code !== 'EEXIST'
        if (isOurs) await rm(draft, { force: true })
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
