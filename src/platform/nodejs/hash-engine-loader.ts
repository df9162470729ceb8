/** @module Loads the compiled hash core, the fastest build that this Node.js can run. */

import { readFile } from 'node:fs/promises'
import {
  createFastestEngine,
  type HashEngine,
  ReferenceHashEngine,
  WasmHashEngine,
} from '../../mining/index.ts'
import { systemClock } from '../system.ts'
import { packagePath } from './package-root.ts'

/** A compiled hash core. Crosses to worker threads as it is. */
export type HashModule = WebAssembly.Module

const SIMD_PATH = 'wasm/quarry-hash-simd.wasm'
const SCALAR_PATH = 'wasm/quarry-hash-scalar.wasm'

async function compile(path: string): Promise<HashModule | undefined> {
  const bytes = await readFile(packagePath(path))
  return WebAssembly.validate(bytes) ? WebAssembly.compile(bytes) : undefined
}

/** Compiles both builds; undefined is what this Node.js cannot run. */
export async function loadHashModules(): Promise<{
  readonly simd: HashModule | undefined
  readonly scalar: HashModule | undefined
}> {
  return { simd: await compile(SIMD_PATH), scalar: await compile(SCALAR_PATH) }
}

/** Compiles the SIMD build, or the scalar one where SIMD is missing; undefined where neither runs. */
export async function loadHashModule(): Promise<HashModule | undefined> {
  return (await compile(SIMD_PATH)) ?? (await compile(SCALAR_PATH))
}

/** An engine on a compiled core, or the slow reference without one. */
export function createHashEngine(module: HashModule | undefined): HashEngine {
  return module === undefined ? new ReferenceHashEngine() : new WasmHashEngine(module)
}

/** As {@link createHashEngine}, on the kernel that is the fastest here: worth some 30 ms for long work. */
export function createWorkerEngine(module: HashModule | undefined): HashEngine {
  return module === undefined ? new ReferenceHashEngine() : createFastestEngine(module, systemClock)
}
