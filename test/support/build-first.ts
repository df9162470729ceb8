/** @module Runs before tests that start processes: what they start is built from what is tested. */

import { spawnSync } from 'node:child_process'

/** Builds dist if src has changed since. */
export function setup(): void {
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs', '--if-changed'], {
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error('The build failed, so that there is nothing to test.')
}
