/** @module Keys and signatures for tests, by a library that shares no code with ours. */

import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import * as btc from '@scure/btc-signer'
import { pubECDSA, pubSchnorr } from '@scure/btc-signer/utils.js'
import {
  computeTxid,
  decodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../../src/primitives/index.ts'

const REGTEST = { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4, wif: 0xef }

/** The kinds of key spends. */
export type SpendKind = 'p2pkh' | 'p2wpkh' | 'p2tr'

/** A key with its outputs. */
export class TestWallet {
  readonly #key: Uint8Array

  constructor(seed: string) {
    this.#key = sha256(utf8ToBytes(seed))
  }

  #payment(kind: SpendKind) {
    const publicKey = pubECDSA(this.#key)
    if (kind === 'p2pkh') return btc.p2pkh(publicKey, REGTEST)
    if (kind === 'p2wpkh') return btc.p2wpkh(publicKey, REGTEST)
    return btc.p2tr(pubSchnorr(this.#key), undefined, REGTEST)
  }

  /** The output script of this key. */
  script(kind: SpendKind): Uint8Array {
    return this.#payment(kind).script
  }

  address(kind: SpendKind): string {
    return this.#payment(kind).address ?? ''
  }

  /** Spends one output of a transaction to a script. */
  spend(
    from: Transaction,
    vout: number,
    kind: SpendKind,
    to: Uint8Array,
    value: bigint,
    sequence = 0xffff_ffff,
  ): Transaction {
    const output = from.outputs[vout]
    if (output === undefined) throw new RangeError('no such output')
    const tx = new btc.Transaction({ allowUnknownOutputs: true, allowLegacyWitnessUtxo: true })
    tx.addInput({
      txid: toDisplayHex(computeTxid(from)),
      index: vout,
      sequence,
      witnessUtxo: { script: output.scriptPubKey, amount: output.value },
      ...(kind === 'p2tr' ? { tapInternalKey: pubSchnorr(this.#key) } : {}),
    })
    tx.addOutput({ script: to, amount: value })
    tx.sign(this.#key)
    tx.finalize()
    return decodeTransaction(tx.extract())
  }
}
