import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import * as btc from '@scure/btc-signer'
import { describe, expect, it } from 'vitest'
import { encodeHex } from '../../../src/util/index.ts'
import { createRegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const REGTEST = { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4, wif: 0xef }
const KEYS = ['one', 'two', 'three'].map((name) => sha256(utf8ToBytes(name)))
const PUBLIC_KEYS = KEYS.map((key) => secp256k1.getPublicKey(key, true))
const [KEY = new Uint8Array()] = KEYS
const [PUBLIC_KEY = new Uint8Array()] = PUBLIC_KEYS
const WIFS = KEYS.map((key) => btc.WIF(REGTEST).encode(key))
const stranger = new TestWallet('stranger')

interface Spend {
  readonly name: string
  readonly script: Uint8Array
  readonly redeemScript?: Uint8Array | undefined
  readonly witnessScript?: Uint8Array | undefined
  readonly keyCount: number
}

const multisig = btc.p2ms(2, PUBLIC_KEYS)
const spends: readonly Spend[] = [
  { name: 'pubkey', script: btc.p2pk(PUBLIC_KEY).script, keyCount: 1 },
  { name: 'pubkeyhash', script: btc.p2pkh(PUBLIC_KEY, REGTEST).script, keyCount: 1 },
  { name: 'multisig', script: multisig.script, keyCount: 2 },
  { ...btc.p2sh(multisig, REGTEST), name: 'scripthash of multisig', keyCount: 2 },
  { ...btc.p2sh(btc.p2wpkh(PUBLIC_KEY), REGTEST), name: 'scripthash of wpkh', keyCount: 1 },
  { name: 'witness_v0_keyhash', script: btc.p2wpkh(PUBLIC_KEY).script, keyCount: 1 },
  { ...btc.p2wsh(multisig), name: 'witness_v0_scripthash', keyCount: 2 },
  { ...btc.p2sh(btc.p2wsh(multisig), REGTEST), name: 'scripthash of wsh', keyCount: 2 },
  { name: 'witness_v1_taproot', script: btc.p2tr(PUBLIC_KEY.slice(1)).script, keyCount: 1 },
]

describe('signrawtransactionwithkey', () => {
  it.each(spends)('spends $name', async (spend) => {
    const node = await createRegtestNode()
    const [hash] = await node.mine(1, spend.script)
    await node.mine(100, stranger.script('p2wpkh'))
    const { tx } = await node.call('getblock', hash)
    const raw = await node.call('createrawtransaction', [{ txid: tx[0], vout: 0 }], {
      [stranger.address('p2tr')]: 49.99,
    })
    const { redeemScript, witnessScript } = spend
    const prevTx = {
      txid: tx[0],
      vout: 0,
      scriptPubKey: encodeHex(spend.script),
      amount: 50,
      ...(redeemScript === undefined ? {} : { redeemScript: encodeHex(redeemScript) }),
      ...(witnessScript === undefined ? {} : { witnessScript: encodeHex(witnessScript) }),
    }
    const none = await node.call('signrawtransactionwithkey', raw, [], [prevTx])
    expect(none.complete).toBe(false)
    expect(none.errors).toHaveLength(1)
    const keys = WIFS.slice(0, spend.keyCount)
    const signed = await node.call('signrawtransactionwithkey', raw, keys, [prevTx])
    expect(signed.errors).toBeUndefined()
    const txid = await node.call('sendrawtransaction', signed.hex)
    const [block] = await node.mine(1, stranger.script('p2wpkh'))
    expect((await node.call('getblock', block)).tx).toContain(txid)
  })

  it('never repeats a key that it does not take', async () => {
    const node = await createRegtestNode()
    const raw = await node.call('createrawtransaction', [{ txid: '11'.repeat(32), vout: 0 }], {})
    const bad = `${WIFS[0]}x`
    expect(await node.refusal('signrawtransactionwithkey', raw, [bad])).toBe(
      '-5 Invalid private key',
    )
    expect(KEY).toHaveLength(32)
  })
})
