import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { computeNodePaths, openDataDirectory } from '../../../src/platform/nodejs/data-directory.ts'
import { lockDirectory } from '../../../src/platform/nodejs/directory-lock.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry-lock-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

const refusal = { code: 'taken', message: (pid: number) => `held by ${pid}` }

/** Takes a lock on a file system that answers a request for a hard link so; undefined makes the link. */
function lockWithout(code: string | undefined) {
  const refuse = async (): Promise<never> => {
    throw Object.assign(new TypeError(`${code}: no hard links`), { code })
  }
  return (directory: string) =>
    lockDirectory(directory, refusal, ...(code === undefined ? [] : [refuse]))
}

describe.each([undefined, 'EPERM', 'ENOTSUP', 'ENOSYS'])('lockDirectory (link: %s)', (code) => {
  const lock = lockWithout(code)

  it('refuses a second holder and lets go', async () => {
    const held = await lock(folder)
    await expect(lock(folder)).rejects.toMatchObject({
      code: 'taken',
      message: `held by ${process.pid}`,
    })
    await held.release()
    await held.release()
    await (await lock(folder)).release()
  })

  it('gives the lock to exactly one of many', async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => lock(folder)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('leaves nothing in the directory', async () => {
    await (await lock(folder)).release()
    expect(readdirSync(folder)).toEqual([])
  })

  it('respects a lock of the other form, and takes it over', async () => {
    const other = lockWithout(code === undefined ? 'EPERM' : undefined)
    const held = await other(folder)
    await expect(lock(folder)).rejects.toMatchObject({ code: 'taken' })
    await held.release()
    const child = spawn(process.execPath, ['-e', ''])
    await once(child, 'exit')
    const owner = JSON.stringify({ pid: child.pid, startTicks: null })
    if (code === undefined) {
      mkdirSync(join(folder, 'quarry.lock'))
      writeFileSync(join(folder, 'quarry.lock', 'owner'), owner)
    } else writeFileSync(join(folder, 'quarry.lock'), owner)
    await (await lock(folder)).release()
    expect(readdirSync(folder)).toEqual([])
  })

  it('takes over from a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', ''])
    await once(child, 'exit')
    writeFileSync(join(folder, 'quarry.lock'), JSON.stringify({ pid: child.pid, startTicks: null }))
    await (await lock(folder)).release()
  })

  it.runIf(existsSync('/proc/self/stat'))(
    'takes over from a process whose number another one has now',
    async () => {
      const owner = { pid: process.pid, startTicks: '1' }
      writeFileSync(join(folder, 'quarry.lock'), JSON.stringify(owner))
      await (await lock(folder)).release()
    },
  )

  it.each(['', 'garbage', '{}', '{"pid":-1}', '[]', 'null'])(
    'takes over from a lock file that says %j',
    async (content) => {
      writeFileSync(join(folder, 'quarry.lock'), content)
      const held = await lock(folder)
      await expect(lock(folder)).rejects.toMatchObject({ message: `held by ${process.pid}` })
      await held.release()
    },
  )
})

describe('openDataDirectory', () => {
  it('creates a directory for its owner alone', async () => {
    const directory = await openDataDirectory(join(folder, 'new', 'deep'), 'regtest')
    expect(directory.root).toBe(join(folder, 'new', 'deep', 'regtest'))
    expect(statSync(directory.root).mode & 0o777).toBe(0o700)
    expect(computeNodePaths(join(folder, 'new', 'deep'), 'regtest').cookie).toBe(directory.cookie)
    await directory.release()
  })

  it('says who uses it and what to do', async () => {
    const directory = await openDataDirectory(folder, 'regtest')
    await expect(openDataDirectory(folder, 'regtest')).rejects.toMatchObject({
      code: 'datadir-in-use',
      message: expect.stringMatching(new RegExp(`process ${process.pid}.*--datadir`)),
    })
    await directory.release()
  })

  it('keeps chains apart', async () => {
    const one = await openDataDirectory(folder, 'regtest')
    const other = await openDataDirectory(folder, 'main')
    await Promise.all([one.release(), other.release()])
  })

  it('says what is wrong with a path that is no directory', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(openDataDirectory(join(folder, 'file'), 'regtest')).rejects.toMatchObject({
      code: 'datadir-unusable',
      message: expect.stringContaining('--datadir'),
    })
  })
})
