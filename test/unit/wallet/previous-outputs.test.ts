import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import * as btc from '@scure/btc-signer'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeHex } from '../../../src/util/index.ts'
import { createRegtestNode, type RegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const REGTEST = { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4, wif: 0xef }
const TXID = '11'.repeat(32)
const KEY = sha256(utf8ToBytes('previous outputs'))
const WIF = btc.WIF(REGTEST).encode(KEY)
const PUBLIC_KEY = secp256k1.getPublicKey(KEY, true)
const STRANGER_KEY = secp256k1.getPublicKey(sha256(utf8ToBytes('stranger')), true)
/** In strict DER, its S low; made by no key. */
const FOREIGN_SIGNATURE = `30440220${'11'.repeat(32)}0220${'22'.repeat(32)}`
const ADDRESS = new TestWallet('payee').address('p2wpkh')

let node: RegtestNode
beforeAll(async () => {
  node = await createRegtestNode()
})

describe('signrawtransactionwithkey', () => {
  const sign = async (prevTx: object) => {
    const raw = await node.call('createrawtransaction', [{ txid: TXID, vout: 0 }], {
      [ADDRESS]: 1,
    })
    return ['signrawtransactionwithkey', raw, [WIF], [{ txid: TXID, vout: 0, ...prevTx }]] as const
  }
  const spent = (script: Uint8Array) => ({ scriptPubKey: encodeHex(script) })
  const legacy = btc.p2pkh(PUBLIC_KEY, REGTEST)
  const segwit = btc.p2wpkh(PUBLIC_KEY, REGTEST)
  const multisig = btc.p2ms(1, [PUBLIC_KEY])

  it.each([
    ['pubkeyhash', spent(legacy.script)],
    ['pubkey', spent(btc.p2pk(PUBLIC_KEY).script)],
    ['multisig', spent(multisig.script)],
    [
      'scripthash',
      { ...spent(btc.p2sh(multisig).script), redeemScript: encodeHex(multisig.script) },
    ],
  ])('signs a %s input whose amount is not told', async (_type, prevTx) => {
    const signed = await node.call(...(await sign(prevTx)))
    expect(signed.errors).toBeUndefined()
    expect(signed.complete).toBe(true)
  })

  it.each([
    ['witness_v0_keyhash', spent(segwit.script)],
    [
      'nested witness_v0_keyhash',
      { ...spent(btc.p2sh(segwit).script), redeemScript: encodeHex(segwit.script) },
    ],
    [
      'witness_v0_scripthash',
      { ...spent(btc.p2wsh(multisig).script), witnessScript: encodeHex(multisig.script) },
    ],
    ['witness_v1_taproot', spent(btc.p2tr(PUBLIC_KEY.slice(1)).script)],
  ])('needs the amount of a %s input', async (_type, prevTx) => {
    expect(await node.refusal(...(await sign(prevTx)))).toBe(
      `-3 Missing amount for CTxOut(nValue=21000000.00000000, scriptPubKey=${prevTx.scriptPubKey.slice(0, 30)})`,
    )
    const signed = await node.call(...(await sign({ ...prevTx, amount: 2 })))
    expect(signed.complete).toBe(true)
  })

  it('does not need the amount of an input that it cannot sign', async () => {
    const stranger = new TestWallet('stranger').script('p2wpkh')
    const { complete, errors } = await node.call(...(await sign(spent(stranger))))
    expect(complete).toBe(false)
    expect(errors).toHaveLength(1)
  })

  it.each([
    ['-22 vout cannot be negative', { ...spent(legacy.script), vout: -1 }],
    ["-8 scriptPubKey must be hexadecimal string (not 'xy')", { scriptPubKey: 'xy' }],
    ['-8 Missing redeemScript/witnessScript', spent(btc.p2sh(multisig).script)],
    [
      '-8 redeemScript/witnessScript does not match scriptPubKey',
      { ...spent(btc.p2sh(multisig).script), redeemScript: '51' },
    ],
    [
      '-8 redeemScript/witnessScript does not match scriptPubKey',
      { ...spent(btc.p2wsh(multisig).script), witnessScript: '51' },
    ],
    [
      '-8 redeemScript does not correspond to witnessScript',
      {
        ...spent(btc.p2sh(btc.p2wsh(multisig)).script),
        redeemScript: '51',
        witnessScript: encodeHex(multisig.script),
      },
    ],
  ])('answers %s', async (error, prevTx) => {
    expect(await node.refusal(...(await sign(prevTx)))).toBe(error)
  })

  it.each([
    ['Unable to sign input, invalid stack size (possibly missing key)', legacy.script, ''],
    // A signature of nobody: the script runs, and is not satisfied.
    [
      'CHECK(MULTI)SIG failing with non-zero signature (possibly need more signatures)',
      btc.p2pk(STRANGER_KEY).script,
      `47${FOREIGN_SIGNATURE}01`,
    ],
    [
      'Script evaluated without error but finished with a false/empty top stack element',
      btc.p2pk(STRANGER_KEY).script,
      '00',
    ],
    ['Witness program hash mismatch', btc.p2wpkh(STRANGER_KEY, REGTEST).script, ''],
  ])('says of an input: %s', async (error, script, scriptSig) => {
    const length = (scriptSig.length / 2).toString(16).padStart(2, '0')
    const raw = `0200000001${TXID}00000000${length}${scriptSig}ffffffff0100000000000000000151${'00'.repeat(4)}`
    const prevTx = { txid: TXID, vout: 0, ...spent(script) }
    const { errors } = await node.call('signrawtransactionwithkey', raw, [], [prevTx])
    expect(errors).toMatchObject([{ txid: TXID, vout: 0, scriptSig, error }])
  })

  it('finds the witness program of a witness script behind a hash by itself', async () => {
    for (const name of ['redeemScript', 'witnessScript']) {
      const prevTx = {
        ...spent(btc.p2sh(btc.p2wsh(multisig)).script),
        [name]: encodeHex(multisig.script),
        amount: 2,
      }
      expect((await node.call(...(await sign(prevTx)))).complete).toBe(true)
    }
  })
})
