import { describe, expect, it } from 'vitest'
import { Budget, TaskGroup } from '../../../src/util/index.ts'

/** A task that ends when it is told to. */
function createTask() {
  let end: () => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  let hasBegun = false
  const done = new Promise<void>((resolve, reject) => {
    end = resolve
    fail = reject
  })
  return {
    run: () => {
      hasBegun = true
      return done
    },
    end: () => end(),
    fail: (error: Error) => fail(error),
    get hasBegun() {
      return hasBegun
    },
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('TaskGroup', () => {
  it('starts what there is room for, and the next when there is more', async () => {
    const group = new TaskGroup(new Budget(10))
    const tasks = [createTask(), createTask(), createTask()] as const
    await group.start(6, tasks[0].run)
    await group.start(4, tasks[1].run)
    const third = group.start(1, tasks[2].run)
    await turn()
    expect(tasks.map(({ hasBegun }) => hasBegun)).toEqual([true, true, false])
    tasks[1].end()
    await third
    expect(tasks[2].hasBegun).toBe(true)
    for (const task of tasks) task.end()
    await group.finish()
  })

  it('lets in what is larger than the whole room, alone', async () => {
    const budget = new Budget(10)
    const group = new TaskGroup(budget)
    const [large, small] = [createTask(), createTask()]
    await group.start(100, large.run)
    const second = group.start(1, small.run)
    await turn()
    expect(small.hasBegun).toBe(false)
    large.end()
    await second
    small.end()
    await group.finish()
  })

  it('keeps the order: a small one does not overtake a large one that waits', async () => {
    const group = new TaskGroup(new Budget(10))
    const [first, large, small] = [createTask(), createTask(), createTask()]
    await group.start(5, first.run)
    const waiting = [group.start(8, large.run), group.start(1, small.run)]
    await turn()
    expect([large.hasBegun, small.hasBegun]).toEqual([false, false])
    first.end()
    await Promise.all(waiting)
    large.end()
    small.end()
    await group.finish()
  })

  it('starts nothing after a failure, and tells of the first when all have ended', async () => {
    const group = new TaskGroup(new Budget(10))
    const [bad, slow, late] = [createTask(), createTask(), createTask()]
    await group.start(1, bad.run)
    await group.start(1, slow.run)
    bad.fail(new RangeError('first'))
    await turn()
    await expect(group.start(1, late.run)).rejects.toThrow('first')
    expect(late.hasBegun).toBe(false)
    let isFinished = false
    const finishing = group.finish().finally(() => {
      isFinished = true
    })
    const outcome = expect(finishing).rejects.toThrow('first')
    await turn()
    expect(isFinished).toBe(false)
    slow.fail(new RangeError('second'))
    await outcome
  })

  it('shares its room with other groups, whose failures are theirs', async () => {
    const budget = new Budget(2)
    const [one, two] = [new TaskGroup(budget), new TaskGroup(budget)]
    const [bad, good] = [createTask(), createTask()]
    await one.start(2, bad.run)
    const waiting = two.start(2, good.run)
    await turn()
    expect(good.hasBegun).toBe(false)
    bad.fail(new RangeError('of one'))
    await waiting
    good.end()
    await two.finish()
    await expect(one.finish()).rejects.toThrow('of one')
  })
})
