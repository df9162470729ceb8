import { expect, it } from 'vitest'
import { ByteReader } from '../../../src/util/index.ts'

// LevelDB hands out Buffers, whose own `slice` copies nothing.
it.each([
  ['an array', Uint8Array.of(1, 2, 3, 4)],
  ['a Buffer', Buffer.from([1, 2, 3, 4])],
  ['a part of a Buffer', Buffer.from([0, 1, 2, 3, 4, 5]).subarray(1, 5)],
])('reads copies from %s', (_, bytes) => {
  const read = new ByteReader(bytes).readBytes(2)
  expect(read).toEqual(Uint8Array.of(1, 2))
  expect(read.buffer).not.toBe(bytes.buffer)
  bytes.fill(9)
  expect(read).toEqual(Uint8Array.of(1, 2))
})
