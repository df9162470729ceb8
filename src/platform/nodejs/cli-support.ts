/** @module What the parts of the command line share. */

import { InvalidArgumentError } from '@commander-js/extra-typings'

/** The last paragraph of help texts. */
export const EXIT_CODE_HELP = `
Exit codes:
  0 ok · 1 failure · 2 usage · 3 bad settings or chain spec · 4 data directory in use
  5 port in use · 6 database damaged · 7 data of another chain · 8 disk full
  (rpc: 0, or the error's code without its sign, as bitcoin-cli does)`

/** Examples, each with its note behind it where it has one. */
export function formatExamples(
  ...examples: readonly (readonly [line: string, note?: string])[]
): string {
  const width = Math.max(...examples.map(([line, note]) => (note === undefined ? 0 : line.length)))
  const lines = examples.map(
    ([line, note]) => `  $ ${note === undefined ? line : `${line.padEnd(width + 3)}${note}`}`,
  )
  return `\nExamples:\n${lines.join('\n')}`
}

/** A parser of numbers within bounds, for commander. */
export function parseNumber(min: number, max: number, isInteger = true): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (value >= min && value <= max && (!isInteger || Number.isInteger(value))) return value
    throw new InvalidArgumentError(
      `Use a ${isInteger ? 'whole ' : ''}number from ${min} to ${max}.`,
    )
  }
}
