/** Nodes in this process, as the package gives them to programs and tests. */

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { MAINNET_SPEC, REGTEST_SPEC } from '../../src/consensus/index.ts'
import type { RunningNode, StartNodeOptions } from '../../src/platform/nodejs/index.ts'
import { decodeBlock, encodeTransaction, type Transaction } from '../../src/primitives/index.ts'
import { decodeHex, encodeHex } from '../../src/util/index.ts'
import { waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const BUNDLE = new URL('../../dist/program/nodejs/index.js', import.meta.url).href
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const ADDRESS = new TestWallet('start-node').address('p2wpkh')
const { startNode } = (await import(BUNDLE)) as typeof import('../../src/platform/nodejs/index.ts')

const nodes: RunningNode[] = []
async function start(options?: StartNodeOptions): Promise<RunningNode> {
  const node = await startNode(options)
  nodes.push(node)
  return node
}

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()))
})

async function post(node: RunningNode, method: string, password = node.rpcPassword) {
  const authorization = `Basic ${btoa(`${node.rpcUser}:${password}`)}`
  const body = JSON.stringify({ id: 1, method, params: [] })
  return fetch(node.rpcUrl, { method: 'POST', headers: { authorization }, body })
}

describe('a node that starts from a snapshot', () => {
  it('takes the coins of another once it has the headers, and follows the chain from there', async () => {
    const datadir = mkdtempSync(join(tmpdir(), 'quarry-snapshot-'))
    try {
      const old = await start({ datadir: join(datadir, 'old') })
      const fresh = await start({ datadir: join(datadir, 'new') })
      await old.call('generatetoaddress', 20, ADDRESS)
      const { path, txoutset_hash: hash } = (await old.call('dumptxoutset', 'utxo.dat')) as {
        path: string
        txoutset_hash: string
      }
      await expect(fresh.call('loadtxoutset', path, hash)).rejects.toThrow()
      for (let height = 1; height <= 20; height++) {
        const block = await old.call('getblockhash', height)
        await fresh.call('submitheader', await old.call('getblockheader', block, false))
      }
      await fresh.call('loadtxoutset', path, hash)
      expect(await fresh.call('getblockcount')).toBe(20)
      expect(await fresh.call('gettxoutsetinfo')).toMatchObject({ hash_serialized_3: hash })
      await fresh.call('addnode', old.addresses[0], 'add')
      await old.call('generatetoaddress', 1, ADDRESS)
      await waitFor('the block after it', async () => (await fresh.call('getblockcount')) === 21)
    } finally {
      await Promise.all(nodes.splice(0).map((node) => node.stop()))
      rmSync(datadir, { recursive: true, force: true })
    }
  })
})

describe('startNode', () => {
  it.each([
    [
      { datdir: '/x', minee: true, threads: 'x' },
      'bad-settings',
      /datdir: .*mean datadir\?\n.*minee: .*mean mine\?\n.*threads: there is no/,
    ],
    [
      { rpcPort: '0', mine: 1, peers: 'x' },
      'bad-settings',
      /rpcPort: this must be a number\.\n.*mine: .*true or false\.\n.*peers: .*list/,
    ],
    [{ chain: 7 }, 'bad-settings', /chain: this must be the name/],
    [null, 'bad-settings', /must be an object/],
    [{ chain: 'mainnet' }, 'chain-not-startable', /replay real blocks/],
    [{ chain: MAINNET_SPEC }, 'chain-not-startable', /replay real blocks/],
    [{ chain: { name: 'half' } }, 'bad-chain-spec', /genesis/],
    [{ chain: {} }, 'bad-chain-spec', /name/],
  ])('refuses %j', async (options, code, message) => {
    const refused = start(options as unknown as StartNodeOptions)
    await expect(refused).rejects.toMatchObject({ name: 'ConfigError', code })
    await expect(refused).rejects.toThrow(message)
  })

  it('takes a chain spec as it is built in, and one without its defaults', async () => {
    const whole = await start({ chain: REGTEST_SPEC })
    expect(await whole.call('getblockchaininfo')).toMatchObject({ chain: 'regtest' })
    const spec = { version: 1, name: 'short', genesis: { time: 1_700_000_000, bits: '207fffff' } }
    const short = await start({ chain: { ...spec, retarget: { targetSpacingSeconds: 1 } } })
    expect(await short.call('getblockcount')).toBe(0)
  })

  it('gives a node that mines when it is told to', async () => {
    const node = await start()
    const hashes = await node.call('generatetoaddress', 101, ADDRESS)
    expect(hashes).toHaveLength(101)
    expect(await node.call('getblockchaininfo')).toMatchObject({ chain: 'regtest', blocks: 101 })
    const { tx } = (await node.call('getblock', (hashes as string[])[0], 2)) as {
      tx: { vout: { value: number }[] }[]
    }
    expect(tx[0]?.vout[0]?.value).toBe(50)
  })

  it('answers over HTTP, to whoever has the password', async () => {
    const node = await start()
    const answer = await post(node, 'getblockcount')
    expect(await answer.json()).toMatchObject({ result: 0, error: null })
    expect((await post(node, 'getblockcount', 'guess')).status).toBe(401)
  })

  it('keeps what waits in its mempool over a restart, with the time at which it came', async () => {
    const datadir = mkdtempSync(join(tmpdir(), 'quarry-start-node-'))
    try {
      const wallet = new TestWallet('start-node')
      const node = await start({ datadir })
      const [hash] = (await node.call('generatetoaddress', 101, ADDRESS)) as string[]
      const hex = (await node.call('getblock', hash, 0)) as string
      const [coinbase] = decodeBlock(decodeHex(hex)).transactions
      const tx = wallet.spend(
        coinbase as Transaction,
        0,
        'p2wpkh',
        wallet.script('p2wpkh'),
        4_999_990_000n,
      )
      const txid = await node.call('sendrawtransaction', encodeHex(encodeTransaction(tx)))
      await node.call('prioritisetransaction', txid, 0, 77)
      const before = await node.call('getmempoolentry', txid)
      await node.stop()
      const again = await start({ datadir })
      await waitFor('the mempool', async () => {
        const { loaded } = (await again.call('getmempoolinfo')) as { loaded: boolean }
        return loaded
      })
      expect(await again.call('getmempoolentry', txid)).toEqual(before)
    } finally {
      rmSync(datadir, { recursive: true, force: true })
    }
  })

  it('calls as a remote caller would: with the same errors', async () => {
    const node = await start()
    await expect(node.call('getblockhash', 1)).rejects.toMatchObject({ code: -8 })
    await expect(node.call('nothing')).rejects.toMatchObject({ code: -32601 })
  })

  it('twenty do not disturb each other', async () => {
    const twenty = await Promise.all(Array.from({ length: 20 }, () => start()))
    await Promise.all(
      twenty.map((node, count) => node.call('generatetoaddress', count + 1, ADDRESS)),
    )
    const heights = await Promise.all(twenty.map((node) => node.call('getblockcount')))
    expect(heights).toEqual(twenty.map((_, count) => count + 1))
    expect(new Set(twenty.map(({ rpcUrl }) => rpcUrl)).size).toBe(20)
    await twenty[0]?.stop()
    expect(await twenty[1]?.call('getblockcount')).toBe(2)
  })

  it('has peers, and one chain with them', async () => {
    const first = await start()
    const second = await start({ peers: first.addresses })
    await first.call('generatetoaddress', 3, ADDRESS)
    await waitFor('the blocks', async () => (await second.call('getblockcount')) === 3)
    expect(await second.call('getbestblockhash')).toBe(await first.call('getbestblockhash'))
  })

  it('mines all the time if it is to', async () => {
    const node = await start({ mine: true, address: ADDRESS })
    await waitFor('a block', async () => Number(await node.call('getblockcount')) > 0)
    await node.stop()
  })

  it('keeps what it has in a folder', async () => {
    const datadir = mkdtempSync(join(tmpdir(), 'quarry-start-node-'))
    try {
      const node = await start({ datadir })
      await node.call('generatetoaddress', 5, ADDRESS)
      await expect(startNode({ datadir })).rejects.toMatchObject({ code: 'datadir-in-use' })
      await node.stop()
      const again = await start({ datadir })
      expect(await again.call('getblockcount')).toBe(5)
      await again.stop()
    } finally {
      rmSync(datadir, { recursive: true, force: true })
    }
  })

  it('tells its log to whoever listens', async () => {
    const lines: string[] = []
    await start({ onLog: ({ subsystem, message }) => lines.push(`${subsystem}: ${message}`) })
    await waitFor('the line', () => Promise.resolve(lines.includes('sync: caught up')))
  })

  it('has no files in memory, and says so', async () => {
    const node = await start()
    await expect(node.call('dumptxoutset', 'utxo.dat')).rejects.toThrow('give it a datadir')
  })

  it('refuses options that cannot be used, and leaves nothing open', async () => {
    await expect(startNode({ chain: 'nowhere.json' })).rejects.toMatchObject({
      code: 'bad-chain-spec',
    })
    await expect(startNode({ chain: 'mainnet' })).rejects.toMatchObject({
      code: 'chain-not-startable',
    })
    await expect(startNode({ address: 'nobody' })).rejects.toMatchObject({ name: 'ConfigError' })
    const node = await start()
    const rpcPort = Number(new URL(node.rpcUrl).port)
    await expect(startNode({ rpcPort })).rejects.toThrow(String(rpcPort))
  })

  it('stops when it is told so over RPC, and as often as anybody likes', async () => {
    const node = await start()
    expect(await node.call('stop')).toBe('Quarry stopping')
    await node.stop()
    await node.stop()
    await expect(fetch(node.rpcUrl)).rejects.toThrow()
  })

  it('is found by the name of the package, and lets the process end', async () => {
    const program = `
      import { startNode } from 'quarry'
      const node = await startNode()
      const [hash] = await node.call('generatetoaddress', 1, '${ADDRESS}')
      await node.stop()
      console.log(hash.length)
    `
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program],
      { cwd: ROOT, timeout: 60_000 },
    )
    expect(stdout.trim()).toBe('64')
  })
})
