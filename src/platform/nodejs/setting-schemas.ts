/** @module The schemas that settings choose from. They convert texts, since flags and variables have nothing else. */

import { isIP } from 'node:net'
import { resolve } from 'node:path'
import * as z from 'zod'
import { MAX_PAYOUTS, MAX_WORKERS } from '../../mining/index.ts'
import { btcAmount, parseBtcAmount } from '../../rpc/index.ts'
import { toErrorMessage } from '../../util/index.ts'
import { expandHome } from './home-directory.ts'
import { parseListenAddress } from './listening.ts'
import { parseLogLevels } from './log-levels.ts'
import { parseRpcAuth, parseRpcWhitelists } from './rpc-auth.ts'
import { CHAIN_NAMES } from './settings.ts'

/** What some values depend on. */
export interface SchemaContext {
  /** Relative paths start here. */
  readonly baseDirectory: string
  readonly findHomeDirectory: () => string
  readonly availableCores: number
}

const MULTIADDR =
  /^\/(?:ip4\/[\d.]+|ip6\/[\da-fA-F:.]+|dns[46]?\/[\w.-]+)\/tcp\/\d{1,5}(?:\/wss?|\/tls\/ws)?(?:\/p2p\/\w+)?$/
const HOST_AND_PORT = /^(?:\[(?<ip6>[\da-fA-F:]+)\]|(?<host>[\w.-]+)):(?<port>\d{1,5})$/

/** Accepts `host:port`, the form that Bitcoin Core's users know, beside multiaddrs. */
function toMultiaddr(text: string): string {
  const { ip6, host = '', port = '' } = HOST_AND_PORT.exec(text)?.groups ?? {}
  if (ip6 !== undefined) return `/ip6/${ip6}/tcp/${port}`
  if (port === '') return text
  return `/${isIP(host) === 4 ? 'ip4' : 'dns'}/${host}/tcp/${port}`
}

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  )
}

/** A number that a flag or variable gives as text. */
function numeric(schema: z.ZodNumber): z.ZodType<number> {
  const decimal = z.string().regex(/^\d+(\.\d+)?$/)
  return z.union([z.number(), decimal.transform(Number)]).pipe(schema)
}

function whole(min: number, max: number): z.ZodType<number> {
  return numeric(z.number().int().min(min).max(max))
}

/** An amount of coins with all eight decimals. */
function toCoins(value: number | string, context: z.RefinementCtx): string {
  try {
    return btcAmount(parseBtcAmount(value)).toString()
  } catch (error) {
    context.addIssue({ code: 'custom', message: toErrorMessage(error) })
    return z.NEVER
  }
}

const text = z.string().trim().min(1).max(4_096)

const MAX_THREADS_PER_CORE = 4

/** How many mining threads `auto` is: all cores but one, which the node has for itself. */
export function computeAutoThreads(availableCores: number): number {
  return Math.max(1, availableCores - 1)
}

/**
 * How many mining threads there may be. Many more than there are cores only take turns, and take the node's: 256 on
 * two cores keep it from answering for minutes.
 */
export function computeMaxThreads(availableCores: number): number {
  return Math.min(MAX_THREADS_PER_CORE * availableCores, MAX_WORKERS)
}

const FIXED_SCHEMAS = {
  text,
  whole,
  coins: z.union([z.number(), text]).transform(toCoins),
  flag: z.union([z.boolean(), z.stringbool()]),
  blockHash: text.regex(/^[0-9a-fA-F]{64}$/).toLowerCase(),
  multiaddrs: z.array(text.transform(toMultiaddr).pipe(z.string().regex(MULTIADDR))).max(256),
  payees: z.array(text).max(MAX_PAYOUTS),
  share: numeric(z.number().min(0.01).max(1)),
  ip: text.refine((address) => isIP(address) !== 0),
  listenAddress: text.transform((address, context) => {
    const parsed = parseListenAddress(address)
    if (parsed === undefined) context.addIssue({ code: 'custom', message: 'not [host:]port' })
    return parsed ?? z.NEVER
  }),
  addressRanges: z.array(text.refine(isAddressRange)).max(256),
  hostNames: z.array(text.toLowerCase().regex(/^[\w-]+(?:\.[\w-]+)*$/)).max(256),
  webOrigins: z.array(text.toLowerCase().regex(/^https?:\/\/[^\s/?#@]+$/)).max(256),
  rpcUsers: z.array(text.refine((user) => parseRpcAuth(user) !== undefined)).max(256),
  rpcWhitelists: z
    .array(text)
    .max(4_096)
    .refine((lists) => parseRpcWhitelists(lists) !== undefined),
  logLevels: text.transform((levels, context) => {
    const parsed = parseLogLevels(levels)
    if (parsed === undefined) context.addIssue({ code: 'custom', message: 'not log levels' })
    return parsed ?? z.NEVER
  }),
  logFormat: z.enum(['auto', 'pretty', 'json']),
  signatureEngine: z.enum(['auto', 'native', 'wasm', 'noble']),
}

/** The schemas for the place of one setting. */
export function createSettingSchemas(context: SchemaContext) {
  const { baseDirectory, findHomeDirectory, availableCores } = context
  const toAbsolute = (path: string): string =>
    resolve(baseDirectory, expandHome(path, findHomeDirectory))
  const isNamed = (chain: string): boolean => CHAIN_NAMES.some((name) => name === chain)
  return {
    ...FIXED_SCHEMAS,
    /** An absolute path. */
    path: text.transform(toAbsolute),
    /** A built-in chain's name, or an absolute path. */
    chain: text.transform((chain) => (isNamed(chain) ? chain : toAbsolute(chain))),
    threads: z.union([
      z.literal('auto').transform(() => computeAutoThreads(availableCores)),
      whole(1, computeMaxThreads(availableCores)),
    ]),
  }
}

/** See {@link createSettingSchemas}. */
export type SettingSchemas = ReturnType<typeof createSettingSchemas>
