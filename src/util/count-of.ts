/** @module Numbers of things, in English. */

/** A number with the name of what is counted: `1 thread`, `2 threads`. */
export function countOf(count: number, thing: string, things = `${thing}s`): string {
  return `${count} ${count === 1 ? thing : things}`
}
