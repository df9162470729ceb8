/** @module Nested conditions of a running script, in constant memory and time. */

const NONE = -1

/**
 * The branches that execution is in.
 *
 * Only how many there are and which is the outermost false one can matter: within a false branch
 * nothing runs, and OP_ELSE turns only the innermost. So a script of thousands of nested OP_IFs
 * costs no more than a flat one.
 *
 * @see Bitcoin Core `ConditionStack`
 */
export class ConditionStack {
  #size = 0
  #firstFalse = NONE

  get isEmpty(): boolean {
    return this.#size === 0
  }

  /** Whether every enclosing branch is taken. */
  get isExecuting(): boolean {
    return this.#firstFalse === NONE
  }

  push(isTaken: boolean): void {
    if (!isTaken && this.#firstFalse === NONE) this.#firstFalse = this.#size
    this.#size += 1
  }

  /** Leaves the innermost branch. The stack is not empty. */
  pop(): void {
    this.#size -= 1
    if (this.#firstFalse === this.#size) this.#firstFalse = NONE
  }

  /** Goes over to the other side of the innermost branch. The stack is not empty. */
  toggle(): void {
    const top = this.#size - 1
    if (this.#firstFalse === NONE) this.#firstFalse = top
    else if (this.#firstFalse === top) this.#firstFalse = NONE
  }
}
