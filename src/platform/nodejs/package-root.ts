/** @module Where this package's files are: the same from `src` and from `dist`. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT_URL = new URL('../../../', import.meta.url)

/**
 * The absolute path of a file that is shipped with the package, such as `wasm/miner.wasm`.
 *
 * @param relativePath - From the package's root, with forward slashes.
 */
export function packagePath(relativePath: string): string {
  return fileURLToPath(new URL(relativePath, ROOT_URL))
}

/** The package's version, such as `0.1.0`. */
export function readPackageVersion(): string {
  const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as {
    version: string
  }
  return version
}
