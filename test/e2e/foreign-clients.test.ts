/** Clients of Bitcoin Core's RPC that nobody here wrote, unmodified, against a node. */

import { createRequire } from 'node:module'
import jayson from 'jayson/promise/index.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningNode } from '../../src/platform/nodejs/index.ts'
import { decodeBlock, encodeTransaction } from '../../src/primitives/index.ts'
import { decodeHex, encodeHex } from '../../src/util/index.ts'
import { TestWallet } from '../support/wallet.ts'

const { startNode } = (await import(
  new URL('../../dist/program/nodejs/index.js', import.meta.url).href
)) as typeof import('../../src/platform/nodejs/index.ts')
const require = createRequire(import.meta.url)

/** npm `bitcoin-core`, which has no types. */
interface BitcoinCore {
  command(method: string | readonly object[], ...params: readonly unknown[]): Promise<unknown>
  getBlockByHash(hash: string, options: object): Promise<unknown>
  getBlockchainInformation(): Promise<unknown>
}
const BitcoinCoreClient = require('bitcoin-core') as new (options: object) => BitcoinCore

/** npm `rpc-bitcoin`: public-pool's client. */
interface RpcBitcoin {
  getblocktemplate(params: object): Promise<{ height: number; previousblockhash: string }>
  getmininginfo(): Promise<{ blocks: number }>
  getblockhash(params: object): Promise<string>
  submitblock(params: object): Promise<string | null>
}
const { RPCClient } = require('rpc-bitcoin') as { RPCClient: new (options: object) => RpcBitcoin }

const BLOCKS = 112
const wallet = new TestWallet('foreign')
const ADDRESS = wallet.address('p2wpkh')

let node: RunningNode
let port: number
let waitingTxid: string
let minedTxid: string

beforeAll(async () => {
  node = await startNode({ rest: true })
  port = Number(new URL(node.rpcUrl).port)
  const hashes = (await node.call('generatetoaddress', BLOCKS, ADDRESS)) as string[]
  const send = async (hash: string | undefined): Promise<string> => {
    const hex = (await node.call('getblock', hash, 0)) as string
    const [coinbase] = decodeBlock(decodeHex(hex)).transactions
    if (coinbase === undefined) throw new RangeError('a block without a coinbase')
    const tx = wallet.spend(coinbase, 0, 'p2wpkh', wallet.script('p2wpkh'), 4_999_990_000n)
    return (await node.call('sendrawtransaction', encodeHex(encodeTransaction(tx)))) as string
  }
  minedTxid = await send(hashes[0])
  await node.call('generatetoaddress', 1, ADDRESS)
  waitingTxid = await send(hashes[1])
})

afterAll(() => node.stop())

describe('npm bitcoin-core', () => {
  const connect = (options: object = {}) =>
    new BitcoinCoreClient({
      host: `http://127.0.0.1:${port}`,
      username: node.rpcUser,
      password: node.rpcPassword,
      version: '30.0.0',
      ...options,
    })

  it('calls with positional and named parameters', async () => {
    const client = connect()
    expect(await client.command('getblockcount')).toBe(BLOCKS + 1)
    const hash = await client.command('getblockhash', { height: 1 })
    expect(await client.command('getblockhash', 1)).toBe(hash)
    expect(await client.command('getblockheader', hash)).toMatchObject({ height: 1 })
  })

  it('calls in batches, in which one error is one error', async () => {
    const answers = (await connect().command([
      { method: 'getblockcount', parameters: [] },
      { method: 'getblockhash', parameters: [BLOCKS + 99] },
      { method: 'getbestblockhash', parameters: [] },
    ])) as unknown[]
    expect(answers[0]).toBe(BLOCKS + 1)
    expect(answers[1]).toBeInstanceOf(Error)
    expect((answers[1] as Error).message).toBe('Block height out of range')
    expect(answers[2]).toBe(await node.call('getbestblockhash'))
  })

  it('tells errors and a wrong password as it does of Bitcoin Core', async () => {
    await expect(connect().command('getblockhash', -1)).rejects.toMatchObject({ code: -8 })
    await expect(connect({ password: 'guess' }).command('uptime')).rejects.toMatchObject({
      code: 401,
    })
  })

  it('reads blocks over REST', async () => {
    const hash = (await node.call('getblockhash', 5)) as string
    const client = connect()
    expect(await client.getBlockByHash(hash, { extension: 'json' })).toMatchObject({ height: 5 })
    const bytes = (await client.getBlockByHash(hash, { extension: 'bin' })) as Uint8Array
    expect(encodeHex(bytes)).toBe(await node.call('getblock', hash, 0))
  })
})

describe('npm rpc-bitcoin, as public-pool has it', () => {
  it('gets work and tries to hand in a block, with named parameters', async () => {
    const client = new RPCClient({
      url: 'http://127.0.0.1',
      port,
      timeout: 10_000,
      user: node.rpcUser,
      pass: node.rpcPassword,
    })
    expect((await client.getmininginfo()).blocks).toBe(BLOCKS + 1)
    const template = await client.getblocktemplate({
      template_request: {
        rules: ['segwit'],
        mode: 'template',
        capabilities: ['serverlist', 'proposal'],
      },
    })
    expect(template.height).toBe(BLOCKS + 2)
    const hash = await client.getblockhash({ height: BLOCKS })
    const hexdata = await node.call('getblock', hash, 0)
    expect(await client.submitblock({ hexdata })).toBe('duplicate')
  })
})

describe('jayson, as btc-rpc-explorer has it', () => {
  /** Every method that the explorer calls, in the order of its pages, with the parameters that it gives. */
  async function listExplorerCalls(): Promise<readonly (readonly [string, ...unknown[]])[]> {
    const hashes = (await Promise.all(
      [1, BLOCKS, BLOCKS + 1].map((height) => node.call('getblockhash', height)),
    )) as string[]
    const [first, , tip] = hashes
    return [
      ['getnetworkinfo'],
      ['getblockchaininfo'],
      ...Array.from({ length: 11 }, (_, i) => ['getblockstats', BLOCKS + 1 - i] as const),
      ['getindexinfo'],
      ['gettxoutsetinfo'],
      ['getmempoolinfo'],
      ['getmininginfo'],
      ...[1, 6, 144, 1_008].map((target) => ['estimatesmartfee', target, 'CONSERVATIVE'] as const),
      ['getnetworkhashps', 1_008],
      ['getnetworkhashps', 4_320],
      ['getblockhash', 1],
      ['getblockheader', first],
      ['getblock', tip],
      ['getrawtransaction', minedTxid, 1, tip],
      ['getblocktemplate', { rules: ['segwit'] }],
      ['getdeploymentinfo'],
      ['uptime'],
      ['getnettotals'],
      ['getpeerinfo'],
      ['getblock', tip, 1],
      ['gettxout', minedTxid, 0],
      ['getmempoolentry', waitingTxid],
      ['getmempoolancestors', waitingTxid],
      ['getmempooldescendants', waitingTxid],
      ['getrawmempool', false],
      ['getrawtransaction', waitingTxid, 1],
      ['getblockstats', tip],
      ['getchaintxstats'],
      ['getchaintxstats', 10, tip],
      ['validateaddress', ADDRESS],
      ['help'],
      ['help', 'getblock'],
      ['getblockcount'],
    ]
  }

  it('gets an answer to everything that the explorer asks', async () => {
    const client = jayson.Client.http({
      host: '127.0.0.1',
      port,
      headers: { authorization: `Basic ${btoa(`${node.rpcUser}:${node.rpcPassword}`)}` },
    })
    for (const [method, ...params] of await listExplorerCalls()) {
      const { result, error } = await client.request(method, params)
      expect(error, method).toBeUndefined()
      expect(result, method).not.toBeUndefined()
      expect(result, method).not.toBeNull()
    }
  })
})
