import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { base64 } from '@scure/base'
import * as btc from '@scure/btc-signer'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeHex } from '../../../src/util/index.ts'
import { createRegtestNode, type RegtestNode } from '../../support/regtest-node.ts'

const REGTEST = { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4, wif: 0xef }
const TXID = '11'.repeat(32)
const KEY = sha256(utf8ToBytes('scripts in words'))
const PUBLIC_KEY = secp256k1.getPublicKey(KEY, true)
const COMPRESSED = encodeHex(PUBLIC_KEY)
const UNCOMPRESSED = encodeHex(secp256k1.getPublicKey(KEY, false))
const HYBRID = `06${UNCOMPRESSED.slice(2)}`

let node: RegtestNode
beforeAll(async () => {
  node = await createRegtestNode()
})

describe('decoderawtransaction', () => {
  it('names the hash type of signatures in input scripts, and in no others', async () => {
    const signature = `30440220${'11'.repeat(32)}0220${'22'.repeat(32)}`
    const tx = (hashType: string) => {
      const script = `47${signature}${hashType}21${COMPRESSED}`
      const length = (script.length / 2).toString(16)
      return `0200000001${TXID}00000000${length}${script}ffffffff010000000000000000${length}${script}00000000`
    }
    const show = async (hashType: string) => {
      const { vin, vout } = await node.call('decoderawtransaction', tx(hashType))
      expect(vout[0].scriptPubKey.asm).toBe(`${signature}${hashType} ${COMPRESSED}`)
      return vin[0].scriptSig.asm
    }
    expect(await show('01')).toBe(`${signature}[ALL] ${COMPRESSED}`)
    expect(await show('83')).toBe(`${signature}[SINGLE|ANYONECANPAY] ${COMPRESSED}`)
    expect(await show('05')).toBe(`${signature}05 ${COMPRESSED}`)
  })
})

describe('decodepsbt', () => {
  it('names the hash type of signatures in input scripts', async () => {
    const tx = new btc.Transaction({ allowLegacyWitnessUtxo: true })
    const { script } = btc.p2pkh(PUBLIC_KEY, REGTEST)
    tx.addInput({ txid: TXID, index: 0, witnessUtxo: { amount: 2_000n, script } })
    tx.addOutput({ amount: 1_000n, script })
    tx.sign(KEY)
    tx.finalize()
    const { inputs } = await node.call('decodepsbt', base64.encode(tx.toPSBT()))
    expect(inputs[0].final_scriptSig.asm).toMatch(/^30[0-9a-f]+\[ALL\] 0[23][0-9a-f]{64}$/)
  })
})

describe('decodescript', () => {
  const decode = (hex: string) => node.call('decodescript', hex)

  it.each([
    ['an uncompressed key', `41${UNCOMPRESSED}ac`],
    ['an uncompressed key of several', `5121${COMPRESSED}41${UNCOMPRESSED}52ae`],
  ])('offers no segwit form of %s', async (_what, hex) => {
    const shown = await decode(hex)
    expect(shown.p2sh).toMatch(/^2/)
    expect(shown.segwit).toBeUndefined()
  })

  it.each([
    ['OP_RESERVED', '50'],
    ['OP_CHECKSIGADD', 'ba'],
    ['an opcode that tapscript will give a meaning', '5187bb'],
    ['OP_CAT', '7e'],
    ['a push that lacks bytes', '0501'],
    ['a push of more than 520 bytes', `4d0902${'00'.repeat(521)}75`],
    ['OP_RETURN', '6a'],
    ['P2SH', `a914${'11'.repeat(20)}87`],
    ['P2TR', `5120${COMPRESSED.slice(2)}`],
    ['an anchor', '51024e73'],
    ['a witness program of the future', '52024e73'],
  ])('wraps nothing that nobody could spend: %s', async (_what, hex) => {
    const shown = await decode(hex)
    expect(shown.p2sh).toBeUndefined()
    expect(shown.segwit).toBeUndefined()
  })

  it('wraps witness programs in P2SH alone', async () => {
    const shown = await decode(`0014${'11'.repeat(20)}`)
    expect(shown.p2sh).toMatch(/^2/)
    expect(shown.segwit).toBeUndefined()
  })

  it.each([
    ['multisig', `5121${COMPRESSED}51ae`, `wsh(multi(1,${COMPRESSED}))`],
    // Core would need Miniscript for the first, and the key itself for the others.
    ['nonstandard', '51', undefined],
    ['pubkey', `21${COMPRESSED}ac`, undefined],
    ['pubkeyhash', `76a914${'11'.repeat(20)}88ac`, undefined],
  ])('infers the descriptor of the segwit form of %s', async (type, hex, descriptor) => {
    const shown = await decode(hex)
    expect(shown.type).toBe(type)
    const { address, desc } = shown.segwit
    expect(desc.replace(/#[a-z0-9]{8}$/, '')).toBe(descriptor ?? `addr(${address})`)
    expect(shown.segwit['p2sh-segwit']).toMatch(/^2/)
  })

  it('infers no descriptor with a hybrid key', async () => {
    for (const hex of [`41${HYBRID}ac`, `5141${HYBRID}51ae`]) {
      expect((await decode(hex)).desc).toMatch(`raw(${hex})`)
    }
  })
})
