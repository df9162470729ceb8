// @ts-check
/** What a compiler of Rust says, for people. */

/**
 * The first error in the output of cargo: warnings stand before it, and the summary of all errors after it.
 *
 * @param {string} output - Standard error of cargo.
 */
export function findFirstError(output) {
  const lines = output.split('\n').map((line) => line.trim())
  const isError = (/** @type {string} */ line) => /^error(\[E\d+\])?:/.test(line)
  return lines.find(isError) ?? lines.find((line) => line !== '') ?? 'it says nothing'
}
