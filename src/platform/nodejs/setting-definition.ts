/** @module What the table of settings is made of. Loads nothing, so that `--help` is quick. */

import type { ZodType } from 'zod'
import type { SettingSchemas } from './setting-schemas.ts'

/** One setting as a person meets it. */
export interface SettingDefinition {
  /** `rpc-port` is `--rpc-port`, `QUARRY_RPC_PORT`, and `rpc-port = …` in a file. */
  readonly name: string
  /** The field of `NodeSettings`. */
  readonly field: string
  /** A switch is on or off; a list may be given several times. */
  readonly kind: 'text' | 'switch' | 'list'
  /** What stands for the value in the help text. */
  readonly placeholder?: string
  /** As one would write it on the command line; undefined if there is none. */
  readonly fallback?: string | readonly string[] | boolean
  readonly help: string
  /** Checks a value and converts it. */
  readonly schema: (schemas: SettingSchemas) => ZodType
  /** Converts a checked value into text that the schema accepts, where JSON does not. */
  readonly format?: (value: never) => string
  /** What a right value is, as a full sentence: the cure in every error. */
  readonly wanted: string
  /** Flags that Bitcoin Core's users type from habit. Not shown in the help text. */
  readonly aliases?: readonly string[]
}

/** On or off. */
export const SWITCH = {
  kind: 'switch',
  schema: ({ flag }: SettingSchemas) => flag,
  wanted: 'Use true or false.',
} as const
/** A command for a shell. */
export const COMMAND = {
  kind: 'text',
  placeholder: '<command>',
  schema: ({ text }: SettingSchemas) => text.optional(),
  wanted: 'Use a command as a shell takes it, at most 4096 characters.',
} as const
/** Addresses of peers. */
export const MULTIADDRS = {
  kind: 'list',
  placeholder: '<multiaddr>',
  schema: ({ multiaddrs }: SettingSchemas) => multiaddrs,
  wanted: 'Use multiaddrs such as /ip4/127.0.0.1/tcp/18444, or host:port.',
} as const
