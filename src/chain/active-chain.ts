/** @module The active chain by height. */

import { InvariantError } from '../util/index.ts'
import type { BlockEntry } from './block-entry.ts'

/** The blocks from genesis to the tip. Only whoever moves the tip changes it. */
export class ActiveChain {
  readonly #entries: BlockEntry[] = []

  /** @throws {@link InvariantError} before the chain is open. */
  get tip(): BlockEntry {
    const tip = this.#entries.at(-1)
    if (tip === undefined) throw new InvariantError('the chain is used before it is open')
    return tip
  }

  get genesis(): BlockEntry {
    return this.#entries[0] ?? this.tip
  }

  at(height: number): BlockEntry | undefined {
    return this.#entries[height]
  }

  has(entry: BlockEntry): boolean {
    return this.#entries[entry.height] === entry
  }

  push(entry: BlockEntry): void {
    if (entry.height !== this.#entries.length) {
      throw new InvariantError('a block does not follow the tip')
    }
    this.#entries.push(entry)
  }

  pop(): void {
    this.#entries.pop()
  }

  /** Takes over the whole chain that ends in an entry. */
  reset(tip: BlockEntry): void {
    this.#entries.length = 0
    for (let entry: BlockEntry | undefined = tip; entry !== undefined; entry = entry.prev) {
      this.#entries.push(entry)
    }
    this.#entries.reverse()
  }
}
