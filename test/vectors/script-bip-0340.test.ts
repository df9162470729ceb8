import { expect, it } from 'vitest'
import { nobleSignatureEngine } from '../../src/script/index.ts'
import { decodeHex } from '../../src/util/index.ts'
import { describeVectors, readVectorText, VectorTally } from './vectors.support.ts'

describeVectors('bips/bip-0340-schnorr.csv', () => {
  it('every signature, good and bad', () => {
    const rows = readVectorText('bips/bip-0340-schnorr.csv').trim().split(/\r?\n/).slice(1)
    const tally = new VectorTally('bips/bip-0340-schnorr.csv')
    for (const row of rows) {
      tally.run(row.slice(0, 80), () => {
        const [, , key = '', , message = '', signature = '', result = ''] = row.split(',')
        const isValid = nobleSignatureEngine.verifySchnorr(
          decodeHex(key),
          decodeHex(signature),
          decodeHex(message),
        )
        expect(isValid).toBe(result === 'TRUE')
      })
    }
    tally.finish(rows.length)
  })
})
