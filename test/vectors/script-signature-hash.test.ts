import { describe, expect, it } from 'vitest'
import { decodeTransaction, toDisplayHex } from '../../src/primitives/index.ts'
import { computeLegacySignatureHash } from '../../src/script/index.ts'
import { decodeHex } from '../../src/util/index.ts'
import { describeVectors, readVectors, VectorTally } from './vectors.support.ts'

type SighashCase = readonly [string, string, number, number, string]

describe.each(['bitcoin-core/sighash.json', 'bitcore/sighash.json'])('%s', (file) => {
  describeVectors(file, () => {
    it('every legacy signature hash', () => {
      const entries: readonly SighashCase[] = readVectors(file)
      const cases = entries.filter((entry) => entry.length > 1)
      const tally = new VectorTally(file)
      for (const [hex, script, index, hashType, expected] of cases) {
        tally.run(`${expected}`, () => {
          const tx = decodeTransaction(decodeHex(hex))
          const hash = computeLegacySignatureHash(tx, index, decodeHex(script), hashType)
          expect(toDisplayHex(hash)).toBe(expected)
        })
      }
      tally.finish(cases.length)
    })
  })
})
