import { describe, expect, it } from 'vitest'
import {
  type Job,
  JobManager,
  payAllTo,
  TemplateJob,
  type WorkUnit,
} from '../../../src/mining/index.ts'
import { createTemplate } from '../../support/templates.ts'

const OPTIONS = { payouts: () => payAllTo(Uint8Array.of(0x51)), tag: '/t/', isVersionRolled: false }

function createJob(priority: number, unitCount: number): Job {
  const template = new TemplateJob(createTemplate(), OPTIONS, () => undefined)
  let left = unitCount
  return {
    priority,
    createUnit: (id, extraNonce1): WorkUnit | undefined =>
      left-- > 0 ? template.createUnit(id, extraNonce1) : undefined,
    onHit: () => undefined,
  }
}

function createManager(...jobs: Job[]): JobManager {
  const manager = new JobManager(Uint8Array.of(1, 2, 3, 4))
  for (const job of jobs) manager.add(job)
  return manager
}

describe('JobManager', () => {
  it('hands out the most urgent job first, and of equals the older', () => {
    const [low, first, second] = [createJob(1, 9), createJob(5, 1), createJob(5, 1)]
    const manager = createManager(low, first, second)
    expect([0, 1, 2].map((worker) => manager.lease(worker)?.job)).toEqual([first, second, low])
  })

  it('has nothing to hand out once all of it has been', () => {
    const manager = createManager(createJob(1, 1))
    expect(manager.lease(0)).toBeDefined()
    expect(manager.lease(0)).toBeUndefined()
  })

  it('writes node, worker and the number of the unit into the extra nonce', () => {
    const manager = createManager(createJob(1, 3))
    manager.lease(200)
    expect(manager.lease(200)?.unit.extraNonce1).toEqual(Uint8Array.of(1, 2, 3, 4, 200, 0, 0, 1))
    expect(manager.lease(7)?.unit.extraNonce1).toEqual(Uint8Array.of(1, 2, 3, 4, 7, 0, 0, 0))
  })

  it('hands out again what was given back, as it was', () => {
    const manager = createManager(createJob(1, 1))
    const lease = manager.lease(0)
    if (lease === undefined) throw new RangeError('there is work')
    manager.giveBack(lease)
    expect(manager.lease(1)?.unit).toBe(lease.unit)
    expect(manager.lease(1)).toBeUndefined()
  })

  it('hands out nothing of a job that is gone, but knows its last units', () => {
    const job = createJob(1, 9)
    const manager = createManager(job)
    const lease = manager.lease(0)
    if (lease === undefined) throw new RangeError('there is work')
    expect(manager.isOutranked(lease)).toBe(false)
    manager.remove(job)
    manager.giveBack(lease)
    expect(manager.isOutranked(lease)).toBe(true)
    expect(manager.lease(0)).toBeUndefined()
    expect(manager.find(lease.unit.id)).toBe(lease)
  })

  it('knows a bounded number of units of each worker', () => {
    const manager = createManager(createJob(1, 9))
    const ids = Array.from({ length: 6 }, () => manager.lease(0)?.unit.id ?? 0)
    expect(ids.map((id) => manager.find(id) !== undefined)).toEqual([
      false,
      false,
      true,
      true,
      true,
      true,
    ])
  })

  it('lets a more urgent job outrank', () => {
    const manager = createManager(createJob(1, 9))
    const lease = manager.lease(0)
    if (lease === undefined) throw new RangeError('there is work')
    manager.add(createJob(2, 9))
    expect(manager.isOutranked(lease)).toBe(true)
  })
})
