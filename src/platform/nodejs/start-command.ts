/** @module `quarry start`: settings, log, signals, and one node between them. */

import { availableParallelism, homedir } from 'node:os'
import { toErrorMessage } from '../../util/index.ts'
import { processSources, type ResolvedSettings, resolveNodeSettings } from './config.ts'
import { exitCodeOf } from './exit-codes.ts'
import { createProcessLog } from './logger.ts'
import { readPackageVersion } from './package-root.ts'
import { runNode } from './run-node.ts'
import { installShutdown } from './signals.ts'
import { supportsColor } from './terminal.ts'

/** Settings of this process, from its flags, environment and file. */
export function resolveProcessSettings(flags: Readonly<Record<string, unknown>>): ResolvedSettings {
  return resolveNodeSettings(
    processSources(flags, {
      homeDirectory: homedir(),
      availableCores: availableParallelism(),
    }),
  )
}

/**
 * Runs a node until the process is told to stop. Returns when the node is up; from then on the process
 * ends by its signals.
 *
 * @throws ConfigError if the settings are not usable; nothing was started then.
 */
export async function runStartCommand(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const { settings, warnings } = resolveProcessSettings(flags)
  const log = await createProcessLog({
    levels: settings.logLevel,
    format: settings.logFormat,
    isTerminal: process.stdout.isTTY === true,
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
    await runNode({ settings, log, shutdown, version: readPackageVersion() })
  } catch (error) {
    if (!shutdown.isRequested) {
      ownLog.error('The node could not start', { error })
      process.stderr.write(`quarry: ${toErrorMessage(error)}\n`)
    }
    shutdown.exit(shutdown.isRequested ? 0 : exitCodeOf(error))
  }
}
