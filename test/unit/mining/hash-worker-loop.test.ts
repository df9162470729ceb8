import { readFileSync } from 'node:fs'
import { setImmediate as yieldNow } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { hashToNumber, targetToBytes } from '../../../src/consensus/index.ts'
import {
  computeWorkMerkleRoot,
  type HashEngine,
  HashWorkerLoop,
  type HashWorkerReport,
  WasmHashEngine,
  type WorkUnit,
} from '../../../src/mining/index.ts'
import { systemClock } from '../../../src/platform/system.ts'
import { type BlockHash, computeBlockHash, encodeHeader } from '../../../src/primitives/index.ts'
import type { Clock } from '../../../src/util/index.ts'

const module = new WebAssembly.Module(
  readFileSync(new URL('../../../wasm/quarry-hash-simd.wasm', import.meta.url)),
)

function createUnit(id: number, target: bigint, extraNonce1 = 0): WorkUnit {
  return {
    id,
    priority: 1,
    coinbasePrefix: Uint8Array.of(1, 2, 3),
    coinbaseSuffix: Uint8Array.of(4, 5),
    extraNonce1: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, extraNonce1),
    extraNonce2Size: 4,
    merkleBranch: [new Uint8Array(32).fill(7)],
    prevBlockHash: new Uint8Array(32).fill(id) as BlockHash,
    version: 0x2000_0000,
    versionMask: 0,
    bits: 0x207fffff,
    timeMin: 1_700_000_000,
    timeMax: 1_700_000_000,
    shareTarget: targetToBytes(target),
    blockTarget: targetToBytes(target),
  }
}

/** An engine that tells which headers were scanned, and how far. */
function spyOn(engine: HashEngine) {
  const scans: { header: string; start: number; count: number; atMs: number }[] = []
  let header = ''
  const spied: HashEngine = {
    name: engine.name,
    prepare(job) {
      header = Buffer.from(job.header).toString('hex')
      engine.prepare(job)
    },
    scan(start, count) {
      const result = engine.scan(start, count)
      scans.push({ header, start, count: result.noncesDone, atMs: performance.now() })
      return result
    },
    hashHeaders: (headers) => engine.hashHeaders(headers),
    hashPairs: (pairs) => engine.hashPairs(pairs),
  }
  return { spied, scans }
}

function busyMsOf(report: HashWorkerReport): number {
  return report.type === 'progress' ? report.busyMs : 0
}

function startLoop(engine: HashEngine = new WasmHashEngine(module), clock: Clock = systemClock) {
  const reports: HashWorkerReport[] = []
  const { spied, scans } = spyOn(engine)
  const loop = new HashWorkerLoop({
    engine: spied,
    clock,
    yieldToMessages: () => yieldNow(),
    report: (report) => reports.push(report),
  })
  return { loop, reports, scans }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

describe('HashWorkerLoop', () => {
  it('finds a header that really meets the target, and stops there', async () => {
    const { loop, reports } = startLoop()
    const target = 1n << 240n
    const unit = createUnit(3, target)
    loop.handle({ type: 'work', unit })
    const end = Date.now() + 5_000
    while (!reports.some(({ type }) => type === 'solution') && Date.now() < end) await pause(5)
    await pause(50)
    const solutions = reports.flatMap((report) =>
      report.type === 'solution' ? [report.solved] : [],
    )
    expect(solutions).toHaveLength(1)
    const [solved] = solutions
    if (solved === undefined) throw new RangeError('no solution')
    const hash = computeBlockHash({
      version: solved.version,
      prevBlockHash: unit.prevBlockHash,
      merkleRoot: computeWorkMerkleRoot(unit, solved.extraNonce2),
      time: solved.time,
      bits: unit.bits,
      nonce: solved.nonce,
    })
    expect(solved.unitId).toBe(3)
    expect(hashToNumber(hash)).toBeLessThanOrEqual(target)
  })

  it('never hashes the same header twice, and covers nonces without a gap', async () => {
    const { loop, scans } = startLoop()
    loop.handle({ type: 'work', unit: createUnit(1, 0n) })
    await pause(200)
    loop.handle({ type: 'idle' })
    let next = 0
    for (const { start, count } of scans) {
      expect(start).toBe(next)
      next = start + count
    }
    expect(scans.length).toBeGreaterThan(10)
  })

  it('drops stale work at once when new work comes', async () => {
    const { loop, scans } = startLoop()
    loop.handle({ type: 'work', unit: createUnit(1, 0n) })
    await pause(150)
    loop.handle({ type: 'work', unit: createUnit(2, 0n) })
    const changedAtMs = performance.now()
    await pause(100)
    loop.handle({ type: 'idle' })
    const fresh = encodeHeader({
      version: 0x2000_0000,
      prevBlockHash: createUnit(2, 0n).prevBlockHash,
      merkleRoot: computeWorkMerkleRoot(createUnit(2, 0n), new Uint8Array(4)),
      time: 1_700_000_000,
      bits: 0x207fffff,
      nonce: 0,
    })
    const after = scans.filter(({ atMs }) => atMs > changedAtMs)
    // Commands are handled between calls, so not one more call works on the old header.
    expect(new Set(after.map(({ header }) => header))).toEqual(
      new Set([Buffer.from(fresh).toString('hex')]),
    )
  })

  it('goes on to the next extra nonce when the nonces are used up', async () => {
    // An engine that is through all nonces in a few calls.
    const scanned: string[] = []
    let header = ''
    const quick: HashEngine = {
      name: 'quick',
      prepare: (job) => {
        header = Buffer.from(job.header).toString('hex')
        scanned.push(header)
      },
      scan: (start) => ({ noncesDone: 2 ** 32 - start, hits: [] }),
      hashHeaders: (headers) => headers,
      hashPairs: (pairs) => pairs,
    }
    const { loop } = startLoop(quick)
    loop.handle({ type: 'work', unit: createUnit(1, 0n) })
    await pause(50)
    loop.handle({ type: 'idle' })
    expect(scanned.length).toBeGreaterThan(2)
    expect(new Set(scanned).size).toBe(scanned.length)
  })

  it.each([
    ['timers that are punctual', 0],
    ['timers that a busy machine delays', 40],
  ])('keeps to its share of a core with %s', async (_, lateMs) => {
    const busyShare = async (share: number): Promise<number> => {
      // Time passes where the loop hashes and where it pauses, and nowhere else.
      let nowMs = 0
      const clock: Clock = {
        ...systemClock,
        monotonic: () => nowMs,
        schedule: (delayMs, callback) => {
          nowMs += delayMs + lateMs
          setImmediate(callback)
          return { cancel: () => undefined }
        },
      }
      const engine: HashEngine = {
        name: 'slow',
        prepare: () => {},
        scan: (_start, count) => {
          nowMs += 5
          return { noncesDone: count, hits: [] }
        },
        hashHeaders: (headers) => headers,
        hashPairs: (pairs) => pairs,
      }
      const { loop, reports } = startLoop(engine, clock)
      loop.handle({ type: 'throttle', share })
      loop.handle({ type: 'work', unit: createUnit(1, 0n) })
      while (nowMs < 20_000) await yieldNow()
      loop.handle({ type: 'idle' })
      const ended = () => reports.reduce((sum, report) => sum + busyMsOf(report), 0)
      while (ended() < share * 19_000 && nowMs < 30_000) await yieldNow()
      return ended() / nowMs
    }
    expect(await busyShare(0.25)).toBeCloseTo(0.25, 1)
    expect(await busyShare(0.5)).toBeCloseTo(0.5, 1)
    expect(await busyShare(1)).toBe(1)
  })

  it('reports an engine that throws', async () => {
    const broken: HashEngine = {
      name: 'broken',
      prepare: () => undefined,
      scan: () => {
        throw new RangeError('trap')
      },
      hashHeaders: (headers) => headers,
      hashPairs: (pairs) => pairs,
    }
    const { loop, reports } = startLoop(broken)
    loop.handle({ type: 'work', unit: createUnit(1, 0n) })
    await pause(20)
    expect(reports).toContainEqual({ type: 'failed', reason: 'trap' })
  })
})
