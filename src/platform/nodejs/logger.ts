/** @module The log of a Node.js process: pino behind the ports of util. */

import {
  type DestinationStream,
  type LoggerOptions,
  type Logger as PinoLogger,
  pino,
  stdSerializers,
} from 'pino'
import type { LogFields, Logger, LoggerSource } from '../../util/index.ts'
import type { NodeSettings } from './config.ts'
import type { LogLevels } from './log-levels.ts'
import { findLostReader } from './terminal.ts'

/** What is kept for a reader that does not keep up; beyond it lines are dropped, not memory eaten. */
const MAX_BUFFERED_LOG_BYTES = 4_194_304

/** Field names whose values never reach a log, at the top and one level down. */
const SECRET_FIELDS = [
  'cookie',
  'password',
  'authorization',
  'rpcauth',
  'mnemonic',
  'secret',
  'privateKey',
  'secretKey',
]

/** The log of one process. */
export interface ProcessLog extends LoggerSource {
  /** Writes what is buffered before it returns. Call it last. */
  flush(): void
}

/** How a log looks and where it goes. */
export interface LogOptions {
  readonly levels: LogLevels
  readonly format: NodeSettings['logFormat']
  /** File descriptor; standard output unless given. */
  readonly fd?: number
  readonly isTerminal: boolean
  readonly isColored: boolean
}

const PINO_OPTIONS: LoggerOptions = {
  base: null,
  level: 'trace',
  timestamp: () => `,"time":"${new Date().toISOString()}"`,
  formatters: { level: (label) => ({ level: label }) },
  serializers: { error: stdSerializers.err, err: stdSerializers.err },
  redact: {
    paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
    censor: '[secret]',
  },
}

function toLogger(log: PinoLogger): Logger {
  const write =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void => {
      if (fields === undefined) log[level](message)
      else log[level](fields, message)
    }
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
}

type Destination = ReturnType<typeof pino.destination>

/**
 * Keeps the process alive when its log cannot be written. With no reader left nothing more is written; any other
 * fault, such as a full disk, may pass: the lines are written later, as many as are kept.
 */
function tolerateFaults(destination: Destination): void {
  destination.on('error', (error: unknown) => {
    if (findLostReader(error) === undefined) return
    destination.write = () => true
    destination.flushSync = () => undefined
  })
}

/**
 * Opens the log: JSON lines, or lines for people on a terminal. A reader that goes away is no error;
 * the process runs on without a log.
 */
export async function createProcessLog(options: LogOptions): Promise<ProcessLog> {
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && options.isTerminal)
  const destination = pino.destination({
    dest: options.fd ?? 1,
    // A person sees lines as they come; a pipe must not stop the node when nobody empties it.
    sync: isPretty,
    maxLength: MAX_BUFFERED_LOG_BYTES,
  })
  tolerateFaults(destination)
  const stream = isPretty ? await createPrettyStream(destination, options) : destination
  const root = pino(PINO_OPTIONS, stream)
  return {
    child: (subsystem) => {
      const level = options.levels.bySubsystem[subsystem] ?? options.levels.fallback
      return toLogger(root.child({ subsystem }, { level }))
    },
    flush: () => {
      try {
        destination.flushSync()
      } catch {
        // Nobody reads any more: there is nowhere left to say so. pino flushes once more when the process exits.
        destination.flushSync = () => undefined
      }
    },
  }
}

/**
 * Lines for people. The formatter alone is used: pino-pretty's own stream ends for good at the first write that fails.
 * The module takes its time to load and only people need it.
 */
async function createPrettyStream(
  destination: Destination,
  options: LogOptions,
): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty')
  const format = prettyFactory({
    colorize: options.isColored,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'subsystem',
    messageFormat: '{subsystem}: {msg}',
    singleLine: true,
  })
  return { write: (line) => void destination.write(format(line)) }
}
