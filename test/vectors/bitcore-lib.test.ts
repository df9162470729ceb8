/** Sets that bitcore-lib carries and nobody else here: they run on every machine. */

import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import {
  checkMerkleRoot,
  checkProofOfWork,
  createConsensusParams,
  MAINNET_SPEC,
} from '../../src/consensus/index.ts'
import { computeBlockHash, decodeBlock, encodeBlock } from '../../src/primitives/index.ts'
import {
  AddressError,
  decodeAddress,
  encodeAddress,
  nobleSignatureEngine,
} from '../../src/script/index.ts'
import { hasDefinedHashType, isStrictDerSignature } from '../../src/script/signature-encoding.ts'
import { decodeHex, encodeHex, isHex } from '../../src/util/index.ts'
import { describeVectors, readVectors, VectorTally } from './vectors.support.ts'

const mainnet = createConsensusParams(MAINNET_SPEC)
const PREFIXES = {
  main: mainnet.addressPrefixes,
  test: { pubkeyHash: 0x6f, scriptHash: 0xc4, secretKey: 0xef, bech32: 'tb' },
}

const SCHNORR = 'bitcore/bip340.js'

describeVectors(SCHNORR, () => {
  it('every signature, good and bad', () => {
    const require = createRequire(import.meta.url)
    const cases: readonly {
      readonly public_key: string
      readonly message: string
      readonly signature: string
      readonly verification_result: boolean
    }[] = require('bitcore-lib/test/data/bip340.js')
    const tally = new VectorTally(SCHNORR)
    for (const { public_key: key, message, signature, verification_result: expected } of cases) {
      tally.run(signature, () => {
        const [keyBytes, signatureBytes, hash] = [key, signature, message].map(decodeHex)
        if (keyBytes === undefined || signatureBytes === undefined || hash === undefined) {
          throw new RangeError('a field is missing')
        }
        expect(nobleSignatureEngine.verifySchnorr(keyBytes, signatureBytes, hash)).toBe(expected)
      })
    }
    tally.finish(cases.length)
  })
})

const CANONICAL = 'bitcore/bitcoind/sig_canonical.json'
const NONCANONICAL = 'bitcore/bitcoind/sig_noncanonical.json'

describeVectors([CANONICAL, NONCANONICAL], () => {
  it.each([
    { file: CANONICAL, expected: true },
    { file: NONCANONICAL, expected: false },
  ])('$file: every encoding', ({ file, expected }) => {
    const entries: readonly string[] = readVectors(file)
    const tally = new VectorTally(file)
    for (const entry of entries) {
      // The file says of itself that all else is commentary.
      if (!isHex(entry)) tally.skip('comments')
      else {
        tally.run(entry, () => {
          const signature = decodeHex(entry)
          const isCanonical = isStrictDerSignature(signature) && hasDefinedHashType(signature)
          expect(isCanonical).toBe(expected)
        })
      }
    }
    tally.finish(entries.length)
  })
})

const KEYS_VALID = 'bitcore/bitcoind/base58_keys_valid.json'
const KEYS_INVALID = 'bitcore/bitcoind/base58_keys_invalid.json'

describeVectors([KEYS_VALID, KEYS_INVALID], () => {
  it('addresses both ways, private keys refused as such', () => {
    const cases: readonly (readonly [
      string,
      string,
      { readonly isPrivkey: boolean; readonly isTestnet: boolean; readonly addrType?: string },
    ])[] = readVectors(KEYS_VALID)
    const tally = new VectorTally(KEYS_VALID)
    for (const [text, hex, { isPrivkey, isTestnet, addrType }] of cases) {
      tally.run(text, () => {
        const prefixes = isTestnet ? PREFIXES.test : PREFIXES.main
        if (isPrivkey) {
          expect(() => decodeAddress(text, prefixes)).toThrow(AddressError)
          return
        }
        const script = addrType === 'script' ? `a914${hex}87` : `76a914${hex}88ac`
        expect(encodeHex(decodeAddress(text, prefixes))).toBe(script)
        expect(encodeAddress(decodeHex(script), prefixes)).toBe(text)
      })
    }
    tally.finish(cases.length)
  })

  it('nonsense is refused on every chain', () => {
    const cases: readonly (readonly [string])[] = readVectors(KEYS_INVALID)
    const tally = new VectorTally(KEYS_INVALID)
    for (const [text] of cases) {
      tally.run(text, () => {
        for (const prefixes of Object.values(PREFIXES)) {
          expect(() => decodeAddress(text, prefixes)).toThrow(AddressError)
        }
      })
    }
    tally.finish(cases.length)
  })
})

const BLOCKS = 'bitcore/bitcoind/blocks.json'

describeVectors(BLOCKS, () => {
  it('real blocks: bytes, work, merkle root', () => {
    const cases: readonly { readonly transactions: number; readonly data: string }[] =
      readVectors(BLOCKS)
    const tally = new VectorTally(BLOCKS)
    for (const { transactions, data } of cases) {
      tally.run(data.slice(0, 160), () => {
        const block = decodeBlock(decodeHex(data))
        expect(block.transactions).toHaveLength(transactions)
        expect(encodeHex(encodeBlock(block))).toBe(data)
        checkProofOfWork(block.header, computeBlockHash(block.header), mainnet)
        checkMerkleRoot(block)
      })
    }
    tally.finish(cases.length)
  })
})
