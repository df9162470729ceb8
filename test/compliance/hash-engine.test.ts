import { createHash, randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import {
  type HashEngine,
  ReferenceHashEngine,
  type ScanJob,
  WasmHashEngine,
} from '../../src/mining/index.ts'

const NONCE_COUNT = 2 ** 32
const MAX_HITS = 64
const NO_ROLLING = { versionMask: 0, versionCount: 1 }
const BIP320_MASK = 0x1fff_e000

function read(build: string): Buffer {
  return readFileSync(new URL(`../../wasm/quarry-hash-${build}.wasm`, import.meta.url))
}

function load(build: string): WebAssembly.Module {
  return new WebAssembly.Module(read(build))
}

const simd = load('simd')
const ENGINES: { readonly name: string; readonly create: () => HashEngine }[] = [
  { name: 'wasm-simd, vector kernel', create: () => new WasmHashEngine(simd, { kernel: 0 }) },
  { name: 'wasm-simd, scalar kernel', create: () => new WasmHashEngine(simd, { kernel: 1 }) },
  { name: 'wasm-scalar', create: () => new WasmHashEngine(load('scalar')) },
  { name: 'reference', create: () => new ReferenceHashEngine() },
]

/** A target with the given top byte and ones below. */
function target(top: number): Uint8Array {
  return new Uint8Array(32).fill(0xff, 0, 31).fill(top, 31)
}

const EASY = { shareTarget: target(0x3f), blockTarget: target(0), ...NO_ROLLING }

/** Double SHA-256 by Node.js, which is neither ours nor the reference engine's. */
function hashByNode(header: Uint8Array): Buffer {
  const once = createHash('sha256').update(header).digest()
  return createHash('sha256').update(once).digest()
}

/** A version whose bits of the mask count up, written as differently from the engines as can be. */
function expectedVersion(version: number, mask: number, index: number): number {
  const free = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (mask >>> bit) % 2 === 1)
  const flips = free.filter((_, place) => Math.floor(index / 2 ** place) % 2 === 1)
  return Number(
    BigInt.asIntN(32, BigInt(version) ^ flips.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)),
  )
}

function isAtMost(hash: Uint8Array, limit: Uint8Array): boolean {
  return Buffer.compare(Buffer.from(hash).reverse(), Buffer.from(limit).reverse()) <= 0
}

/** Every hit of a range, by trying all of it. */
function expectHits(job: ScanJob, start: number, count: number) {
  const header = Uint8Array.from(job.header)
  const view = new DataView(header.buffer)
  const own = view.getInt32(0, true)
  const hits: { nonce: number; version: number; hash: string; flags: string }[] = []
  for (let nonce = start; nonce < start + count; nonce++) {
    view.setUint32(76, nonce, true)
    for (let index = 0; index < job.versionCount; index++) {
      const version = expectedVersion(own, job.versionMask, index)
      view.setInt32(0, version, true)
      const hash = hashByNode(header)
      const flags = [isAtMost(hash, job.shareTarget), isAtMost(hash, job.blockTarget)]
      if (flags.includes(true)) {
        hits.push({ nonce, version, hash: hash.toString('hex'), flags: flags.join() })
      }
    }
  }
  return hits
}

/** Scans a range to its end, going on wherever the engine had no more room. */
function scanAll(engine: HashEngine, start: number, count: number) {
  const hits: { nonce: number; version: number; hash: string; flags: string }[] = []
  let done = 0
  while (done < count) {
    const result = engine.scan(start + done, count - done)
    expect(result.noncesDone).toBeGreaterThan(0)
    expect(result.hits.length).toBeLessThanOrEqual(MAX_HITS)
    for (const { nonce, version, hash, meetsShare, meetsBlock } of result.hits) {
      hits.push({
        nonce,
        version,
        hash: Buffer.from(hash).toString('hex'),
        flags: [meetsShare, meetsBlock].join(),
      })
    }
    done += result.noncesDone
  }
  return hits
}

describe.each(ENGINES)('$name', ({ create }) => {
  it.each([
    { what: 'nothing is low enough', share: target(0), block: target(0), count: 200 },
    { what: 'few are', share: target(0x01), block: target(0x00), count: 601 },
    { what: 'many are', share: target(0x7f), block: target(0x1f), count: 301 },
    { what: 'all are', share: target(0xff), block: target(0x7f), count: 199 },
    { what: 'blocks are easier than shares', share: target(0x01), block: target(0x0f), count: 203 },
  ])('finds what is there, where $what', ({ share, block, count }) => {
    const engine = create()
    const job = { header: randomBytes(80), shareTarget: share, blockTarget: block, ...NO_ROLLING }
    engine.prepare(job)
    const start = randomInt(2 ** 31)
    expect(scanAll(engine, start, count)).toEqual(expectHits(job, start, count))
  })

  it('finds a hit at every position and with every length of the last step', () => {
    const engine = create()
    const job = { ...EASY, header: randomBytes(80) }
    engine.prepare(job)
    for (let start = 100; start < 108; start++) {
      for (let count = 1; count <= 9; count++) {
        expect(scanAll(engine, start, count)).toEqual(expectHits(job, start, count))
      }
    }
  })

  it('treats a hash that equals the target as a hit, and one above as none', () => {
    const engine = create()
    const header = randomBytes(80)
    new DataView(header.buffer, header.byteOffset).setUint32(76, 77, true)
    const hash = hashByNode(header)
    const exact = { header, shareTarget: hash, blockTarget: target(0), ...NO_ROLLING }
    engine.prepare(exact)
    expect(engine.scan(77, 1).hits).toHaveLength(1)
    const below = Uint8Array.from(hash)
    const lowest = below.findIndex((byte) => byte > 0)
    below[lowest] = (below[lowest] ?? 0) - 1
    engine.prepare({ ...exact, shareTarget: below })
    expect(engine.scan(77, 1).hits).toHaveLength(0)
  })

  it('ends with the last nonce there is', () => {
    const engine = create()
    const job = { ...EASY, header: randomBytes(80) }
    engine.prepare(job)
    const start = NONCE_COUNT - 103
    expect(scanAll(engine, start, 103)).toEqual(expectHits(job, start, 103))
  })

  it.each([
    [NONCE_COUNT - 103, 104],
    [NONCE_COUNT, 0],
    [0, 2 ** 31 + 1],
    [-1, 1],
    [0, -1],
    [0.5, 1],
    [0, Number.NaN],
  ])('refuses the range from %d of %d', (start, count) => {
    const engine = create()
    engine.prepare({ ...EASY, header: randomBytes(80) })
    expect(() => engine.scan(start, count)).toThrow('invalid-range')
    expect(engine.scan(start < 0 ? 0 : 5, 0)).toEqual({ noncesDone: 0, hits: [] })
  })

  it.each([
    { versionMask: BIP320_MASK, versionCount: 8 },
    { versionMask: BIP320_MASK, versionCount: 13 },
    { versionMask: 0x8000_0001, versionCount: 4 },
    { versionMask: 0x0010_4210, versionCount: 16 },
    { versionMask: 0x8000_0000, versionCount: 2 },
  ])('rolls $versionCount versions inside $versionMask, in order', (versions) => {
    const engine = create()
    const targets = { shareTarget: target(0x0f), blockTarget: target(0x01) }
    const job = { header: randomBytes(80), ...targets, ...versions }
    engine.prepare(job)
    expect(scanAll(engine, 5, 101)).toEqual(expectHits(job, 5, 101))
  })

  it('stops before the first nonce whose hits do not fit', () => {
    const engine = create()
    const all = { header: randomBytes(80), shareTarget: target(0xff), blockTarget: target(0) }
    engine.prepare({ ...all, ...NO_ROLLING })
    expect(engine.scan(0, 1_000).noncesDone).toBe(MAX_HITS)
    engine.prepare({ ...all, versionMask: BIP320_MASK, versionCount: 5 })
    const { noncesDone, hits } = engine.scan(0, 1_000)
    expect([noncesDone, hits.length]).toEqual([12, 60])
  })

  it('finds Bitcoin’s genesis block', () => {
    const engine = create()
    const header = Buffer.from(
      `01000000${'00'.repeat(32)}3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d00000000`,
      'hex',
    )
    const limit = new Uint8Array(32).fill(0xff, 26, 28)
    engine.prepare({ header, shareTarget: limit, blockTarget: limit, ...NO_ROLLING })
    const { hits } = engine.scan(2_083_236_893 - 500, 1_000)
    expect(hits.map(({ nonce }) => nonce)).toEqual([2_083_236_893])
  })

  it('hashes headers in bulk', () => {
    const headers = randomBytes(80 * 517)
    const hashes = create().hashHeaders(headers)
    for (let i = 0; i < 517; i++) {
      const wanted = sha256(sha256(headers.subarray(i * 80, i * 80 + 80)))
      expect(Buffer.from(hashes.subarray(i * 32, i * 32 + 32)).equals(wanted)).toBe(true)
    }
    expect(() => create().hashHeaders(new Uint8Array(79))).toThrow('invalid-headers')
  })

  it.each([0, 1, 3, 4, 255, 256, 517])('hashes %i pairs of hashes', (count) => {
    const pairs = randomBytes(64 * count)
    const engine = create()
    engine.prepare({ ...EASY, header: randomBytes(80) })
    const hashes = engine.hashPairs(pairs)
    expect(hashes.length).toBe(32 * count)
    for (let i = 0; i < count; i++) {
      const wanted = hashByNode(pairs.subarray(i * 64, i * 64 + 64))
      expect(wanted.equals(hashes.subarray(i * 32, i * 32 + 32))).toBe(true)
    }
    expect(() => create().hashPairs(new Uint8Array(96))).toThrow('invalid-pairs')
  })

  it.each<{ what: string; change: Partial<ScanJob> }>([
    { what: 'a short header', change: { header: new Uint8Array(79) } },
    { what: 'a long target', change: { shareTarget: new Uint8Array(33) } },
    { what: 'no version', change: { versionCount: 0 } },
    { what: 'too many versions', change: { versionMask: BIP320_MASK, versionCount: 17 } },
    { what: 'versions without a mask', change: { versionCount: 2 } },
  ])('refuses $what', ({ change }) => {
    const job = { header: new Uint8Array(80), shareTarget: target(1), blockTarget: target(1) }
    expect(() => create().prepare({ ...job, ...NO_ROLLING, ...change })).toThrow('invalid-job')
  })

  it('forgets nothing between jobs, and keeps nothing of the last one', () => {
    const engine = create()
    const first = { ...EASY, header: randomBytes(80), versionMask: BIP320_MASK, versionCount: 16 }
    const second = { ...EASY, header: randomBytes(80) }
    const headers = randomBytes(160)
    for (const job of [first, second, first]) {
      engine.prepare(job)
      engine.hashHeaders(headers)
      engine.hashPairs(randomBytes(128))
      expect(scanAll(engine, 77, 40)).toEqual(expectHits(job, 77, 40))
    }
  })

  it('copies the job', () => {
    const engine = create()
    const job = { ...EASY, header: randomBytes(80) }
    const kept = { ...job, header: Buffer.from(job.header) }
    engine.prepare(job)
    job.header.fill(0)
    expect(scanAll(engine, 1_000, 50)).toEqual(expectHits(kept, 1_000, 50))
  })

  it('refuses to scan before it has a job', () => {
    expect(() => create().scan(0, 1)).toThrow('not-prepared')
  })
})

describe('the compiled core', () => {
  /** The constants of rounds 30 and 31, as a module carries them. */
  const ROUND_CONSTANTS = Buffer.from('5163ca0667292914', 'hex')

  it.each(['simd', 'scalar'])('does not work with a wrong constant: %s', (build) => {
    const bytes = read(build)
    const at = bytes.indexOf(ROUND_CONSTANTS)
    expect(at).toBeGreaterThan(0)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    expect(() => new WasmHashEngine(new WebAssembly.Module(bytes))).toThrow('unusable')
  })

  it('must be ours', () => {
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    expect(() => new WasmHashEngine(new WebAssembly.Module(empty))).toThrow('unusable')
  })

  it('has as many kernels as it says', () => {
    const { kernelCount } = new WasmHashEngine(simd)
    expect(kernelCount).toBe(ENGINES.filter(({ name }) => name.startsWith('wasm-simd')).length)
    expect(() => new WasmHashEngine(simd, { kernel: kernelCount })).toThrow('unusable')
  })

  it.each(['simd', 'scalar'])('weighs little: %s', (build) => {
    expect(read(build).length).toBeLessThan(50_000)
  })
})
