import { hex } from '@scure/base'
import * as btc from '@scure/btc-signer'
import { pubECDSA, pubSchnorr } from '@scure/btc-signer/utils.js'
import { describe, expect, it } from 'vitest'
import { decodeTransaction, type TxOut } from '../../../src/primitives/index.ts'
import { STANDARD_SCRIPT_FLAGS } from '../../../src/script/index.ts'
import { findScriptError } from '../../vectors/vectors.support.ts'

const KEYS = [1, 2, 3].map((value) => new Uint8Array(32).fill(value))
const VALUE = 100_000n
const FUNDING = '55'.repeat(32)

const ecdsa = btc.p2ms(
  2,
  KEYS.map((key) => pubECDSA(key)),
)

/** Only the script of a leaf: the other library's types do not take its own leaves whole. */
function toLeaf({ script }: { readonly script: Uint8Array }): { readonly script: Uint8Array } {
  return { script: Uint8Array.from(script) }
}

const OUTPUTS = {
  'P2SH of multisig': btc.p2sh(ecdsa),
  'P2WSH of multisig': btc.p2wsh(ecdsa),
  'P2SH of P2WSH of multisig': btc.p2sh(btc.p2wsh(ecdsa)),
  'P2SH of P2WPKH': btc.p2sh(btc.p2wpkh(pubECDSA(KEYS[0] ?? new Uint8Array()))),
  'P2TR by CHECKSIGADD': btc.p2tr(
    undefined,
    toLeaf(
      btc.p2tr_ms(
        2,
        KEYS.map((key) => pubSchnorr(key)),
      ),
    ),
    undefined,
    true,
  ),
  'P2TR by one leaf of three': btc.p2tr(
    undefined,
    KEYS.map((key) => toLeaf(btc.p2tr_pk(pubSchnorr(key)))),
    undefined,
    true,
  ),
}

/** Spends an output, signed by another library. */
function sign(payment: ReturnType<typeof btc.p2sh>, hashType?: number) {
  const tx = new btc.Transaction({ allowUnknownOutputs: true, allowLegacyWitnessUtxo: true })
  const inputs = [0, 1].map((index) => ({
    ...payment,
    txid: FUNDING,
    index,
    witnessUtxo: { script: payment.script, amount: VALUE },
    ...(hashType === undefined ? {} : { sighashType: hashType }),
  }))
  for (const input of inputs) tx.addInput(input)
  for (const amount of [50_000n, 60_000n]) tx.addOutput({ script: hex.decode('6a'), amount })
  for (const key of KEYS.slice(0, 2)) {
    try {
      tx.sign(key, hashType === undefined ? undefined : [hashType])
    } catch (error) {
      // Outputs of one key have nothing for the other to sign.
      if (!(error instanceof Error) || !error.message.includes('No inputs signed')) throw error
    }
  }
  tx.finalize()
  const spent: TxOut[] = inputs.map(() => ({ value: VALUE, scriptPubKey: payment.script }))
  return { tx: decodeTransaction(tx.extract()), spent }
}

describe.each(Object.entries(OUTPUTS))('%s, signed by another library', (name, payment) => {
  it.each([undefined, 1, 2, 3, 0x81, 0x82, 0x83])('with hash type %s', (hashType) => {
    const { tx, spent } = sign(payment as ReturnType<typeof btc.p2sh>, hashType)
    expect(findScriptError(tx, spent, STANDARD_SCRIPT_FLAGS)).toBeUndefined()
    const changed = { ...tx, lockTime: 1 }
    const expected = name.startsWith('P2TR') ? 'SCHNORR_SIG' : 'SIG_NULLFAIL'
    expect(findScriptError(changed, spent, STANDARD_SCRIPT_FLAGS)).toBe(expected)
  })
})
