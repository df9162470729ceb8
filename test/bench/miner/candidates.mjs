// @ts-check
/** Who is measured: the hash core's builds, and the usual ways to hash a header. Each is verified first. */

import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { digest } from '@chainsafe/as-sha256'
import { sha256 } from '@noble/hashes/sha2.js'
import { createSHA256 } from 'hash-wasm'
import { WasmHashEngine } from '../../../dist/mining/index.js'

/** @typedef {import('../../../dist/mining/index.js').HashEngine} HashEngine */
/**
 * @typedef {object} Candidate
 * @property {string} name
 * @property {() => number} step - Hashes some headers; returns how many.
 */

const HEADER_SIZE = 80
const NONCE_OFFSET = 76
const NONCE_COUNT = 2 ** 32
const BIP320_MASK = 0x1fff_e000
const ROLLED_VERSIONS = 8
const SCAN_COUNT = 16_384
const BULK_COUNT = 256
const VERIFIED_NONCES = 2_048

export const SIMD = 'wasm-simd, kernel 0'
export const ROLLED = `wasm-simd, ${ROLLED_VERSIONS} versions`
export const SCALAR = 'wasm-scalar'
/** Three compressions a header and none of the shortcuts: what a plain implementation does. */
export const NAIVE = 'wasm-scalar, whole headers'
export const NOBLE = '@noble/hashes twice'
/** The ways through `node:crypto`; the fastest counts. */
export const NODE_CRYPTO = ['crypto.hash twice']
export const HASH_WASM = 'hash-wasm twice'
export const AS_SHA256 = '@chainsafe/as-sha256 twice'

/** No header in particular. The native kernel has the same. */
const HEADER = Uint8Array.from({ length: HEADER_SIZE }, (_, index) => (index * 151 + 7) & 0xff)

/** @param {'simd' | 'scalar'} name */
export function loadModule(name) {
  const path = new URL(`../../../wasm/quarry-hash-${name}.wasm`, import.meta.url)
  return new WebAssembly.Module(readFileSync(path))
}

/**
 * @param {Uint8Array} target
 * @param {number} versionCount
 */
function createJob(target, versionCount) {
  const versionMask = versionCount > 1 ? BIP320_MASK : 0
  return { header: HEADER, shareTarget: target, blockTarget: target, versionMask, versionCount }
}

/**
 * Hashes nonces one after another with an engine, as a worker does: hits are rare.
 *
 * @param {HashEngine} engine
 * @param {number} versionCount
 */
function createScanner(engine, versionCount) {
  const target = new Uint8Array(32).fill(0xff, 0, 30)
  engine.prepare(createJob(target, versionCount))
  let nonce = 0
  return () => {
    nonce = nonce + SCAN_COUNT > NONCE_COUNT ? 0 : nonce
    const { noncesDone } = engine.scan(nonce, SCAN_COUNT)
    nonce += noncesDone
    return noncesDone * versionCount
  }
}

/**
 * Hashes whole headers with an engine: three compressions each, no shortcut.
 *
 * @param {HashEngine} engine
 */
function createBulkHasher(engine) {
  const headers = new Uint8Array(BULK_COUNT * HEADER_SIZE)
  const view = new DataView(headers.buffer)
  let nonce = 0
  for (let index = 0; index < BULK_COUNT; index++) headers.set(HEADER, index * HEADER_SIZE)
  return () => {
    for (let index = 0; index < BULK_COUNT; index++) {
      view.setUint32(index * HEADER_SIZE + NONCE_OFFSET, nonce++, true)
    }
    engine.hashHeaders(headers)
    return BULK_COUNT
  }
}

/**
 * Hashes one header after another with a function.
 *
 * @param {(header: Uint8Array) => Uint8Array} hashTwice
 */
function createSingleHasher(hashTwice) {
  const header = Uint8Array.from(HEADER)
  const view = new DataView(header.buffer)
  let nonce = 0
  let low = 0
  return () => {
    for (let index = 0; index < BULK_COUNT; index++) {
      view.setUint32(NONCE_OFFSET, nonce++, true)
      // As a miner would: nobody may leave out the hashing.
      if (hashTwice(header)[31] === 0) low += 1
    }
    return low < 0 ? 0 : BULK_COUNT
  }
}

/** @param {Uint8Array} bytes */
const hashByNoble = (bytes) => sha256(sha256(bytes))

/**
 * The nonces below a count whose hash has a last byte of at most 3, by `@noble/hashes`.
 *
 * @param {number} count
 */
export function listLowNonces(count) {
  const header = Uint8Array.from(HEADER)
  const view = new DataView(header.buffer)
  const nonces = []
  for (let nonce = 0; nonce < count; nonce++) {
    view.setUint32(NONCE_OFFSET, nonce, true)
    if ((hashByNoble(header)[31] ?? 0xff) <= 0x03) nonces.push(nonce)
  }
  return nonces
}

/**
 * @param {string} name
 * @param {HashEngine} engine
 * @throws If an engine does not find exactly what `@noble/hashes` finds.
 */
function verifyEngine(name, engine) {
  engine.prepare(createJob(new Uint8Array(32).fill(0xff, 0, 31).fill(0x03, 31), 1))
  /** @type {number[]} */
  const found = []
  for (let nonce = 0; nonce < VERIFIED_NONCES; ) {
    const { hits, noncesDone } = engine.scan(nonce, VERIFIED_NONCES - nonce)
    found.push(...hits.map((hit) => hit.nonce))
    nonce += noncesDone
  }
  const wanted = listLowNonces(VERIFIED_NONCES)
  if (wanted.length === 0 || found.join() !== wanted.join()) {
    throw new Error(`${name} does not find what @noble/hashes finds`)
  }
}

/**
 * @param {string} name
 * @param {(header: Uint8Array) => Uint8Array} hashTwice
 * @throws If a function does not hash as `@noble/hashes` does.
 */
function createVerifiedHasher(name, hashTwice) {
  if (hashTwice(HEADER).join() !== hashByNoble(HEADER).join()) {
    throw new Error(`${name} does not hash as @noble/hashes does`)
  }
  return { name, step: createSingleHasher(hashTwice) }
}

/**
 * @param {string} name
 * @param {ReturnType<typeof loadModule>} module
 * @param {number} kernel
 */
function createEngine(name, module, kernel) {
  const engine = new WasmHashEngine(module, { kernel })
  verifyEngine(name, engine)
  return engine
}

/** @returns {Promise<Candidate[]>} The SIMD build's first kernel first. */
export async function createCandidates() {
  const simd = loadModule('simd')
  const scalar = loadModule('scalar')
  const { kernelCount } = new WasmHashEngine(simd)
  const kernels = Array.from({ length: kernelCount }, (_, kernel) => {
    const name = `wasm-simd, kernel ${kernel}`
    return { name, step: createScanner(createEngine(name, simd, kernel), 1) }
  })
  const hasher = await createSHA256()
  /** @param {Uint8Array} bytes */
  const hashByHashWasm = (bytes) => hasher.init().update(bytes).digest('binary')
  return [
    ...kernels,
    { name: ROLLED, step: createScanner(createEngine(ROLLED, simd, 0), ROLLED_VERSIONS) },
    { name: SCALAR, step: createScanner(createEngine(SCALAR, scalar, 0), 1) },
    { name: NAIVE, step: createBulkHasher(createEngine(NAIVE, scalar, 0)) },
    createVerifiedHasher(NOBLE, hashByNoble),
    createVerifiedHasher('crypto.hash twice', (bytes) =>
      hash('sha256', hash('sha256', bytes, 'buffer'), 'buffer'),
    ),
    createVerifiedHasher(HASH_WASM, (bytes) => hashByHashWasm(hashByHashWasm(bytes))),
    createVerifiedHasher(AS_SHA256, (bytes) => digest(digest(bytes))),
  ]
}
