/** A devnet that is broken and healed from another terminal. */

import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  decodeTransaction,
  encodeTransaction,
  type Transaction,
} from '../../src/primitives/index.ts'
import { DevnetBench, type DevnetProcess } from '../support/devnet-process.ts'
import { waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const POLL_MS = 50

let bench: DevnetBench

beforeEach(() => {
  bench = new DevnetBench()
  mkdirSync(bench.folder, { mode: 0o700 })
  const spec = {
    version: 1,
    name: 'faults',
    // About two million hashes a block: a second or two of five nodes that hold themselves back.
    genesis: { time: Math.floor(Date.now() / 1_000) - 60, bits: '1e1fffff' },
    retarget: { targetSpacingSeconds: 1, windowBlocks: 20 },
    coinbaseMaturityBlocks: 2,
  }
  writeFileSync(join(bench.folder, 'chain.json'), JSON.stringify(spec))
})

afterEach(() => bench.close())

async function tipsOf(devnet: DevnetProcess, nodes: readonly number[]): Promise<string[]> {
  return Promise.all(nodes.map((node) => devnet.call(node, 'getbestblockhash')))
}

/** Waits until all are on one tip. @returns How long that took, in milliseconds. */
async function measureAgreement(devnet: DevnetProcess, nodes: readonly number[]): Promise<number> {
  const start = performance.now()
  for (;;) {
    if (new Set(await tipsOf(devnet, nodes)).size === 1) return performance.now() - start
    // Thirty seconds would be a network that does not hold; the aim is five, and the figure is printed.
    expect(performance.now() - start).toBeLessThan(30_000)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function setPaused(
  devnet: DevnetProcess,
  nodes: readonly number[],
  isPaused: boolean,
): Promise<void> {
  await Promise.all(nodes.map((node) => devnet.call(node, 'setminers', null, null, isPaused)))
}

/** Mines a block on request, however many hashes it takes. @returns Its hash. */
async function mineOne(devnet: DevnetProcess, node: number, wallet: TestWallet): Promise<string> {
  const address = wallet.address('p2wpkh')
  const [hash] = await devnet.call(node, 'generatetoaddress', 1, address, 1_000_000_000)
  return hash
}

describe('scripts/devnet, from another terminal', () => {
  it('parts five nodes 3 to 2, which mine on, and heals them: no transaction is lost', async () => {
    const devnet = bench.start('--nodes', '5', '--throttle', '0.15')
    await devnet.waitForNodes(5)
    const all = [0, 1, 2, 3, 4]
    const left = [0, 1, 2]
    const right = [3, 4]

    // Two coins that are ripe before the split, one to be spent on each side. Nobody mines beside, so none is lost.
    await setPaused(devnet, all, true)
    const wallet = new TestWallet('partition')
    const coinbases: Transaction[] = []
    for (const node of [0, 3]) {
      const hash = await mineOne(devnet, node, wallet)
      await measureAgreement(devnet, all)
      const { tx } = await devnet.call(node, 'getblock', hash, 2)
      coinbases.push(decodeTransaction(Buffer.from(tx[0].hex, 'hex')))
    }
    await mineOne(devnet, 0, wallet)
    await mineOne(devnet, 0, wallet)
    await measureAgreement(devnet, all)
    await setPaused(devnet, all, false)

    expect(await bench.command('partition', '0,1,2', '3,4')).toMatchObject({
      partition: [left, right],
    })
    const forkHeight: number = await devnet.call(0, 'getblockcount')
    const txids: string[] = []
    for (const [at, node] of [0, 3].entries()) {
      const coinbase = coinbases[at]
      if (coinbase === undefined) throw new RangeError('no coin')
      const tx = wallet.spend(coinbase, 0, 'p2wpkh', wallet.script('p2tr'), 100_000n)
      const hex = Buffer.from(encodeTransaction(tx)).toString('hex')
      txids.push(await devnet.call(node, 'sendrawtransaction', hex, 0))
    }
    await waitFor('both sides have mined several blocks', async () => {
      const heights = await Promise.all([0, 3].map((node) => devnet.call(node, 'getblockcount')))
      return heights.every((height) => height >= forkHeight + 4)
    })
    const [leftTip, rightTip] = await tipsOf(devnet, [0, 3])
    expect(leftTip).not.toBe(rightTip)
    for (const node of all) {
      // Only one's own side is there.
      const peers = await devnet.call(node, 'getconnectioncount')
      expect(peers).toBe(node <= 2 ? 2 : 1)
    }

    await bench.command('heal')
    const agreementMs = await measureAgreement(devnet, all)
    process.stdout.write(`five nodes on one tip ${Math.round(agreementMs)} ms after the heal\n`)
    // One side has left its blocks behind; the other's tip may have lost to a rival of its own side.
    const confirmations = await Promise.all([
      devnet.call(0, 'getblockheader', leftTip).then((header) => header.confirmations),
      devnet.call(3, 'getblockheader', rightTip).then((header) => header.confirmations),
    ])
    expect(confirmations).toContain(-1)
    for (const txid of txids) {
      // In the mempool or in a block: the loser's side has put it back, and tells the others of it.
      await waitFor(`everybody has ${txid}`, async () => {
        const outputs = await Promise.all(
          all.map((node) => devnet.call(node, 'gettxout', txid, 0, true)),
        )
        return outputs.every((output) => output !== null)
      })
    }
    devnet.child.kill('SIGTERM')
    expect(await devnet.ended).toBe(0)
  })

  it('slows, kills and restarts a node', async () => {
    const devnet = bench.start('--nodes', '2', '--throttle', '0.1')
    await devnet.waitForNodes(2)
    expect(statSync(join(bench.folder, 'devnet.json')).mode & 0o777).toBe(0o600)

    await bench.command('slow', '1', '300ms', '--jitter', '50ms')
    const id = devnet.all('node')[1]?.multiaddr.split('/').at(-1)
    const rule = { peer: id, latency_ms: 300, jitter_ms: 50 }
    expect(await devnet.call(0, 'getfaults')).toEqual([rule])

    expect(await bench.command('kill', '1')).toEqual({ type: 'down', index: 1 })
    await expect(bench.command('kill', '1')).rejects.toThrow(/Node 1 is down already: restart 1/)
    expect(await bench.command('status')).toMatchObject({ gone: [1], slow: [{ node: 1 }] })
    expect(await bench.command('restart', '1')).toMatchObject({ type: 'node', index: 1 })
    // It has its identity again, and its faults.
    expect(await devnet.call(1, 'getfaults')).toMatchObject([{ latency_ms: 300 }])
    await waitFor(
      'it is a peer again',
      async () => (await devnet.call(1, 'getconnectioncount')) > 0,
    )
    expect(await devnet.call(0, 'getfaults')).toEqual([rule])
    expect(await bench.command('heal')).toEqual({ type: 'faults', partition: null, slow: [] })
    expect(await devnet.call(1, 'getfaults')).toEqual([])

    expect(await bench.command('stop')).toEqual({ type: 'stopping' })
    // Whoever was told so can start again at once.
    expect(existsSync(join(bench.folder, 'quarry.lock'))).toBe(false)
    expect(await devnet.ended).toBe(0)
    await expect(bench.command('status')).rejects.toThrow(/No devnet runs in .* --datadir/)
  })

  it('says in words what is wrong with a command', async () => {
    await expect(bench.command('status')).rejects.toThrow(/No devnet runs in .*quarry devnet"/)
    await expect(bench.command('slow', '1', '500')).rejects.toThrow(/such as 500ms/)
    await expect(bench.command('slow', '1', '1.1s')).rejects.toThrow(/up to 1s: .* 10 s/)
    await expect(bench.command('slow', '1', '1s', '--bandwidth', '9')).rejects.toThrow(/20kB/)
    await expect(bench.command('partition', '0;1')).rejects.toThrow(/such as 0,1/)
    await expect(bench.command('kill', 'x')).rejects.toThrow(/from 0 to 49/)
  })

  it('takes commands from nobody but who can read its file', async () => {
    const devnet = bench.start('--nodes', '1', '--throttle', '0.1')
    await devnet.waitForNodes(1)
    const file = await import(join(bench.folder, 'devnet.json'), { with: { type: 'json' } })
    const { url, token } = file.default.control
    const post = (authorization: string, body: string) =>
      fetch(url, { method: 'POST', headers: { authorization }, body })
    expect((await post('', '{"type":"kill","node":0}')).status).toBe(401)
    expect((await post(`Bearer ${'0'.repeat(64)}`, '{"type":"heal"}')).status).toBe(401)
    expect((await post(`Bearer ${token}`, '{"type":"explode"}')).status).toBe(400)
    expect((await post(`Bearer ${token}`, 'x'.repeat(20_000))).status).toBe(400)
    expect((await post(`Bearer ${token}`, '{"type":"kill","node":1}')).status).toBe(409)
    expect((await post(`Bearer ${token}`, '{"type":"heal"}')).status).toBe(200)
    devnet.child.kill('SIGTERM')
    expect(await devnet.ended).toBe(0)
  })
})
