import { expect, it } from 'vitest'
// biome-ignore lint/correctness/useImportExtensions: the module beside its types is what runs.
import { findFirstError } from '../../bench/miner/compiler-output.mjs'

const WARNING = ['warning: unused import: `round`', '  --> src/kernel.rs:70:17', '   |', '']
const ERROR = 'error[E0046]: not all trait items implemented, missing: `gather`, `get`'
const SUMMARY = 'error: could not compile `x` (bin "x") due to 1 previous error; 1 warning emitted'

it('shows the first error of a compiler, not the warnings before it or the summary after it', () => {
  const output = [...WARNING, ERROR, '  --> src/main.rs:51:1', SUMMARY].join('\n')
  expect(findFirstError(output)).toBe(ERROR)
})

it('shows an error of cargo itself, which has no number', () => {
  const error = 'error: failed to parse lock file at: Cargo.lock'
  expect(findFirstError(`\n${error}\n\nCaused by:\n  error: other\n`)).toBe(error)
})

it('shows the first line where no line is an error', () => {
  expect(findFirstError('\n  terror: killed\nbye\n')).toBe('terror: killed')
  expect(findFirstError('')).toBe('it says nothing')
})
