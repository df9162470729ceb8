// @ts-check
/** The hash core's kernel compiled for this machine with 128-bit vectors, in a process of its own. */

import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { listLowNonces } from './candidates.mjs'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { findFirstError } from './compiler-output.mjs'

const MANIFEST = fileURLToPath(new URL('./native/Cargo.toml', import.meta.url))
const TARGET = fileURLToPath(new URL('../../../wasm/target/native', import.meta.url))
const PROGRAM = `${TARGET}/release/quarry-hash-native`
/** Vector instructions in the encoding that JavaScript engines use, too; no wider registers, no SHA ones. */
const RUST_FLAGS = '-C target-cpu=x86-64-v3'
const VERIFIED_NONCES = 2_048

/** Builds the program. @returns {string | undefined} Why there is none. */
function build() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'only for x86-64 on Linux'
  const args = ['build', '--release', '--locked', '--offline', '--quiet']
  const { status, error, stderr } = spawnSync(
    'cargo',
    [...args, '--manifest-path', MANIFEST, '--target-dir', TARGET],
    { env: { ...process.env, RUSTFLAGS: RUST_FLAGS }, encoding: 'utf8' },
  )
  if (error !== undefined) return 'there is no Rust compiler on this machine'
  return status === 0 ? undefined : `it does not compile: ${findFirstError(stderr)}`
}

/**
 * Starts the native kernel, once it has found what `@noble/hashes` finds.
 *
 * @returns {Promise<{ measure(milliseconds: number): Promise<number>, stop(): void } | string>} Or why not.
 */
export async function startNative() {
  const problem = build()
  if (problem !== undefined) return problem
  const child = spawn(PROGRAM, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  /** @param {string} line */
  const ask = async (line) => {
    child.stdin.write(`${line}\n`)
    const { value, done } = await lines.next()
    if (done === true) throw new Error('the native kernel has ended')
    return value
  }
  const found = await ask(`find ${VERIFIED_NONCES}`)
  if (found !== listLowNonces(VERIFIED_NONCES).join()) {
    child.kill()
    throw new Error('the native kernel does not find what @noble/hashes finds')
  }
  return {
    async measure(milliseconds) {
      const [nonces, micros] = (await ask(`run ${milliseconds}`)).split(' ').map(Number)
      return (nonces / micros) * 1e6
    },
    stop: () => child.stdin.end(),
  }
}
