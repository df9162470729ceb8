import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  computeNetworkMagic,
  createConsensusParams,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import { encodeBlockRecord, readBlockFile } from '../../../src/platform/nodejs/block-file.ts'
import { encodeBlock } from '../../../src/primitives/index.ts'
import { concatBytes, decodeHex, encodeHex } from '../../../src/util/index.ts'
import { createBlocks, placeGenesis } from '../../support/chain-generator.ts'

const params = createConsensusParams(REGTEST_SPEC)
const magic = computeNetworkMagic(params)
const bodies = createBlocks(placeGenesis(params), params, 20).map(({ block }) => encodeBlock(block))
const records = bodies.map((bytes) => encodeBlockRecord(magic, bytes))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry-block-file-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

async function read(...parts: readonly Uint8Array[]): Promise<readonly string[]> {
  const path = join(folder, 'blocks')
  writeFileSync(path, concatBytes(...parts))
  const found: string[] = []
  for await (const { bytes } of readBlockFile(path, magic)) found.push(encodeHex(bytes))
  return found
}

describe('readBlockFile', () => {
  it('reads every block, with zeros between them and behind them', async () => {
    const zeros = new Uint8Array(1_000)
    expect(await read(...records)).toEqual(bodies.map(encodeHex))
    expect(await read(zeros, ...records.flatMap((record) => [record, zeros]))).toEqual(
      bodies.map(encodeHex),
    )
  })

  it('reads blocks across the borders of what it reads at a time', async () => {
    const large = new Uint8Array(400_000).fill(1)
    const record = encodeBlockRecord(magic, large)
    const found = await read(record, record, record, record, record, record)
    expect(found).toEqual(Array.from({ length: 6 }, () => encodeHex(large)))
  })

  it('finds nothing in an empty file', async () => {
    expect(await read()).toEqual([])
  })

  it('refuses the magic bytes of another chain', async () => {
    const other = encodeBlockRecord(decodeHex('f9beb4d9'), bodies[0] ?? new Uint8Array())
    await expect(read(...records, other)).rejects.toMatchObject({ code: 'wrong-magic' })
  })

  it.each([
    ['before its size', 6],
    ['in the block', 60],
    ['before its last byte', -1],
  ])('refuses a file that ends %s', async (_, end) => {
    const [first = new Uint8Array()] = records
    await expect(read(first, first.subarray(0, end))).rejects.toMatchObject({ code: 'truncated' })
  })

  it.each([0, 80, 4_000_001, 0xffff_ffff])('refuses a size of %d', async (size) => {
    const head = new Uint8Array(8)
    head.set(magic)
    new DataView(head.buffer).setUint32(4, size, true)
    await expect(read(head, new Uint8Array(100).fill(1))).rejects.toMatchObject({
      code: 'bad-length',
    })
  })

  it('says so if there is no file', async () => {
    const reading = readBlockFile(join(folder, 'none'), magic).next()
    await expect(reading).rejects.toMatchObject({ code: 'unreadable' })
  })
})
