/** @module A promise that is settled from outside. */

/** What `Promise.withResolvers` returns, which Node.js 20 does not have. */
export class Deferred<Value> {
  readonly promise: Promise<Value>
  resolve!: (value: Value) => void
  reject!: (error: unknown) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // Whether anybody waits is not for the one who settles to know.
    this.promise.catch(() => undefined)
  }
}
