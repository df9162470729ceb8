import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRpcFiles } from '../../../src/platform/nodejs/rpc-files.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry-rpc-files-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Pieces, and whether anybody has asked for them. */
function createPieces(failure?: Error) {
  const seen = { isBegun: false }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    seen.isBegun = true
    yield Uint8Array.of(0, 0, 3)
    if (failure !== undefined) throw failure
    yield new Uint8Array(100_000).fill(4)
  }
  return { seen, pieces: pieces() }
}

const getHead = (): Uint8Array => Uint8Array.of(1, 2)

describe('createRpcFiles', () => {
  it('writes a file whose beginning is known at the end', async () => {
    const path = await createRpcFiles(folder).write('file', createPieces().pieces, getHead)
    expect(path).toBe(join(folder, 'file'))
    expect(readdirSync(folder)).toEqual(['file'])
    const bytes = readFileSync(path)
    expect(bytes).toHaveLength(100_003)
    expect([...bytes.subarray(0, 5)]).toEqual([1, 2, 3, 4, 4])
    const read: Uint8Array[] = []
    for await (const piece of createRpcFiles('/').read(path)) read.push(piece)
    expect(Buffer.concat(read)).toEqual(bytes)
  })

  it.each([
    ['file', 'move it out of the way'],
    ['file.incomplete', 'In that case remove it'],
  ])('leaves %s as it is, and asks for no bytes', async (name, cure) => {
    writeFileSync(join(folder, name), 'there')
    const { seen, pieces } = createPieces()
    await expect(createRpcFiles(folder).write('file', pieces, getHead)).rejects.toThrow(cure)
    expect(seen.isBegun).toBe(false)
    expect(readFileSync(join(folder, name), 'utf8')).toBe('there')
    expect(readdirSync(folder)).toEqual([name])
  })

  it('leaves nothing behind if the bytes fail', async () => {
    const failure = new Error('no more')
    const { pieces } = createPieces(failure)
    await expect(createRpcFiles(folder).write('file', pieces, getHead)).rejects.toBe(failure)
    expect(readdirSync(folder)).toEqual([])
  })

  it('says which file cannot be read or written', async () => {
    const files = createRpcFiles(folder)
    const path = join(folder, 'none', 'file')
    await expect(files.write('none/file', createPieces().pieces, getHead)).rejects.toThrow(path)
    await expect(files.read('none/file')[Symbol.asyncIterator]().next()).rejects.toThrow(path)
    expect(existsSync(path)).toBe(false)
  })
})
