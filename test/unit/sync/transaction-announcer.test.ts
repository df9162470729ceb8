import { describe, expect, it } from 'vitest'
import { MAX_INV_ITEMS } from '../../../src/sync/index.ts'
import {
  MAX_QUEUED_ANNOUNCEMENTS,
  TransactionAnnouncer,
} from '../../../src/sync/transaction-announcer.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLog } from '../../support/fixed-clock.ts'

const SECOND_MS = 1_000

function createAnnouncer() {
  const clock = new FakeClock(0)
  const sizes: number[] = []
  const warnings: string[] = []
  const announcer = new TransactionAnnouncer({
    clock,
    log: { ...silentLog, warn: (message) => warnings.push(message) },
    signal: new AbortController().signal,
    network: {
      publishAnnouncements: async (items: readonly unknown[]) => {
        sizes.push(items.length)
      },
    },
  })
  const announce = (count: number): void => {
    for (let index = 0; index < count; index++) {
      announcer.announce(index.toString(16).padStart(64, '0'))
    }
  }
  return { announcer, announce, clock, sizes, warnings }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

describe('TransactionAnnouncer', () => {
  it('announces all of a flood, a full INV at a time', async () => {
    const { announce, clock, sizes, warnings } = createAnnouncer()
    announce(50 * MAX_INV_ITEMS + 1)
    await clock.advance(SECOND_MS)
    expect(sizes.length).toBeGreaterThan(1)
    expect(sizes.length).toBeLessThanOrEqual(10)
    await clock.advance(10 * SECOND_MS)
    expect(sizes).toEqual([...Array.from({ length: 50 }, () => MAX_INV_ITEMS), 1])
    expect(warnings).toEqual([])
  })

  it('says that there are more than may wait, and announces those that do', async () => {
    const { announcer, announce, clock, sizes, warnings } = createAnnouncer()
    announce(MAX_QUEUED_ANNOUNCEMENTS + 100)
    expect(warnings).toHaveLength(1)
    await clock.advance(30 * SECOND_MS)
    expect(sum(sizes)).toBe(MAX_QUEUED_ANNOUNCEMENTS)
    announce(1)
    await clock.advance(SECOND_MS)
    expect(sum(sizes)).toBe(MAX_QUEUED_ANNOUNCEMENTS + 1)
    announcer.stop()
  })
})
