#!/usr/bin/env node
/**
 * The program `quarry`. Loads nothing before the runtime is checked: our libraries fail on an older one while they are
 * loaded, with messages that help nobody.
 *
 * @module
 */

import { findRuntimeProblem } from './runtime-version.ts'

const problem = findRuntimeProblem()
if (problem === undefined) {
  const { runMain } = await import('./run-main.ts')
  await runMain()
} else {
  process.stderr.write(`${problem}\n`)
  process.exitCode = 1
}
