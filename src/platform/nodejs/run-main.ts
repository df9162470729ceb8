/** @module The program, on a runtime that is known to be new enough. */

// Must stay first: what follows expects what it adds to older runtimes.
import './polyfills.ts'

import { runCli } from './cli.ts'
import { isHangupIgnored } from './hangup.ts'
import { tolerateLostReaders } from './terminal.ts'

/** Runs the command of `process.argv`; its exit code is set where the command has ended. */
export async function runMain(): Promise<void> {
  // `quarry … | head` reads as much as it likes; what is left to say then goes nowhere.
  tolerateLostReaders()
  // Commands that handle no signals survive a hang-up, too, if they were started with `nohup`.
  if (isHangupIgnored()) process.on('SIGHUP', () => undefined)
  const exitCode = await runCli(process.argv)
  if (exitCode !== undefined) process.exitCode = exitCode
}
