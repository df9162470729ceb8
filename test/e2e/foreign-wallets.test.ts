/** Coins that libraries of others receive and spend on a node: every standard kind of output, and a PSBT. */

import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import * as scure from '@scure/btc-signer'
import { pubSchnorr } from '@scure/btc-signer/utils.js'
import * as bitcoin from 'bitcoinjs-lib'
import * as ecc from 'tiny-secp256k1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningNode } from '../../src/platform/nodejs/index.ts'

const { startNode } = (await import(
  new URL('../../dist/program/nodejs/index.js', import.meta.url).href
)) as typeof import('../../src/platform/nodejs/index.ts')

bitcoin.initEccLib(ecc)
const network = bitcoin.networks.regtest
const COIN = 100_000_000n
const FEE = 2_000n

/** A key of bitcoinjs-lib's interface. */
function createSigner(name: string) {
  const key = sha256(utf8ToBytes(name))
  return {
    key,
    publicKey: ecc.pointFromScalar(key, true) as Uint8Array,
    sign: (hash: Uint8Array) => ecc.sign(hash, key),
    signSchnorr: (hash: Uint8Array) => ecc.signSchnorr(hash, key),
  }
}

const alice = createSigner('alice')
const bob = createSigner('bob')
const pubkeys = [alice.publicKey, bob.publicKey].toSorted((a, b) => Buffer.compare(a, b))
const internalPubkey = alice.publicKey.slice(1)
const leaf = {
  output: bitcoin.script.compile([internalPubkey, bitcoin.opcodes['OP_CHECKSIG'] as number]),
}
const multisig = bitcoin.payments.p2ms({ m: 2, pubkeys, network })
const p2wpkh = bitcoin.payments.p2wpkh({ pubkey: alice.publicKey, network })
const wrapped = bitcoin.payments.p2sh({ redeem: p2wpkh, network })
const p2wsh = bitcoin.payments.p2wsh({ redeem: multisig, network })
const p2sh = bitcoin.payments.p2sh({ redeem: multisig, network })
const p2tr = bitcoin.payments.p2tr({ internalPubkey, network })
const tree = bitcoin.payments.p2tr({
  internalPubkey,
  scriptTree: leaf,
  redeem: { ...leaf, redeemVersion: 0xc0 },
  network,
})
const tweaked = createTweakedSigner()

function createTweakedSigner() {
  const hash = bitcoin.crypto.taggedHash('TapTweak', internalPubkey)
  const even = alice.publicKey[0] === 3 ? ecc.privateNegate(alice.key) : alice.key
  const key = ecc.privateAdd(even, hash) as Uint8Array
  return {
    publicKey: ecc.pointFromScalar(key, true) as Uint8Array,
    sign: (digest: Uint8Array) => ecc.sign(digest, key),
    signSchnorr: (digest: Uint8Array) => ecc.signSchnorr(digest, key),
  }
}

type Input = Parameters<bitcoin.Psbt['addInput']>[0]

/** A kind of output, and what an input that spends it needs. */
interface Kind {
  readonly type: string
  readonly script: Uint8Array
  readonly input: Partial<Input>
  readonly isLegacy?: boolean
  readonly signers: readonly (typeof tweaked)[]
}

function scriptOf(payment: { output?: Uint8Array | undefined }): Uint8Array {
  if (payment.output === undefined) throw new RangeError('a payment without a script')
  return payment.output
}

const KINDS: readonly Kind[] = [
  {
    type: 'pubkey',
    script: scriptOf(bitcoin.payments.p2pk({ pubkey: alice.publicKey, network })),
    input: {},
    isLegacy: true,
    signers: [alice],
  },
  {
    type: 'pubkeyhash',
    script: scriptOf(bitcoin.payments.p2pkh({ pubkey: alice.publicKey, network })),
    input: {},
    isLegacy: true,
    signers: [alice],
  },
  {
    type: 'multisig',
    script: scriptOf(multisig),
    input: {},
    isLegacy: true,
    signers: [alice, bob],
  },
  {
    type: 'scripthash',
    script: scriptOf(p2sh),
    input: { redeemScript: scriptOf(multisig) },
    isLegacy: true,
    signers: [alice, bob],
  },
  {
    type: 'scripthash',
    script: scriptOf(wrapped),
    input: { redeemScript: scriptOf(p2wpkh) },
    signers: [alice],
  },
  { type: 'witness_v0_keyhash', script: scriptOf(p2wpkh), input: {}, signers: [alice] },
  {
    type: 'witness_v0_scripthash',
    script: scriptOf(p2wsh),
    input: { witnessScript: scriptOf(multisig) },
    signers: [alice, bob],
  },
  {
    type: 'witness_v1_taproot',
    script: scriptOf(p2tr),
    input: { tapInternalKey: internalPubkey },
    signers: [tweaked],
  },
  {
    type: 'witness_v1_taproot',
    script: scriptOf(tree),
    input: {
      tapLeafScript: [
        {
          leafVersion: 0xc0,
          script: leaf.output,
          controlBlock: tree.witness?.at(-1) as Uint8Array,
        },
      ],
    },
    signers: [alice],
  },
]

let node: RunningNode

beforeAll(async () => {
  node = await startNode()
})

afterAll(() => node.stop())

/** Mines a coin of 50 to a script's address that can be spent, and gives the transaction. */
async function mineTo(address: string): Promise<string> {
  const [hash] = (await node.call('generatetoaddress', 101, address)) as string[]
  const { tx } = (await node.call('getblock', hash, 2)) as { tx: { hex: string }[] }
  return tx[0]?.hex ?? ''
}

async function sendAndConfirm(hex: string) {
  const txid = await node.call('sendrawtransaction', hex)
  const [block] = (await node.call('generatetoaddress', 1, p2wpkh.address)) as string[]
  return (await node.call('getrawtransaction', txid, 2, block)) as {
    confirmations: number
    fee: number
    vout: { scriptPubKey: { type: string } }[]
  }
}

describe('bitcoinjs-lib', () => {
  it('receives and spends every standard kind of output, by PSBT', async () => {
    const coinbase = await mineTo(p2wpkh.address ?? '')
    const funding = new bitcoin.Psbt({ network })
    const from = bitcoin.Transaction.fromHex(coinbase)
    funding.addInput({
      hash: from.getId(),
      index: 0,
      witnessUtxo: { script: scriptOf(p2wpkh), value: 50n * COIN },
    })
    for (const { script } of KINDS) funding.addOutput({ script, value: COIN })
    funding.addOutput({
      script: scriptOf(bitcoin.payments.embed({ data: [Buffer.from('quarry')] })),
      value: 0n,
    })
    funding.signInput(0, alice).finalizeAllInputs()
    // All else is the fee; more than the node takes without being told.
    const funded = funding.extractTransaction(true)
    const txid = await node.call('sendrawtransaction', funded.toHex(), 0)
    await node.call('generatetoaddress', 1, p2wpkh.address)
    const shown = (await node.call('decoderawtransaction', funded.toHex())) as {
      vout: { scriptPubKey: { type: string } }[]
    }
    expect(shown.vout.map(({ scriptPubKey }) => scriptPubKey.type)).toEqual([
      ...KINDS.map(({ type }) => type),
      'nulldata',
    ])
    const spending = new bitcoin.Psbt({ network })
    for (const [index, { script, input, isLegacy }] of KINDS.entries()) {
      const utxo = isLegacy
        ? { nonWitnessUtxo: Buffer.from(funded.toHex(), 'hex') }
        : { witnessUtxo: { script, value: COIN } }
      spending.addInput({ hash: `${txid}`, index, ...utxo, ...input })
    }
    spending.addOutput({ script: scriptOf(p2tr), value: COIN * BigInt(KINDS.length) - FEE })
    for (const [index, { signers }] of KINDS.entries()) {
      for (const signer of signers) spending.signInput(index, signer)
    }
    // What goes from one signer to the next is text.
    const restored = bitcoin.Psbt.fromBase64(spending.toBase64(), { network })
    const spent = await sendAndConfirm(restored.finalizeAllInputs().extractTransaction().toHex())
    expect(spent.confirmations).toBe(1)
    expect(spent.fee).toBe(Number(FEE) / Number(COIN))
  })

  it('is refused a signature over another amount', async () => {
    const from = bitcoin.Transaction.fromHex(await mineTo(p2wpkh.address ?? ''))
    const forged = new bitcoin.Psbt({ network })
    forged.addInput({
      hash: from.getId(),
      index: 0,
      // Another amount than the output has: the signature is over it.
      witnessUtxo: { script: scriptOf(p2wpkh), value: 49n * COIN },
    })
    forged.addOutput({ script: scriptOf(p2wpkh), value: 40n * COIN })
    const hex = forged.signInput(0, alice).finalizeAllInputs().extractTransaction(true).toHex()
    await expect(node.call('sendrawtransaction', hex, 0)).rejects.toMatchObject({ code: -26 })
  })
})

describe('@scure/btc-signer', () => {
  const KEY = sha256(utf8ToBytes('carol'))
  const REGTEST = { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4, wif: 0xef }
  const publicKey = ecc.pointFromScalar(KEY, true) as Uint8Array
  const payments = [
    scure.p2pkh(publicKey, REGTEST),
    scure.p2sh(scure.p2wpkh(publicKey, REGTEST), REGTEST),
    scure.p2wpkh(publicKey, REGTEST),
    scure.p2tr(pubSchnorr(KEY), undefined, REGTEST),
  ]

  it('receives at addresses that the node makes coins to, and spends them', async () => {
    const coinbases: string[] = []
    for (const { address } of payments) {
      expect(await node.call('validateaddress', address)).toMatchObject({ isvalid: true })
      coinbases.push(await mineTo(address ?? ''))
    }
    const tx = new scure.Transaction({ allowLegacyWitnessUtxo: true })
    let total = 0n
    for (const [i, hex] of coinbases.entries()) {
      const from = scure.Transaction.fromRaw(Buffer.from(hex, 'hex'), { allowUnknownOutputs: true })
      const { amount = 0n, script = new Uint8Array() } = from.getOutput(0)
      total += amount
      const { txid } = (await node.call('decoderawtransaction', hex)) as { txid: string }
      tx.addInput({
        ...(payments[i] as (typeof payments)[number]),
        txid,
        index: 0,
        ...(i === 0
          ? { nonWitnessUtxo: Buffer.from(hex, 'hex') }
          : { witnessUtxo: { amount, script } }),
      })
    }
    tx.addOutputAddress(payments[3]?.address ?? '', total - FEE, REGTEST)
    const signed = scure.Transaction.fromPSBT(tx.toPSBT(), { allowLegacyWitnessUtxo: true })
    signed.sign(KEY)
    signed.finalize()
    const spent = await sendAndConfirm(signed.hex)
    expect(spent.confirmations).toBe(1)
    expect(spent.vout[0]?.scriptPubKey.type).toBe('witness_v1_taproot')
  })
})
