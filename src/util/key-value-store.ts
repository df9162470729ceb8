/** @module The port through which a part keeps small things over restarts. */

/** A change to one key: a value to put, or undefined to delete. */
export interface KeyValueChange {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/**
 * One namespace of a node's memory: whoever has it sees no other. What is in it can be lost (it is not synced, and
 * damaged records are dropped), so nothing belongs here that nobody could learn again.
 *
 * Errors are `StoreError`s `io`: the disk failed. Calls after the store has closed fail.
 */
export interface KeyValueStore {
  /** Every record, in the order of keys. What is damaged is left out. */
  entries(): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>
  /** Makes all the changes or none. */
  write(changes: readonly KeyValueChange[]): Promise<void>
}
