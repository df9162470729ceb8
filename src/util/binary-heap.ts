/** @module A queue that gives out the best of what it holds. */

/** Array-backed binary heap: building takes linear time, each push and pop logarithmic. */
export class BinaryHeap<Item> {
  readonly #items: Item[]
  readonly #isBefore: (a: Item, b: Item) => boolean

  /** @param isBefore - A strict order: whether `a` is to come out before `b`. */
  constructor(isBefore: (a: Item, b: Item) => boolean, items: Iterable<Item> = []) {
    this.#isBefore = isBefore
    this.#items = [...items]
    for (let i = (this.#items.length >>> 1) - 1; i >= 0; i--) this.#sinkAt(i)
  }

  get size(): number {
    return this.#items.length
  }

  /** The item that is before all others; undefined if there is none. */
  peek(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const parentAt = (at - 1) >>> 1
      const parent = items[parentAt] as Item
      if (!this.#isBefore(item, parent)) break
      items[at] = parent
      at = parentAt
    }
    items[at] = item
  }

  /** Takes out the item that is before all others; undefined if there is none. */
  pop(): Item | undefined {
    const items = this.#items
    const [best] = items
    const last = items.pop()
    if (items.length > 0) {
      items[0] = last as Item
      this.#sinkAt(0)
    }
    return best
  }

  #sinkAt(start: number): void {
    const items = this.#items
    const item = items[start] as Item
    let at = start
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= items.length) break
      const right = childAt + 1
      if (right < items.length && this.#isBefore(items[right] as Item, items[childAt] as Item)) {
        childAt = right
      }
      const child = items[childAt] as Item
      if (!this.#isBefore(child, item)) break
      items[at] = child
      at = childAt
    }
    items[at] = item
  }
}
