import { describe, expect, it } from 'vitest'
import { NodeStore } from '../../../src/store/index.ts'
import type { KeyValueStore } from '../../../src/util/index.ts'
import { createMemoryDatabase, createMemoryNodeStore } from '../../support/memory-store.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

async function readAll(store: KeyValueStore): Promise<number[][][]> {
  const all: number[][][] = []
  for await (const [key, value] of store.entries()) all.push([[...key], [...value]])
  return all
}

describe('NodeStore', () => {
  it('keeps records of each part apart, sorted by key', async () => {
    const store = createMemoryNodeStore()
    const [bans, addresses] = [store.namespace('ban'), store.namespace('address')]
    await bans.write([
      { key: bytes(2), value: bytes(20) },
      { key: bytes(1), value: bytes() },
    ])
    await addresses.write([{ key: bytes(2), value: bytes(21) }])
    await bans.write([])
    expect(await readAll(bans)).toEqual([
      [[1], []],
      [[2], [20]],
    ])
    expect(await readAll(addresses)).toEqual([[[2], [21]]])
    await bans.write([
      { key: bytes(1), value: undefined },
      { key: bytes(2), value: bytes(22) },
    ])
    expect(await readAll(store.namespace('ban'))).toEqual([[[2], [22]]])
  })

  it('leaves out what is damaged', async () => {
    const database = createMemoryDatabase()
    const store = new NodeStore(database)
    const bans = store.namespace('ban')
    await bans.write([1, 2, 3].map((key) => ({ key: bytes(key), value: bytes(10 * key) })))
    for await (const [key, value] of database.iterator()) {
      if (key.at(-1) !== 2) continue
      const damaged = Uint8Array.from(value)
      damaged[0] = 0xff
      await database.put(key, damaged)
    }
    expect(await readAll(bans)).toEqual([
      [[1], [10]],
      [[3], [30]],
    ])
  })

  it('tells of a disk that fails', async () => {
    const store = createMemoryNodeStore()
    await store.close()
    await expect(
      store.namespace('ban').write([{ key: bytes(1), value: bytes(1) }]),
    ).rejects.toMatchObject({ name: 'StoreError', code: 'io' })
  })
})
