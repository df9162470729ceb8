import { schnorr } from '@noble/curves/secp256k1.js'
import { describe, expect, it } from 'vitest'
import { decodeTransaction } from '../../src/primitives/index.ts'
import {
  CONSENSUS_SCRIPT_FLAGS,
  computeTapBranchHash,
  computeTapLeafHash,
  computeTaprootSignatureHash,
  computeTapTweakHash,
  decodeAddress,
  decodeControlBlock,
  encodeAddress,
  encodeControlBlock,
  nobleSignatureEngine,
  precomputeTransactionData,
} from '../../src/script/index.ts'
import { decodeHex, encodeHex } from '../../src/util/index.ts'
import { describeVectors, findScriptError, readVectors, VectorTally } from './vectors.support.ts'

const MAINNET = { pubkeyHash: 0x00, scriptHash: 0x05, secretKey: 0x80, bech32: 'bc' }
const NO_ACCESS_OF_OTHERS = new Uint8Array(32)

interface Leaf {
  readonly id: number
  readonly script: string
  readonly leafVersion: number
}
type Tree = Leaf | readonly [Tree, Tree]

/** The hash of a tree, and on the way the path of every leaf by its number. */
function hashTree(tree: Tree, paths: Map<number, Uint8Array[]>, leaves: Leaf[]): Uint8Array {
  if ('id' in tree) {
    paths.set(tree.id, [])
    leaves.push(tree)
    return computeTapLeafHash(tree.leafVersion, decodeHex(tree.script))
  }
  const [a, b] = tree.map((child) => {
    const below: Leaf[] = []
    const hash = hashTree(child, paths, below)
    return { hash, below }
  })
  if (a === undefined || b === undefined) throw new RangeError('a branch has two children')
  for (const leaf of a.below) paths.get(leaf.id)?.push(b.hash)
  for (const leaf of b.below) paths.get(leaf.id)?.push(a.hash)
  leaves.push(...a.below, ...b.below)
  return computeTapBranchHash(a.hash, b.hash)
}

describe.each([
  'bips/bip-0341-wallet-test-vectors.json',
  'bitcore/bitcoind/wallet_test_vectors.json',
])('%s', (file) => {
  describeVectors(file, () => {
    it('outputs, trees and addresses', () => {
      const cases = readVectors(file).scriptPubKey
      const tally = new VectorTally(`${file}, outputs`)
      for (const { given, intermediary, expected } of cases) {
        tally.run(expected.bip350Address, () => {
          const internalKey = decodeHex(given.internalPubkey)
          const paths = new Map<number, Uint8Array[]>()
          const leaves: Leaf[] = []
          const root =
            given.scriptTree === null ? undefined : hashTree(given.scriptTree, paths, leaves)
          expect(root === undefined ? null : encodeHex(root)).toBe(intermediary.merkleRoot)
          const tweak = computeTapTweakHash(internalKey, root)
          expect(encodeHex(tweak)).toBe(intermediary.tweak)
          const output = nobleSignatureEngine.tweakPublicKey(internalKey, tweak)
          if (output === undefined) throw new RangeError('the tweak does not fit the key')
          expect(encodeHex(output.key)).toBe(intermediary.tweakedPubkey)
          const script = decodeAddress(expected.bip350Address, MAINNET)
          expect(encodeHex(script)).toBe(expected.scriptPubKey)
          expect(encodeAddress(script, MAINNET)).toBe(expected.bip350Address)
          const controls = leaves
            .toSorted((a, b) => a.id - b.id)
            .map(({ id, leafVersion }) => ({
              leafVersion,
              parity: output.parity,
              internalKey,
              path: paths.get(id) ?? [],
            }))
          expect(controls.map((control) => encodeHex(encodeControlBlock(control)))).toEqual(
            expected.scriptPathControlBlocks ?? [],
          )
          for (const control of controls) {
            expect(decodeControlBlock(encodeControlBlock(control))).toEqual(control)
          }
        })
      }
      tally.finish(cases.length)
    })

    it('signature hashes, and signatures that verify', () => {
      const [{ given, intermediary, inputSpending, auxiliary }] = readVectors(file).keyPathSpending
      const unsigned = decodeTransaction(decodeHex(given.rawUnsignedTx))
      const spentOutputs = given.utxosSpent.map(
        (utxo: { scriptPubKey: string; amountSats: number }) => ({
          value: BigInt(utxo.amountSats),
          scriptPubKey: decodeHex(utxo.scriptPubKey),
        }),
      )
      const shared = precomputeTransactionData(unsigned, spentOutputs)
      expect(encodeHex(shared.amounts)).toBe(intermediary.hashAmounts)
      expect(encodeHex(shared.outputs)).toBe(intermediary.hashOutputs)
      expect(encodeHex(shared.prevouts)).toBe(intermediary.hashPrevouts)
      expect(encodeHex(shared.scriptPubKeys)).toBe(intermediary.hashScriptPubkeys)
      expect(encodeHex(shared.sequences)).toBe(intermediary.hashSequences)
      const signed = decodeTransaction(decodeHex(auxiliary.fullySignedTx))
      const tally = new VectorTally(`${file}, signatures`)
      for (const spending of inputSpending) {
        const { txinIndex: index, hashType } = spending.given
        tally.run(`input ${index}`, () => {
          const hash = computeTaprootSignatureHash(unsigned, index, spentOutputs, hashType, shared)
          if (hash === undefined) throw new RangeError('the hash type is known')
          expect(encodeHex(hash)).toBe(spending.intermediary.sigHash)
          const key = decodeHex(spending.intermediary.tweakedPrivkey)
          const [expected = ''] = spending.expected.witness
          const signature = schnorr.sign(hash, key, NO_ACCESS_OF_OTHERS)
          expect(expected.slice(0, 128)).toBe(encodeHex(signature))
          const error = findScriptError(signed, spentOutputs, CONSENSUS_SCRIPT_FLAGS, undefined, [
            index,
          ])
          expect(error).toBeUndefined()
        })
      }
      tally.finish(inputSpending.length)
      expect(findScriptError(signed, spentOutputs, CONSENSUS_SCRIPT_FLAGS)).toBeUndefined()
    })
  })
})
