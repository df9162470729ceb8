import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineReader, MAX_LINE_BYTES } from '../../../src/stratum/index.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('a line reader', () => {
  it('finds the same lines however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ' '))),
        fc.array(fc.nat(40)),
        (texts, cuts) => {
          const bytes = encode(texts.map((text) => `${text}\n`).join(''))
          const reader = new LineReader()
          const lines: string[] = []
          let at = 0
          for (const cut of [...cuts, bytes.length]) {
            lines.push(...(reader.push(bytes.slice(at, at + cut)) ?? []))
            at += cut
          }
          expect(lines).toEqual(texts)
        },
      ),
    )
  })

  it('gives a line of the greatest length, and nothing for a longer one', () => {
    const longest = new LineReader()
    expect(longest.push(new Uint8Array(MAX_LINE_BYTES).fill(0x61))).toEqual([])
    expect(longest.push(encode('\n'))).toHaveLength(1)
    const tooLong = new LineReader()
    tooLong.push(new Uint8Array(MAX_LINE_BYTES).fill(0x61))
    expect(tooLong.push(encode('a'))).toBe(undefined)
  })

  it('keeps nothing of a stream of ten megabytes without a line end', () => {
    const reader = new LineReader()
    const chunk = new Uint8Array(65_536)
    expect(reader.push(chunk)).toBe(undefined)
  })
})
