/** @module What goes wrong in a database, as the store tells it. */

import { DAMAGE_CURES, StoreError, type StorePart } from '../chain/index.ts'
import { DecodeError, toErrorMessage } from '../util/index.ts'
import { openValue, type SealedValue } from './checksum.ts'

/** A file that is gone, or shorter than it was, is an I/O error to LevelDB like any other. */
const LOST_BYTES = /No such file or directory|Invalid argument|does not exist/

/** Whether an error of the engine says that its files are damaged, and not that the disk or the system fails. */
export function isDatabaseDamage(error: unknown): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  if (code === 'LEVEL_CORRUPTION') return true
  const isEngines = typeof code !== 'string' || code.startsWith('LEVEL_')
  return isEngines && typeof message === 'string' && LOST_BYTES.test(message)
}

/**
 * Works on a database.
 *
 * @param what - Follows "cannot" in the error.
 * @throws {@link StoreError} `corrupt` if the engine has found damage, else `io`.
 */
export async function attempt<Result>(
  what: string,
  part: StorePart,
  action: () => Promise<Result>,
): Promise<Result> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof StoreError) throw error
    const isDamage = isDatabaseDamage(error)
    const code = isDamage ? 'corrupt' : 'io'
    const cure = isDamage ? `: ${DAMAGE_CURES[part]}` : ''
    const where = `in db/${part}: ${toErrorMessage(error)}`
    throw new StoreError(code, `cannot ${what} ${where}${cure}`, {
      cause: error,
      ...(isDamage && { part }),
    })
  }
}

/**
 * What a sealed value stands for.
 *
 * @throws {@link StoreError} `corrupt` if it is damaged, or cannot be decoded.
 */
export function decodeStored<Value>(
  sealed: Uint8Array,
  record: SealedValue,
  decode: (bytes: Uint8Array) => Value,
): Value {
  const bytes = openValue(sealed, record)
  try {
    return decode(bytes)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new StoreError('corrupt', `the stored ${record.what} cannot be read: ${error.message}`, {
      cause: error,
      part: record.part,
    })
  }
}
