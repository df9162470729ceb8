/** @module The methods that are about the method table itself; the dispatcher adds them to it. */

import * as z from 'zod'
import { defineMethod, type MethodSignature, type RpcMethod } from './define-method.ts'
import { formatHelpList, formatMethodHelp } from './help.ts'

/** A call that is being worked on. */
export interface ActiveCommand {
  readonly method: string
  readonly durationMicros: number
}

/** What the methods report on. */
export interface ControlSource {
  methods(): ReadonlyMap<string, MethodSignature>
  activeCommands(): readonly ActiveCommand[]
  /** Where the log is written; empty if not to a file. */
  readonly logPath: string
}

/** `help` and `getrpcinfo`. */
export function createControlMethods(source: ControlSource): readonly RpcMethod<unknown>[] {
  const help = defineMethod({
    name: 'help',
    category: 'control',
    summary: 'List all commands, or get help for a specified command.',
    params: [
      {
        name: 'command',
        schema: z.string().optional(),
        description: 'The command to get help on; without it, all are listed.',
      },
    ],
    result: { schema: z.string(), description: 'The help text.' },
    examples: [[], ['getblock']],
    handler: (_context: unknown, { command }) => {
      const methods = source.methods()
      if (command === undefined || command === '') return formatHelpList(methods.values())
      const method = methods.get(command)
      // Not an error: that is how Bitcoin Core answers, too.
      return method === undefined
        ? `help: unknown command: ${command}`
        : formatMethodHelp(method).trimEnd()
    },
  })
  const getRpcInfo = defineMethod({
    name: 'getrpcinfo',
    category: 'control',
    summary: 'Returns details of the RPC server.',
    params: [],
    result: {
      schema: z.object({
        active_commands: z
          .array(
            z.object({
              method: z.string().describe('The name of the RPC command.'),
              duration: z.number().describe('The running time in microseconds.'),
            }),
          )
          .describe('All active commands.'),
        logpath: z.string().describe('The complete file path to the log, or empty.'),
      }),
    },
    examples: [[]],
    handler: () => ({
      active_commands: source
        .activeCommands()
        .map(({ method, durationMicros }) => ({ method, duration: durationMicros })),
      logpath: source.logPath,
    }),
  })
  return [help, getRpcInfo]
}
