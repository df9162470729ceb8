/** @module Chooses what verifies signatures: libsecp256k1 compiled for the machine, in WebAssembly, or `@noble/curves`. */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { nobleSignatureEngine, type SignatureEngine } from '../../script/index.ts'
import { type Logger, toErrorMessage } from '../../util/index.ts'
import { createWasmSignatureEngine } from '../wasm-signature-engine.ts'
import { createNativeSignatureEngine } from './native-signature-engine.ts'

/**
 * What a thread makes its engine from: the addon that each loads by itself, a compiled module, or undefined for
 * `@noble/curves`. Crosses to worker threads as it is, so that the module is compiled once.
 */
export type SignatureSource = 'native' | WebAssembly.Module | undefined

/** The engines that there may be, the fastest first. */
export type FastSignatureEngine = 'native' | 'wasm'

/** What a user may choose: the fastest that works, or one of them. */
export type SignatureEngineChoice = 'auto' | FastSignatureEngine | 'noble'

/** The engines to try for a choice. */
export function chooseSignatureEngines(
  choice: SignatureEngineChoice,
): readonly FastSignatureEngine[] {
  if (choice === 'auto') return ['native', 'wasm']
  return choice === 'noble' ? [] : [choice]
}

/** Finds the compiled library beside the package's entry point for `require`, which is `lib/cjs/index.cjs`. */
function findLibrary(): string {
  const entry = createRequire(import.meta.url).resolve('tiny-secp256k1')
  return join(dirname(entry), '..', 'secp256k1.wasm')
}

async function loadModule(log: Logger): Promise<WebAssembly.Module | undefined> {
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

/**
 * Finds the fastest engine that works here. The addon exists for some platforms only, so nothing is said where it is
 * missing; a warning says that WebAssembly does not run either.
 *
 * @param engines - Those to try, in this order.
 */
export async function loadSignatureSource(
  log: Logger,
  engines: readonly FastSignatureEngine[] = ['native', 'wasm'],
): Promise<SignatureSource> {
  for (const name of engines) {
    const source =
      name === 'wasm' ? await loadModule(log) : createNativeSignatureEngine() && ('native' as const)
    if (source === undefined) continue
    log.debug('signature engine chosen', { engine: name })
    return source
  }
  return undefined
}

/** An engine from a source that was found to work. Each thread makes its own. */
export function createSignatureEngine(source: SignatureSource): SignatureEngine {
  if (source === undefined) return nobleSignatureEngine
  if (source !== 'native') return createWasmSignatureEngine(source)
  return createNativeSignatureEngine() ?? nobleSignatureEngine
}
