/** The methods of real processes, used as a pool, a wallet and an operator use them. */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeTransaction, encodeTransaction } from '../../src/primitives/index.ts'
import { decodeHex, encodeHex } from '../../src/util/index.ts'
import { type Json, type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const MATURITY = 100
const wallet = new TestWallet('rpc-methods')
const ADDRESS = wallet.address('p2wpkh')

function sha256d(bytes: Buffer): Buffer {
  const once = createHash('sha256').update(bytes).digest()
  return createHash('sha256').update(once).digest()
}

/** The spelling for people and the order of bytes are each other's reverse. */
function reversed(hex: string): Buffer {
  return Buffer.from(hex, 'hex').reverse()
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function withSize(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

/** A height above 16 and below 32,768 as BIP-0034 wants it: no byte more than it and its sign need. */
function writeHeight(height: number): Buffer {
  return withSize(height < 0x80 ? Buffer.of(height) : Buffer.of(height & 0xff, height >> 8))
}

/** A coinbase as a pool writes it from a template: without witness. */
function writeCoinbase(template: Json): Buffer {
  const output = (value: number, script: Buffer): Buffer => {
    const amount = Buffer.alloc(8)
    amount.writeBigInt64LE(BigInt(value))
    return Buffer.concat([amount, withSize(script)])
  }
  return Buffer.concat([
    uint32(1),
    Buffer.of(1),
    Buffer.alloc(32),
    uint32(0xffff_ffff),
    withSize(Buffer.concat([writeHeight(template.height), Buffer.from('\x04pool')])),
    uint32(0xffff_ffff),
    Buffer.of(2),
    output(template.coinbasevalue, Buffer.from(wallet.script('p2tr'))),
    output(0, Buffer.from(template.default_witness_commitment, 'hex')),
    uint32(0),
  ])
}

function computeMerkleRoot(txids: readonly Buffer[]): Buffer {
  let level = [...txids]
  while (level.length > 1) {
    const next: Buffer[] = []
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] ?? Buffer.alloc(32)
      next.push(sha256d(Buffer.concat([left, level[i + 1] ?? left])))
    }
    level = next
  }
  return level[0] ?? Buffer.alloc(32)
}

/** Mines a template with nothing but this file's own arithmetic. */
function mineTemplate(template: Json): string {
  const coinbase = writeCoinbase(template)
  const txids = template.transactions.map(({ txid }: Json) => reversed(txid))
  const root = computeMerkleRoot([sha256d(coinbase), ...txids])
  for (let nonce = 0; ; nonce++) {
    const header = Buffer.concat([
      uint32(template.version),
      reversed(template.previousblockhash),
      root,
      uint32(template.curtime),
      reversed(template.bits),
      uint32(nonce),
    ])
    if (sha256d(header).reverse().toString('hex') > template.target) continue
    const data = template.transactions.map((tx: Json) => tx.data)
    const count = Buffer.of(1 + data.length).toString('hex')
    return [header.toString('hex'), count, coinbase.toString('hex'), ...data].join('')
  }
}

describe('methods of real nodes', () => {
  let network: TestNetwork
  let a: NodeProcess
  let b: NodeProcess
  const reaches = (node: NodeProcess, hash: string) =>
    waitFor(`a tip of ${hash}`, async () => (await node.call('getbestblockhash')) === hash)

  beforeAll(async () => {
    network = new TestNetwork()
    a = await network.start('a', { chain: 'regtest' })
    b = await network.start('b', { chain: 'regtest' })
  })
  afterAll(() => network.close())

  it('addnode connects two nodes, and both know it', async () => {
    expect(await b.call('addnode', a.ready.multiaddr, 'add')).toBeNull()
    await expect(b.call('addnode', a.ready.multiaddr, 'add')).rejects.toThrow('-23')
    await waitFor('one peer each', async () => {
      const counts = await Promise.all([a, b].map((node) => node.call('getconnectioncount')))
      return counts.every((count) => count === 1)
    })
    const [peer] = await b.call('getpeerinfo')
    expect(peer).toMatchObject({ inbound: false, connection_type: 'manual' })
    expect(peer.subver).toMatch(/^\/Satoshi:30\.0\.0\(quarry:/)
    expect(a.ready.multiaddr).toContain(`/tcp/${peer.addr.split(':')[1]}/`)
    expect((await a.call('getpeerinfo'))[0]).toMatchObject({ inbound: true })
    expect((await a.call('getnetworkinfo')).quarry_addresses).toContain(a.ready.multiaddr)
  })

  it('generatetoaddress mines, and the other node follows', async () => {
    const hashes = await a.call('generatetoaddress', MATURITY + 1, ADDRESS)
    expect(hashes).toHaveLength(MATURITY + 1)
    await reaches(b, hashes.at(-1))
    expect(await b.call('getblockhash', 1)).toBe(hashes[0])
    const block = await b.call('getblock', hashes[0], 2)
    expect(block.confirmations).toBe(MATURITY + 1)
    expect(block.tx[0].vout[0]).toMatchObject({ value: 50, scriptPubKey: { address: ADDRESS } })
    expect(await a.call('getblockchaininfo')).toMatchObject({
      chain: 'regtest',
      blocks: MATURITY + 1,
      verificationprogress: 1,
      quarry_reorgs: 0,
    })
  })

  it('a transaction goes from one node into a block that a pool mines at the other', async () => {
    const first = await a.call('getblock', await a.call('getblockhash', 1), 2)
    const coinbase = decodeTransaction(decodeHex(first.tx[0].hex))
    const tx = wallet.spend(coinbase, 0, 'p2wpkh', wallet.script('p2tr'), 4_999_990_000n)
    const txid = await a.call('sendrawtransaction', encodeHex(encodeTransaction(tx)))
    await waitFor('the transaction at the other node', async () =>
      (await b.call('getrawmempool')).includes(txid),
    )
    const [carrier] = await b.call('getpeerinfo')
    expect(carrier.last_transaction).toBeGreaterThanOrEqual(carrier.conntime)
    const template = await b.call('getblocktemplate', { rules: ['segwit'] })
    expect(template.transactions).toMatchObject([{ txid, fee: 10_000, depends: [] }])
    expect(template.coinbasevalue).toBe(5_000_010_000)
    const block = mineTemplate(template)
    expect(await b.call('submitblock', block)).toBeNull()
    expect(await b.call('submitblock', block)).toBe('duplicate')
    const hash = await b.call('getbestblockhash')
    await reaches(a, hash)
    expect(await a.call('getrawmempool')).toEqual([])
    const shown = await a.call('getrawtransaction', txid, 2, hash)
    expect(shown).toMatchObject({ in_active_chain: true, confirmations: 1, fee: 0.0001 })
    expect(shown.vin[0].prevout).toMatchObject({ generated: true, height: 1, value: 50 })
    expect(await a.call('gettxout', txid, 0)).toMatchObject({ value: 49.9999 })
  })

  it('a proposal is judged without being kept', async () => {
    const template = await a.call('getblocktemplate', { rules: ['segwit'] })
    // Without its witness a coinbase with a commitment is incomplete: only submitblock fills it in.
    const propose = (change: Json) =>
      a.call('getblocktemplate', {
        mode: 'proposal',
        data: mineTemplate({ ...template, ...change }),
      })
    expect(await propose({})).toBe('bad-witness-nonce-size')
    expect(await propose({ curtime: 1 })).toBe('time-too-old')
    expect(await propose({ height: template.height + 1 })).toBe('bad-cb-height')
    expect(await a.call('getblockcount')).toBe(template.height - 1)
  })

  it('setmocktime moves a node, and what it takes for too early, in time', async () => {
    const later = Math.trunc(Date.now() / 1_000) + 3 * 60 * 60
    const before = await b.call('getblockcount')
    await a.call('setmocktime', later)
    const [hash] = await a.call('generatetoaddress', 1, ADDRESS)
    expect((await a.call('getblockheader', hash)).time).toBe(later)
    expect(await b.call('getblockcount')).toBe(before)
    await b.call('setmocktime', later)
    await reaches(b, hash)
    for (const node of [a, b]) await node.call('setmocktime', 0)
  })

  it('stop ends the process in good order', async () => {
    const exit = once(b.child, 'exit')
    expect(await b.call('stop')).toBe('Quarry stopping')
    expect(await exit).toEqual([0, null])
    await waitFor('no peer', async () => (await a.call('getconnectioncount')) === 0)
  })
})
