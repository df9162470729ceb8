/** Transactions as wallets make them: each spends one P2WPKH output into another, signed. */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { createBlock, params } from './scene.mjs'

const primitives = await import('../../../dist/primitives/index.js')
const script = await import('../../../dist/script/index.js')
const { concatBytes } = await import('../../../dist/util/index.js')

const FEE = 1_000n
const NOTHING = new Uint8Array()
const SECRET = sha256(Uint8Array.of(1, 2, 3))
const PUBLIC_KEY = secp256k1.getPublicKey(SECRET)
const KEY_HASH = script.hash160(PUBLIC_KEY)
const KEY_HASH_SCRIPT = script.createKeyHashScript(KEY_HASH)
const P2WPKH_SCRIPT = script.createWitnessScript({ version: 0, program: KEY_HASH })

function spend(tx, vout, outputs) {
  const prevout = { txid: primitives.computeTxid(tx), vout }
  const input = { prevout, scriptSig: NOTHING, sequence: primitives.SEQUENCE_FINAL, witness: [] }
  return { version: 2, inputs: [input], outputs, lockTime: 0 }
}

function sign(tx, spentOutput) {
  const shared = script.precomputeTransactionData(tx, [spentOutput])
  const { value } = spentOutput
  const hash = script.computeWitnessV0SignatureHash(
    tx,
    0,
    KEY_HASH_SCRIPT,
    value,
    script.SIGHASH_ALL,
    shared,
  )
  const der = secp256k1.sign(hash, SECRET, { prehash: false, format: 'der' })
  const witness = [concatBytes(der, Uint8Array.of(script.SIGHASH_ALL)), PUBLIC_KEY]
  return { ...tx, inputs: tx.inputs.map((input) => ({ ...input, witness })) }
}

/** A chain, and so many transactions that spend its outputs, encoded. */
export function createSignedScene(count) {
  const genesis = { header: params.genesis.header, hash: params.genesisHash, height: 0 }
  const first = createBlock(genesis, [])
  const [coinbase] = first.block.transactions
  const value = (coinbase.outputs[0].value - FEE) / BigInt(count)
  const coins = Array.from({ length: count }, () => ({ value, scriptPubKey: P2WPKH_SCRIPT }))
  const fanOut = spend(coinbase, 0, coins)
  const second = createBlock(first, [fanOut])
  const transactions = coins.map((coin, vout) => {
    const output = { value: value - FEE, scriptPubKey: P2WPKH_SCRIPT }
    return primitives.encodeTransaction(sign(spend(fanOut, vout, [output]), coin))
  })
  const blocks = [first, second].map(({ block }) => primitives.encodeBlock(block))
  return { blocks, transactions }
}
