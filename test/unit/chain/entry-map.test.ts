import { describe, expect, test } from 'vitest'
import { BlockEntry } from '../../../src/chain/block-entry.ts'
import { EntryMap } from '../../../src/chain/entry-map.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { type BlockHash, toDisplayHex } from '../../../src/primitives/index.ts'

/** An entry whose hash begins and ends with given bytes. */
function makeEntry(first: readonly number[], last: number): BlockEntry {
  const hash = new Uint8Array(32)
  hash.set(first)
  hash[31] = last
  const { header } = createConsensusParams(REGTEST_SPEC).genesis
  return new BlockEntry({ header, hash: hash as BlockHash, prev: undefined, firstSeenMs: 0 })
}

describe('entries by their hashes', () => {
  test('are found by the hash as people write it, whatever bytes it begins with', () => {
    const map = new EntryMap()
    const entries = [
      [0, 0, 0, 0],
      [255, 255, 255, 255],
      [1, 2, 3, 4],
      [4, 3, 2, 1],
      [0, 0, 0, 128],
      [0, 0, 0, 64],
    ].map((first) => makeEntry(first, 7))
    for (const entry of entries) map.add(entry)
    expect(map.size).toBe(entries.length)
    for (const entry of entries) {
      expect(map.get(toDisplayHex(entry.hash))).toBe(entry)
      expect(map.has(entry)).toBe(true)
    }
    expect(new Set(map)).toEqual(new Set(entries))
  })

  test('are told apart though they begin alike, in any order of leaving', () => {
    const first = [9, 8, 7, 6]
    for (const leaver of [0, 1, 2]) {
      const map = new EntryMap()
      const entries = [1, 2, 3].map((last) => makeEntry(first, last))
      for (const entry of entries) map.add(entry)
      const [gone] = entries.splice(leaver, 1)
      if (gone === undefined) throw new Error('no such entry')
      map.delete(gone)
      expect(map.size).toBe(2)
      expect(map.get(gone.hashHex)).toBeUndefined()
      for (const entry of entries) expect(map.get(entry.hashHex)).toBe(entry)
      map.add(gone)
      expect(map.get(gone.hashHex)).toBe(gone)
      expect([...map]).toHaveLength(3)
    }
  })

  test('are not found by a hash that only begins alike, nor by what is no hash', () => {
    const map = new EntryMap()
    map.add(makeEntry([0, 0, 0, 0], 1))
    expect(map.get(makeEntry([0, 0, 0, 0], 2).hashHex)).toBeUndefined()
    expect(map.get('' as ReturnType<typeof toDisplayHex>)).toBeUndefined()
    expect(map.get('zz' as ReturnType<typeof toDisplayHex>)).toBeUndefined()
    expect(map.has(makeEntry([0, 0, 0, 0], 1))).toBe(false)
  })
})
