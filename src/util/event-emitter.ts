/** @module A small typed event emitter that works in every runtime. */

/** Maps each event's name to what its listeners get. */
export type EventMap = Record<string, unknown>

/**
 * Calls listeners synchronously, in the order in which they were added. A listener must not throw;
 * what it throws is the emitter's caller's to handle, since it is our own bug.
 */
export class EventEmitter<Events extends EventMap> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>()

  /** Adds a listener and returns the function that removes it. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    let listeners = this.#listeners.get(name)
    if (listeners === undefined) {
      listeners = new Set()
      this.#listeners.set(name, listeners)
    }
    const added = listeners
    added.add(listener)
    return () => {
      added.delete(listener)
    }
  }

  /** Tells every listener of `name`. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const listeners = this.#listeners.get(name)
    if (listeners === undefined) return
    for (const listener of [...listeners]) (listener as (event: Events[Name]) => void)(event)
  }
}
