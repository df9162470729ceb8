/** @module `quarry start`: settings, log, signals, and one node between them. */

import { StoreError } from '../../chain/index.ts'
import { ConfigError, toErrorMessage } from '../../util/index.ts'
import { type NodeSettings, resolveProcessSettings } from './config.ts'
import { EXIT_CODES, exitCodeOf } from './exit-codes.ts'
import { createProcessLog } from './logger.ts'
import { readPackageVersion } from './package-root.ts'
import { installShutdown } from './signals.ts'
import { supportsColor } from './terminal.ts'

/** Whether the message says all there is to know: the settings or the files are at fault, not the program. */
function isExplained(error: unknown): boolean {
  return error instanceof StoreError || exitCodeOf(error) !== EXIT_CODES.failure
}

/** Adds the cure where only the system's own words would be shown. */
function explainStartError(error: unknown, settings: NodeSettings): string {
  const message = toErrorMessage(error)
  if (error instanceof ConfigError || exitCodeOf(error) !== EXIT_CODES.portInUse) return message
  return `None of the addresses ${settings.listen.join(', ')} could be listened on, because another program uses the port. Stop that one, or choose another port with --listen (tcp/0 takes any free one).`
}

/**
 * Runs a node until the process is told to stop. Returns when the node is up; from then on the process
 * ends by its signals.
 *
 * @throws ConfigError if the settings are not usable; nothing was started then.
 */
export async function runStartCommand(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const { settings, warnings } = resolveProcessSettings(flags)
  const isTerminal = process.stdout.isTTY === true
  const log = await createProcessLog({
    levels: settings.logLevel,
    format: settings.logFormat,
    isTerminal,
    isColored: supportsColor(process.stdout, process.env),
  })
  const ownLog = log.child('platform')
  const shutdown = installShutdown({
    say: (message) => {
      process.stderr.write(`${message}\n`)
    },
    report: (message, error) => ownLog.error(message, { error }),
    beforeExit: () => log.flush(),
  })
  for (const warning of warnings) ownLog.warn('Ignored a variable', { warning })
  try {
    // Loaded this late so that a mistake in the settings is answered at once.
    const { runNode } = await import('./run-node.ts')
    await runNode({ settings, log, shutdown, version: readPackageVersion() })
  } catch (error) {
    if (!shutdown.isRequested) {
      const message = explainStartError(error, settings)
      // A stack trace is for faults of the program.
      if (!isExplained(error)) ownLog.error('The node could not start', { error })
      // On a terminal the message itself follows.
      else if (!isTerminal) ownLog.error('The node could not start', { reason: message })
      process.stderr.write(`quarry: ${message}\n`)
    }
    shutdown.exit(shutdown.isRequested ? 0 : exitCodeOf(error))
  }
}
