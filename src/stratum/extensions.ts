/** @module `mining.configure`: which extensions a session may use. */

import { readDifficulty } from './difficulty.ts'
import { toHex32 } from './job.ts'

/** Version bits that miners may roll. @see BIP-0320 */
export const VERSION_ROLLING_MASK = 0x1fff_e000
/** The most extensions that are looked at in one request. */
const MAX_EXTENSIONS = 16

/** What a session has agreed on. */
export interface Extensions {
  /** Bits that the session may roll; 0 for none. */
  readonly versionMask?: number
  /** The least difficulty that the miner wants. */
  readonly minDifficulty?: number
}

/** What is answered, and what it means. */
export interface Configured {
  readonly answer: Readonly<Record<string, unknown>>
  readonly extensions: Extensions
}

type Parameters = Readonly<Record<string, unknown>>

function configureVersionRolling(params: Parameters): Configured {
  const wanted = params['version-rolling.mask']
  const mask =
    typeof wanted === 'string' && /^[0-9a-fA-F]{1,8}$/.test(wanted)
      ? Number.parseInt(wanted, 16)
      : 0xffff_ffff
  const versionMask = mask & VERSION_ROLLING_MASK
  return {
    answer: {
      'version-rolling': versionMask !== 0,
      ...(versionMask === 0 ? {} : { 'version-rolling.mask': toHex32(versionMask) }),
    },
    extensions: { versionMask },
  }
}

function configureMinDifficulty(params: Parameters): Configured {
  const minDifficulty = readDifficulty(params['minimum-difficulty.value'])
  return {
    answer: { 'minimum-difficulty': minDifficulty !== undefined },
    extensions: minDifficulty === undefined ? {} : { minDifficulty },
  }
}

const HANDLERS: Readonly<Record<string, (params: Parameters) => Configured>> = {
  'version-rolling': configureVersionRolling,
  'minimum-difficulty': configureMinDifficulty,
  'subscribe-extranonce': () => ({ answer: { 'subscribe-extranonce': true }, extensions: {} }),
  info: () => ({ answer: { info: true }, extensions: {} }),
}

/**
 * Answers each extension that is asked for: with true, or with false if it is not known. Some miners leave a pool that
 * leaves one out.
 *
 * @see BIP-0310
 */
export function configureExtensions(params: readonly unknown[]): Configured {
  const [names, given] = params
  const options = (typeof given === 'object' && given !== null ? given : {}) as Parameters
  const asked = (Array.isArray(names) ? names : [])
    .slice(0, MAX_EXTENSIONS)
    .filter((name) => typeof name === 'string')
  return asked.reduce<Configured>(
    (all, name) => {
      const handler = Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined
      const one = handler?.(options) ?? { answer: { [name]: false }, extensions: {} }
      return {
        answer: { ...all.answer, ...one.answer },
        extensions: { ...all.extensions, ...one.extensions },
      }
    },
    { answer: {}, extensions: {} },
  )
}
