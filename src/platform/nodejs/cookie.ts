/**
 * The two files by which programs of this machine find a running node's RPC: the password (the
 * cookie, as Bitcoin's client libraries expect it) and the address.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { ConfigError, toErrorMessage } from '../../util/index.ts'
import { explainAccess } from './explain-access.ts'
import { findProgramName } from './program-name.ts'

/** The cookie's file name, in `<datadir>/<rpcChain>`. */
export const COOKIE_FILE = '.cookie'
/** The address's file name, beside the cookie. */
export const RPC_ENDPOINT_FILE = 'rpc.json'
/** The user name inside a cookie. @see Bitcoin Core `COOKIEAUTH_USER` */
const COOKIE_USER = '__cookie__'
const COOKIE_SECRET_BYTES = 32
const COOKIE_FORM = /^[^:\s]{1,256}:[^\s]{1,256}$/
/** Neither file is ever longer; more is not read. */
const MAX_FILE_BYTES = 4_096
const PRIVATE_MODE = 0o600

/** A file that this process has written and that others read. */
export interface PublishedFile {
  readonly path: string
  /** Deletes the file unless another process has replaced it since. Idempotent. */
  remove(): Promise<void>
  /** Puts back what was there before, for a start that came to nothing: the data may be another process's. */
  putBack(): Promise<void>
}

/** A cookie that opens this node's RPC. */
export interface CookieFile extends PublishedFile {
  /** `__cookie__:` and 64 hex digits: user and password. */
  readonly credentials: string
}

/** Where a node's RPC listens, and which process serves it. */
export interface RpcEndpoint {
  readonly url: string
  readonly pid: number
}

const endpointSchema = z.object({
  url: z.url({ protocol: /^https?$/ }),
  pid: z.number().int().positive(),
})

/** Whether `user:password` is a cookie's content. */
export function isCookie(auth: string): boolean {
  return auth.startsWith(`${COOKIE_USER}:`)
}

/** Reads a small text file; undefined if there is none. */
async function readSmallFile(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    return text.length > MAX_FILE_BYTES ? '' : text
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    throw error
  }
}

/** Writes a file so that a reader sees the old one, the new one, or none, and never a part. */
async function publish(path: string, content: string): Promise<PublishedFile> {
  const temporary = `${path}.tmp`
  const before = await readSmallFile(path).catch(() => undefined)
  try {
    // A left-over could have another mode, which opening it would keep.
    await rm(temporary, { force: true })
    const file = await open(temporary, 'wx', PRIVATE_MODE)
    try {
      await file.writeFile(content)
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    throw new ConfigError(
      'datadir-unusable',
      `${path} could not be written (${toErrorMessage(error)}), so no program could reach this node's RPC. Check that the directory exists and is writable, or choose another with --datadir.`,
      { cause: error },
    )
  }
  const remove = async (): Promise<void> => {
    if ((await readSmallFile(path)) === content) await rm(path, { force: true })
  }
  return {
    path,
    remove,
    putBack: async () => {
      if (before === undefined) await remove()
      else if ((await readSmallFile(path)) === content) await publish(path, before)
    },
  }
}

/**
 * Makes a new cookie and writes it, readable by this user alone.
 *
 * @param directory - `<datadir>/<rpcChain>`; must exist.
 * @throws {@link ConfigError} `datadir-unusable`.
 * @see Bitcoin Core `GenerateAuthCookie`
 */
export async function writeCookie(directory: string): Promise<CookieFile> {
  const credentials = `${COOKIE_USER}:${randomBytes(COOKIE_SECRET_BYTES).toString('hex')}`
  return { ...(await publish(join(directory, COOKIE_FILE), credentials)), credentials }
}

/**
 * Reads the cookie that a running node has written.
 *
 * @param path - The cookie file itself.
 * @throws {@link ConfigError} `no-cookie` if there is none, or it cannot be read or is no cookie.
 */
export async function readCookie(path: string): Promise<string> {
  let text: string | undefined
  try {
    text = await readSmallFile(path)
  } catch (error) {
    throw new ConfigError(
      'no-cookie',
      `The RPC cookie ${path} cannot be read (${toErrorMessage(error)}). ${explainAccess(path, error) ?? 'Only the user who started the node may read it: run this as the same user.'}`,
      { cause: error },
    )
  }
  if (text === undefined) {
    throw new ConfigError(
      'no-cookie',
      `There is no RPC cookie at ${path}, so no node seems to be running there. Start one with "${findProgramName()} start", or name the right directory and chain with --datadir and --chain.`,
    )
  }
  const credentials = text.trim()
  if (COOKIE_FORM.test(credentials)) return credentials
  throw new ConfigError(
    'no-cookie',
    `${path} is not a cookie. Restart the node: it writes a new one at every start.`,
  )
}

/**
 * Writes down where RPC listens.
 *
 * @param directory - `<datadir>/<rpcChain>`; must exist.
 * @throws {@link ConfigError} `datadir-unusable`.
 */
export function writeRpcEndpoint(directory: string, endpoint: RpcEndpoint): Promise<PublishedFile> {
  return publish(join(directory, RPC_ENDPOINT_FILE), `${JSON.stringify(endpoint)}\n`)
}

/**
 * Reads where a node's RPC listens; undefined if no node has written it, or not in this form.
 *
 * @throws {@link ConfigError} `no-rpc-address` if there is a file that cannot be read.
 */
export async function readRpcEndpoint(directory: string): Promise<RpcEndpoint | undefined> {
  const path = join(directory, RPC_ENDPOINT_FILE)
  let text: string | undefined
  try {
    text = await readSmallFile(path)
  } catch (error) {
    const reason = `The RPC address ${path} cannot be read (${toErrorMessage(error)}).`
    const cure = explainAccess(path, error) ?? 'Name the address with --rpc-url.'
    throw new ConfigError('no-rpc-address', `${reason} ${cure}`, { cause: error })
  }
  if (text === undefined) return undefined
  try {
    return endpointSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
