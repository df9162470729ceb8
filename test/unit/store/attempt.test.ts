import { describe, expect, it } from 'vitest'
import { isDatabaseDamage } from '../../../src/store/index.ts'

function failure(code: string | undefined, message: string): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}

describe('isDatabaseDamage', () => {
  it.each([
    ['LEVEL_CORRUPTION', 'Corruption: block checksum mismatch'],
    ['LEVEL_IO_ERROR', 'IO error: db/state/000005.ldb: Invalid argument'],
    ['LEVEL_IO_ERROR', 'IO error: db/state/000005.ldb: No such file or directory'],
    [undefined, 'Invalid argument: db/state: does not exist (create_if_missing is false)'],
  ])('is %s, %s', (code, message) => {
    expect(isDatabaseDamage(failure(code, message))).toBe(true)
  })

  it.each([
    ['LEVEL_IO_ERROR', 'IO error: db/state/000017.ldb: File too large'],
    ['LEVEL_IO_ERROR', 'IO error: db/state/LOCK: Read-only file system'],
    ['LEVEL_IO_ERROR', 'IO error: db/state/000017.ldb: Input/output error'],
    ['LEVEL_IO_ERROR', 'IO error: db/state/000017.ldb: Disk quota exceeded'],
    [
      'ENOENT',
      'ENOENT: no such file or directory, open db/state.created: No such file or directory',
    ],
  ])('is not %s, %s', (code, message) => {
    expect(isDatabaseDamage(failure(code, message))).toBe(false)
  })
})
