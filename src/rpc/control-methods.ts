/** @module The methods that are about the method table itself; the dispatcher adds them to it. */

import * as z from 'zod'
import { defineMethod, type MethodSignature } from './define-method.ts'
import { formatHelpList, formatMethodHelp } from './help.ts'
import { createOpenRpcDocument } from './open-rpc.ts'

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
  /** Of the program. */
  readonly version: string
}

/** A method that is about the table. */
export type ControlMethod = ReturnType<typeof createControlMethods>[number]

const OPENRPC_RESULT = {
  schema: z
    .object({
      openrpc: z.string().describe('The version of the specification.'),
      info: z.looseObject({ title: z.string(), version: z.string() }),
      methods: z.array(z.looseObject({ name: z.string() })).describe('Every method.'),
    })
    .describe('An OpenRPC document.'),
} as const

/** `help`, `getrpcinfo`, and the description of all methods under two names. */
export function createControlMethods(source: ControlSource) {
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
  const describeAll = () => createOpenRpcDocument(source.methods().values(), source.version)
  const getOpenRpcInfo = defineMethod({
    name: 'getopenrpcinfo',
    category: 'control',
    summary: 'Describes every method in a form that programs read: an OpenRPC document.',
    params: [],
    result: OPENRPC_RESULT,
    examples: [[]],
    handler: describeAll,
  })
  const discover = defineMethod({
    name: 'rpc.discover',
    category: 'hidden',
    summary: 'The same as getopenrpcinfo, under the name that OpenRPC gives it.',
    params: [],
    result: OPENRPC_RESULT,
    examples: [[]],
    handler: describeAll,
  })
  return [help, getRpcInfo, getOpenRpcInfo, discover] as const
}
