/** @module Loads the compiled libsecp256k1, and says what verifies signatures where that does not run. */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { nobleSignatureEngine, type SignatureEngine } from '../../script/index.ts'
import { type Logger, toErrorMessage } from '../../util/index.ts'
import { createWasmSignatureEngine } from '../wasm-signature-engine.ts'

/** A compiled libsecp256k1. Crosses to worker threads as it is, so that it is compiled once. */
export type SignatureModule = WebAssembly.Module

/** Finds the compiled library beside the package's entry point for `require`, which is `lib/cjs/index.cjs`. */
function findLibrary(): string {
  const entry = createRequire(import.meta.url).resolve('tiny-secp256k1')
  return join(dirname(entry), '..', 'secp256k1.wasm')
}

/** Compiles the library; undefined, with a warning, where it is missing or does not run. */
export async function loadSignatureModule(log: Logger): Promise<SignatureModule | undefined> {
  try {
    const module = await WebAssembly.compile(await readFile(findLibrary()))
    createWasmSignatureEngine(module)
    return module
  } catch (error) {
    log.warn('signatures are verified slowly: libsecp256k1 does not run here', {
      reason: toErrorMessage(error),
    })
    return undefined
  }
}

/** An engine on the compiled library, or the slow one without it. Each thread makes its own. */
export function createSignatureEngine(module: SignatureModule | undefined): SignatureEngine {
  return module === undefined ? nobleSignatureEngine : createWasmSignatureEngine(module)
}
