import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NodeLogFile } from '../../../src/platform/nodejs/node-log-file.ts'

let folder = ''
let path = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry-log-'))
  path = join(folder, 'node.log')
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('NodeLogFile', () => {
  it('writes whole lines from pieces', () => {
    const log = new NodeLogFile(path)
    log.write('on')
    log.write('e\ntwo\nthr')
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
    log.end()
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\nthr\n')
    expect(log.tail).toEqual(['one', 'two', 'thr'])
  })

  it('keeps the last lines only', () => {
    const log = new NodeLogFile(path)
    for (let i = 0; i < 100; i++) log.write(`line ${i}\n`)
    expect(log.tail).toHaveLength(20)
    expect(log.tail.at(-1)).toBe('line 99')
  })

  it('stays within two files of the given size, also over restarts', () => {
    for (let start = 0; start < 3; start++) {
      const log = new NodeLogFile(path, 1_000)
      for (let i = 0; i < 100; i++) log.write(`${'x'.repeat(49)}\n`)
    }
    expect(statSync(path).size).toBeLessThanOrEqual(1_000)
    expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(1_000)
  })

  it('bounds a line that never ends', () => {
    const log = new NodeLogFile(path)
    for (let i = 0; i < 100; i++) log.write('x'.repeat(10_000))
    log.end()
    expect(statSync(path).size).toBeLessThan(80_000)
    expect(log.tail[0]?.length).toBe(1_000)
  })

  it('goes on without a disk', () => {
    const log = new NodeLogFile(join(folder, 'missing', 'node.log'))
    log.write('still here\n')
    expect(log.tail).toEqual(['still here'])
  })
})
