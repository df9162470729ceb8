/** @module Parts of what pools say, which write them in many ways. */

import { decodeHex, isHex } from '../util/index.ts'
import { type JobTerms, MAX_EXTRA_NONCE_SIZE } from './pool-job.ts'

/** Text of a pool that is shown, in characters. */
const MAX_TEXT_LENGTH = 256

/** The part of the search space that a pool has given. */
export type SearchSpace = Pick<JobTerms, 'extraNonce1' | 'extraNonce2Size'>

/** A text of a pool, made fit for a terminal. */
export function toText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.slice(0, MAX_TEXT_LENGTH).replace(/[^\x20-\x7e\u00a0-\ud7ff\ue000-\uffef]/g, '?')
}

/** Pools write an error as `[23,"Low difficulty share",null]`, as an object, or as a text. */
export function describeError(error: unknown): string {
  if (Array.isArray(error)) return `${toText(error[1] ?? '')} (${toText(error[0] ?? '')})`
  if (typeof error !== 'object' || error === null) return toText(error ?? 'no reason given')
  const { message, code } = error as { readonly message?: unknown; readonly code?: unknown }
  return `${toText(message ?? '')} (${toText(code ?? '')})`
}

/** The id that a pool knows this session by, out of the list of subscriptions, which may be nested. */
export function findSessionId(subscriptions: unknown): string | undefined {
  const flat = Array.isArray(subscriptions) ? subscriptions.flat(2) : []
  const id = flat[flat.indexOf('mining.notify') + 1]
  return typeof id === 'string' && id.length <= 2 * MAX_EXTRA_NONCE_SIZE ? id : undefined
}

/** A port, as a number or a text. */
export function readPort(value: unknown): number | undefined {
  const port = Number(value)
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined
}

/** Extra nonce and the size of the miner's own; nothing if they are none. */
export function readExtraNonce(first: unknown, size: unknown): SearchSpace | undefined {
  if (typeof first !== 'string' || first.length > 2 * MAX_EXTRA_NONCE_SIZE || !isHex(first)) {
    return undefined
  }
  const isSize = typeof size === 'number' && Number.isInteger(size)
  if (!isSize || size < 1 || size > MAX_EXTRA_NONCE_SIZE) return undefined
  return { extraNonce1: decodeHex(first), extraNonce2Size: size }
}
