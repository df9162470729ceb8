/** @module The compiled Rust core as an engine. */

import { HASH_SIZE, HEADER_SIZE } from '../primitives/index.ts'
import {
  assertNonceRange,
  assertScanJob,
  countHeaders,
  countPairs,
  type HashEngine,
  HashEngineError,
  MAX_SCAN_HITS,
  type ScanHit,
  type ScanJob,
  type ScanResult,
} from './hash-engine.ts'
import type {} from './webassembly-types.ts'

/** What the module exports. */
interface CoreExports {
  readonly memory: WebAssembly.Memory
  abi_version(): number
  ctx(): number
  ctx_size(): number
  kernel_count(): number
  select_kernel(id: number): number
  self_test(): number
  prepare(): number
  scan(nonceStart: number, count: number): number
  hash_headers(count: number): number
  hash_pairs(count: number): number
}

const ABI_VERSION = 2
/** Offsets within the context; `wasm/src/lib.rs` has the same in `Context`. */
const OFFSET = {
  header: 0,
  versionMask: 80,
  versionCount: 84,
  maxHits: 88,
  shareTarget: 96,
  blockTarget: 128,
  hitCount: 160,
  hits: 192,
  headers: 3_264,
  hashes: 23_744,
  end: 31_936,
} as const
/** Offsets within a hit. */
const HIT = { nonce: 0, version: 4, flags: 8, hash: 16, size: 48 } as const
const MEETS_SHARE = 1
const MEETS_BLOCK = 2
/** Headers that one call of `hash_headers` takes. */
const MAX_HEADERS = 256
const PAIR_SIZE = 2 * HASH_SIZE
/** Pairs that one call of `hash_pairs` takes. They stand where headers do. */
const MAX_PAIRS = 256

/** How to use the module. */
export interface WasmHashEngineOptions {
  /** Which of its kernels to use, 0 by default: the fastest wherever it was measured. */
  readonly kernel?: number
}

/**
 * Starts the module, for itself alone.
 *
 * @throws {@link HashEngineError} `unusable` if it is not our core.
 */
function instantiate(module: WebAssembly.Module): CoreExports {
  // What the module exports is checked by its version before anything else is called.
  const core = new WebAssembly.Instance(module).exports as unknown as CoreExports
  if (core.abi_version?.() !== ABI_VERSION || core.ctx_size() !== OFFSET.end) {
    throw new HashEngineError('unusable', 'the module is not the hash core of this version')
  }
  return core
}

/**
 * How many kernels the module has.
 *
 * @throws {@link HashEngineError} `unusable` if it is not our core.
 */
export function countKernels(module: WebAssembly.Module): number {
  return instantiate(module).kernel_count()
}

/** Searches with the core that `wasm/` compiles. Each engine has an instance, and so memory, of its own. */
export class WasmHashEngine implements HashEngine {
  readonly name: string
  /** How many kernels the module has. */
  readonly kernelCount: number
  readonly #core: CoreExports
  readonly #base: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #isPrepared = false

  /**
   * @throws {@link HashEngineError} `unusable` if the module is not our core or fails its self-test.
   */
  constructor(module: WebAssembly.Module, options: WasmHashEngineOptions = {}) {
    this.#core = instantiate(module)
    this.kernelCount = this.#core.kernel_count()
    const kernel = options.kernel ?? 0
    if (this.#core.select_kernel(kernel) !== 0) {
      throw new HashEngineError('unusable', `the module has no kernel ${kernel}`)
    }
    this.name = this.kernelCount > 1 && kernel === 0 ? 'wasm-simd' : 'wasm-scalar'
    // The core never grows its memory, so these stay valid.
    const { buffer } = this.#core.memory
    this.#base = this.#core.ctx()
    this.#bytes = new Uint8Array(buffer)
    this.#view = new DataView(buffer)
    const fault = this.#core.self_test()
    if (fault !== 0) throw new HashEngineError('unusable', `the core fails its self-test: ${fault}`)
  }

  prepare(job: ScanJob): void {
    assertScanJob(job)
    this.#bytes.set(job.header, this.#base + OFFSET.header)
    this.#bytes.set(job.shareTarget, this.#base + OFFSET.shareTarget)
    this.#bytes.set(job.blockTarget, this.#base + OFFSET.blockTarget)
    this.#view.setUint32(this.#base + OFFSET.versionMask, job.versionMask, true)
    this.#view.setUint32(this.#base + OFFSET.versionCount, job.versionCount, true)
    this.#view.setUint32(this.#base + OFFSET.maxHits, MAX_SCAN_HITS, true)
    const refusal = this.#core.prepare()
    if (refusal !== 0) throw new HashEngineError('invalid-job', `the core refused it: ${refusal}`)
    this.#isPrepared = true
  }

  scan(nonceStart: number, count: number): ScanResult {
    if (!this.#isPrepared) throw new HashEngineError('not-prepared', 'no job was given')
    assertNonceRange(nonceStart, count)
    const noncesDone = this.#core.scan(nonceStart, count) >>> 0
    const hitCount = this.#view.getUint32(this.#base + OFFSET.hitCount, true)
    if (hitCount === 0) return { noncesDone, hits: [] }
    return { noncesDone, hits: Array.from({ length: hitCount }, (_, i) => this.#readHit(i)) }
  }

  hashHeaders(headers: Uint8Array): Uint8Array {
    countHeaders(headers)
    return this.#hashAll(headers, HEADER_SIZE, MAX_HEADERS, this.#core.hash_headers)
  }

  hashPairs(pairs: Uint8Array): Uint8Array {
    countPairs(pairs)
    return this.#hashAll(pairs, PAIR_SIZE, MAX_PAIRS, this.#core.hash_pairs)
  }

  /** Hashes items of one size, as many at a time as a call takes. */
  #hashAll(
    items: Uint8Array,
    itemSize: number,
    maxItems: number,
    hash: (count: number) => number,
  ): Uint8Array {
    const count = items.length / itemSize
    const hashes = new Uint8Array(count * HASH_SIZE)
    const input = this.#base + OFFSET.headers
    const output = this.#base + OFFSET.hashes
    for (let start = 0; start < count; start += maxItems) {
      const batch = Math.min(maxItems, count - start)
      this.#bytes.set(items.subarray(start * itemSize, (start + batch) * itemSize), input)
      hash(batch)
      hashes.set(this.#bytes.subarray(output, output + batch * HASH_SIZE), start * HASH_SIZE)
    }
    return hashes
  }

  #readHit(index: number): ScanHit {
    const at = this.#base + OFFSET.hits + index * HIT.size
    const flags = this.#view.getUint32(at + HIT.flags, true)
    return {
      nonce: this.#view.getUint32(at + HIT.nonce, true),
      version: this.#view.getInt32(at + HIT.version, true),
      hash: this.#bytes.slice(at + HIT.hash, at + HIT.hash + HASH_SIZE),
      meetsShare: (flags & MEETS_SHARE) !== 0,
      meetsBlock: (flags & MEETS_BLOCK) !== 0,
    }
  }
}
