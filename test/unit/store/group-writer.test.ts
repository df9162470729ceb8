import { describe, expect, it } from 'vitest'
import { GroupWriter } from '../../../src/store/group-writer.ts'

describe('GroupWriter', () => {
  it('writes together what comes while a write is under way, in order', async () => {
    const written: (readonly number[])[] = []
    const writer = new GroupWriter<number>(async (items) => {
      await new Promise<void>((resolve) => setImmediate(resolve))
      written.push(items)
    })
    const first = writer.put(1)
    await Promise.resolve()
    await Promise.resolve()
    await Promise.all([first, writer.put(2), writer.put(3)])
    await writer.put(4)
    expect(written.flat()).toEqual([1, 2, 3, 4])
    expect(written.length).toBeLessThan(4)
  })

  it('resolves no sooner than the item is written', async () => {
    const written: number[] = []
    const writer = new GroupWriter<number>(async (items) => {
      await new Promise<void>((resolve) => setImmediate(resolve))
      written.push(...items)
    })
    await Promise.all(
      [1, 2, 3, 4, 5].map(async (item) => {
        await writer.put(item)
        expect(written).toContain(item)
      }),
    )
  })

  it('tells everybody whose item was in a failed write, and goes on with the next', async () => {
    let count = 0
    const writer = new GroupWriter<number>(() => {
      count += 1
      return count === 1 ? Promise.reject(new RangeError('disk full')) : Promise.resolve()
    })
    const outcomes = await Promise.allSettled([writer.put(1), writer.put(2)])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await expect(writer.put(3)).resolves.toBeUndefined()
  })
})
