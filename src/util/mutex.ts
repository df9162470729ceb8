/** @module One asynchronous task at a time. */

/** Runs tasks strictly one after another, in the order in which they were given. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `task` once every earlier one has ended, well or badly; settles as `task` does. */
  run<Result>(task: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(task, task)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
