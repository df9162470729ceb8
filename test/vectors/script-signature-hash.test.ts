import { expect, it } from 'vitest'
import { decodeTransaction, toDisplayHex } from '../../src/primitives/index.ts'
import { computeLegacySignatureHash } from '../../src/script/index.ts'
import { decodeHex } from '../../src/util/index.ts'
import { describeVectors, readVectors, VectorTally } from './script-vectors.support.ts'

type SighashCase = readonly [string, string, number, number, string]

describeVectors('bitcoin-core/sighash.json', () => {
  it('every legacy signature hash', () => {
    const entries: readonly SighashCase[] = readVectors('bitcoin-core/sighash.json')
    const cases = entries.filter((entry) => entry.length > 1)
    const tally = new VectorTally('sighash.json')
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
