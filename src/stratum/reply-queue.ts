/** @module Answers in the order of requests, though some take longer than others. */

interface Slot {
  text: string | undefined
}

/** Holds an answer back until all before it have gone out. */
export class ReplyQueue {
  readonly #slots: Slot[] = []
  readonly #send: (text: string) => void

  constructor(send: (text: string) => void) {
    this.#send = send
  }

  /** Requests without an answer yet. */
  get length(): number {
    return this.#slots.length
  }

  /** Sends an answer that is there at once, in its turn. */
  push(text: string): void {
    if (this.#slots.length === 0) this.#send(text)
    else this.#slots.push({ text })
  }

  /** Takes a place in the order for an answer that is not there yet. @returns Gives the answer; once. */
  reserve(): (text: string) => void {
    const slot: Slot = { text: undefined }
    this.#slots.push(slot)
    return (text) => {
      slot.text = text
      this.#flush()
    }
  }

  #flush(): void {
    for (;;) {
      const text = this.#slots[0]?.text
      if (text === undefined) return
      this.#slots.shift()
      this.#send(text)
    }
  }
}
