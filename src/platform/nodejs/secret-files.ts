/** @module Secrets as files that only their owner may read. */

import { readFile, rename, writeFile } from 'node:fs/promises'
import type { SecretName, SecretStore } from '../../node/index.ts'
import { ConfigError, decodeHex, encodeHex, isHex, toErrorMessage } from '../../util/index.ts'
import { explainAccess } from './explain-access.ts'

const OWNER_ONLY = 0o600

/** Keeps each secret as hex in a file of its own, mode 0600. */
export class SecretFiles implements SecretStore {
  readonly #paths: Readonly<Record<SecretName, string>>

  constructor(paths: Readonly<Record<SecretName, string>>) {
    this.#paths = paths
  }

  async read(name: SecretName): Promise<Uint8Array | undefined> {
    const path = this.#paths[name]
    let text: string
    try {
      text = (await readFile(path, 'utf8')).trim()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      const cure = explainAccess(path, error)
      throw new ConfigError(
        'datadir-unusable',
        `Cannot read ${path}: ${toErrorMessage(error)}${cure === undefined ? '' : `. ${cure}`}`,
        { cause: error },
      )
    }
    if (text === '' || !isHex(text)) {
      throw new ConfigError(
        'datadir-unusable',
        `${path} is damaged: it should hold hex digits. Restore it from a backup, or delete it to get a new one.`,
      )
    }
    return decodeHex(text)
  }

  async write(name: SecretName, bytes: Uint8Array): Promise<void> {
    const path = this.#paths[name]
    // Written beside and moved, so that a crash never leaves half a key.
    await writeFile(`${path}.new`, `${encodeHex(bytes)}\n`, { mode: OWNER_ONLY })
    await rename(`${path}.new`, path)
  }
}
