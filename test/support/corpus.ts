/** @module Bytes that other nodes might send: valid frames and broken ones, a start for those who change them. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'

/** A run of bytes and what it is. Whatever input makes something fail belongs into the file. */
export interface CorpusEntry {
  readonly what: string
  readonly bytes: Uint8Array
}

const FILE = new URL('../corpus/stream-frames.json', import.meta.url)

/** Everything in the file. */
export const CORPUS: readonly CorpusEntry[] = (
  JSON.parse(readFileSync(FILE, 'utf8')) as { what: string; hex: string }[]
).map(({ what, hex }) => ({ what, bytes: Uint8Array.from(Buffer.from(hex, 'hex')) }))

/** Bytes that are an entry of the corpus with some of them changed, cut or repeated, or just any. */
export function arbitraryBytes(): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) })
  const changed = fc
    .tuple(
      fc.constantFrom(...CORPUS.map(({ bytes }) => bytes)),
      fc.array(change, { maxLength: 5 }),
      fc.nat({ max: 200 }),
      fc.integer({ min: 1, max: 3 }),
    )
    .map(([bytes, changes, cut, times]) => {
      const copy = Uint8Array.from(Array.from({ length: times }, () => [...bytes]).flat())
      for (const { at, to } of changes) copy[at % copy.length] = to
      return copy.subarray(0, Math.max(1, copy.length - cut))
    })
  return fc.oneof(changed, fc.uint8Array({ minLength: 1, maxLength: 2_000 }))
}
