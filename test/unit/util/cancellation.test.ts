import { describe, expect, it } from 'vitest'
import { Cancellation, sleep } from '../../../src/util/index.ts'
import { FakeClock } from '../../support/fake-clock.ts'

describe('Cancellation', () => {
  it('tells every listener once, and none that has left', () => {
    const cancellation = new Cancellation()
    const told: string[] = []
    const gone = () => told.push('gone')
    cancellation.addEventListener('abort', () => told.push('first'))
    cancellation.addEventListener('abort', gone)
    cancellation.addEventListener('abort', () => told.push('second'))
    cancellation.removeEventListener('abort', gone)
    expect(cancellation.aborted).toBe(false)
    cancellation.abort('enough')
    cancellation.abort('again')
    expect(told).toEqual(['first', 'second'])
    expect([cancellation.aborted, cancellation.reason]).toEqual([true, 'enough'])
  })

  it('ends a sleep with its reason', async () => {
    const cancellation = new Cancellation()
    const sleeping = sleep(new FakeClock(), 1_000, cancellation)
    const reason = new RangeError('over')
    cancellation.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
    await expect(sleep(new FakeClock(), 1_000, cancellation)).rejects.toBe(reason)
  })
})
