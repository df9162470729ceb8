/** @module Tasks that run side by side, as many as there is room for. */

/**
 * Room for a limited amount at a time. Whoever finds too little waits, first come, first served; what is larger than
 * the whole room goes in alone.
 */
export class Budget {
  readonly #limit: number
  readonly #waiting: { readonly amount: number; readonly enter: () => void }[] = []
  #taken = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Takes up room, as soon as there is enough of it. Each call needs one of {@link give}. */
  take(amount: number): Promise<void> {
    return new Promise((enter) => {
      this.#waiting.push({ amount, enter })
      this.#admit()
    })
  }

  /** Gives room back. */
  give(amount: number): void {
    this.#taken -= amount
    this.#admit()
  }

  #admit(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      if (this.#taken > 0 && this.#taken + next.amount > this.#limit) return
      this.#waiting.shift()
      this.#taken += next.amount
      next.enter()
    }
  }
}

/** Tasks that are started one after another and waited for together. Several groups may share a budget. */
export class TaskGroup {
  readonly #budget: Budget
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(budget: Budget) {
    this.#budget = budget
  }

  /**
   * Starts a task once there is room for it. Resolves when it has begun, not when it is done.
   *
   * @throws What an earlier task of the group has failed with; this one is not started then.
   */
  async start(amount: number, task: () => Promise<void>): Promise<void> {
    await this.#budget.take(amount)
    if (this.#failure !== undefined) {
      this.#budget.give(amount)
      throw this.#failure.error
    }
    const running = this.#run(amount, task)
    this.#running.add(running)
    void running.then(() => this.#running.delete(running))
  }

  /** Waits for all tasks. @throws What the first of them failed with. */
  async finish(): Promise<void> {
    await Promise.all(this.#running)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Never rejects. */
  async #run(amount: number, task: () => Promise<void>): Promise<void> {
    try {
      await task()
    } catch (error) {
      this.#failure ??= { error }
    } finally {
      this.#budget.give(amount)
    }
  }
}
