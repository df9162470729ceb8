/** @module Arguments that several methods take, refused in Bitcoin Core's words. */

import * as z from 'zod'
import type { BlockEntry, Chain } from '../../chain/index.ts'
import { HASH_SIZE } from '../../primitives/index.ts'
import { DecodeError, decodeHex, isHex } from '../../util/index.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

const HASH_DIGITS = 2 * HASH_SIZE
const UINT32_MAX = 0xffff_ffff
const INT32_MIN = -0x8000_0000
const INT32_MAX = 0x7fff_ffff

/**
 * Schema of a hash as people spell it.
 *
 * @param label - What error messages call the argument.
 * @param options - Zod's own, for instance the message about a value that is no string.
 * @see Bitcoin Core `ParseHashV`
 */
export function hashSchema(label: string, options: z.core.$ZodStringParams = {}) {
  return z
    .string(options)
    .superRefine((text, context) => {
      if (text.length !== HASH_DIGITS) {
        const message = `${label} must be of length ${HASH_DIGITS} (not ${text.length}, for '${text}')`
        context.addIssue({ code: 'custom', message })
      } else if (!isHex(text)) {
        const message = `${label} must be hexadecimal string (not '${text}')`
        context.addIssue({ code: 'custom', message })
      }
    })
    .transform((text) => text.toLowerCase())
}

/** Schema of a path of a file; systems know none with a NUL in it. */
export const PATH_SCHEMA = z
  .string()
  .min(1)
  .refine((path) => !path.includes('\0'), { message: 'no path has a NUL' })

/** Schema of bytes in hexadecimal. @param label - What error messages call the argument. @see Bitcoin Core `ParseHexV` */
export function hexSchema(label: string) {
  return z.string().superRefine((text, context) => {
    if (isHex(text)) return
    const message = `${label} must be hexadecimal string (not '${text.slice(0, 100)}')`
    context.addIssue({ code: 'custom', message })
  })
}

/** What an integer is told that does not fit its C++ type. */
const OUT_OF_RANGE = {
  message: 'JSON integer out of range',
  params: { rpcCode: RPC_CODES.MISC_ERROR },
}

/** Schema of a signed 32-bit number; another integer is answered with Core's -1. @param options - Zod's own. */
export function int32Schema(options: Parameters<typeof z.int>[0] = {}) {
  return z.int(options).refine((value) => value >= INT32_MIN && value <= INT32_MAX, OUT_OF_RANGE)
}

/** Schema of an unsigned 32-bit number; another integer is answered with Core's -1. */
export const UINT32_SCHEMA = z
  .int()
  .refine((value) => value >= 0 && value <= UINT32_MAX, OUT_OF_RANGE)

/** Schema of a verbosity: a number, or a boolean from callers of old. */
export const VERBOSITY_SCHEMA = z.union([z.int(), z.boolean()])

/** The level that a verbosity stands for. @see Bitcoin Core `ParseVerbosity` */
export function toVerbosityLevel(verbosity: number | boolean): number {
  return Number(verbosity)
}

/**
 * Reads hex into a value.
 *
 * @param message - What the caller is told if that fails, with code -22.
 */
export function decodeHexArgument<Value>(
  hex: string,
  decode: (bytes: Uint8Array) => Value,
  message: string,
): Value {
  try {
    return decode(decodeHex(hex))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new RpcError(RPC_CODES.DESERIALIZATION_ERROR, message, { cause: error })
  }
}

/** The entry of a block that a caller named. @throws {@link RpcError} -5 if there is none. */
export function requireEntry(chain: Chain, hashHex: string): BlockEntry {
  const entry = chain.getEntry(hashHex)
  if (entry === undefined) {
    throw new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, 'Block not found')
  }
  return entry
}
