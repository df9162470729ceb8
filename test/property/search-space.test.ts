import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  JobManager,
  MINER_EXTRA_NONCE,
  payAllTo,
  SearchCursor,
  TemplateJob,
  type WorkUnit,
} from '../../src/mining/index.ts'
import { createTemplate } from '../support/templates.ts'

const NONCE_COUNT = 2 ** 32

/** The node's part of the extra nonce, as a node computes it from its peer id. */
function nodeExtraNonce(peer: number): Uint8Array {
  return sha256(Uint8Array.of(peer)).slice(0, MINER_EXTRA_NONCE.nodeSize)
}

/** The first headers of a unit, all versions of each, nonces left out. */
function listHeaders(unit: WorkUnit, count: number): string[] {
  const cursor = new SearchCursor(unit)
  const headers: string[] = []
  while (headers.length < count && !cursor.isAtEnd) {
    const { header, versionMask, versionCount } = cursor.createJob()
    const view = new DataView(Uint8Array.from(header).buffer)
    const rest = Buffer.from(header.subarray(4, 76)).toString('hex')
    for (let index = 0; index < versionCount; index++) {
      headers.push(`${(view.getInt32(0, true) ^ spread(index, versionMask)) >>> 0} ${rest}`)
    }
    cursor.advance(NONCE_COUNT)
  }
  return headers
}

/** The index's bits, lowest first, at the places of the mask's, lowest first. */
function spread(index: number, mask: number): number {
  const places = Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (mask >>> bit) & 1)
  return places.reduce((sum, bit, at) => ((index >>> at) & 1 ? sum | (1 << bit) : sum), 0)
}

it('no two nodes with one payout script, no two workers and no two refreshes share a header', () => {
  const steps = fc.array(
    fc.record({
      node: fc.integer({ min: 0, max: 3 }),
      worker: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(255)),
      isGivenBack: fc.boolean(),
    }),
    { minLength: 2, maxLength: 12 },
  )
  fc.assert(
    fc.property(steps, fc.boolean(), fc.integer({ min: 0, max: 2 }), (list, isRolled, seconds) => {
      // One template for all: same tip, same time, same transactions, same payee.
      const template = createTemplate()
      const nodes = [0, 1, 2, 3].map((peer) => {
        const jobs = new JobManager(nodeExtraNonce(peer))
        const options = {
          payouts: () => payAllTo(Uint8Array.of(0x51)),
          tag: '/t/',
          isVersionRolled: isRolled,
        }
        jobs.add(new TemplateJob(template, options, () => undefined))
        return jobs
      })
      const units = new Map<string, WorkUnit>()
      for (const { node, worker, isGivenBack } of list) {
        const lease = nodes[node]?.lease(worker)
        if (lease === undefined) throw new RangeError('a template never runs out')
        units.set(`${node}:${lease.unit.id}`, lease.unit)
        if (isGivenBack) nodes[node]?.giveBack(lease)
      }
      const seen = new Set<string>()
      let total = 0
      for (const unit of units.values()) {
        const wider = { ...unit, timeMax: unit.timeMin + seconds }
        for (const header of listHeaders(wider, isRolled ? 64 : 8)) {
          seen.add(header)
          total += 1
        }
      }
      expect(total).toBeGreaterThanOrEqual(units.size * 8)
      expect(seen.size).toBe(total)
    }),
    { numRuns: 60 },
  )
})

it('a unit that can be gone through is gone through: every version, time and extra nonce, once', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      (bitCount, seconds, version) => {
        const mask = [13, 14, 17, 20, 28]
          .slice(0, bitCount)
          .reduce((sum, bit) => sum | (1 << bit), 0)
        const jobs = new JobManager(nodeExtraNonce(0))
        const options = {
          payouts: () => payAllTo(Uint8Array.of(0x51)),
          tag: '',
          isVersionRolled: false,
        }
        jobs.add(new TemplateJob(createTemplate({ version }), options, () => undefined))
        const lease = jobs.lease(0)
        if (lease === undefined) throw new RangeError('a template never runs out')
        const unit = {
          ...lease.unit,
          versionMask: mask,
          timeMax: lease.unit.timeMin + seconds,
          extraNonce2Size: 0,
        }
        const headers = listHeaders(unit, 10_000)
        expect(new Set(headers).size).toBe(2 ** bitCount * (seconds + 1))
        expect(headers).toHaveLength(2 ** bitCount * (seconds + 1))
      },
    ),
    { numRuns: 60 },
  )
})
