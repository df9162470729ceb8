/** A miner from outside against a real node: templates, long polls, proposals, floods, and searches given up. */

import { once, setMaxListeners } from 'node:events'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { decodeTransaction, encodeTransaction } from '../../src/primitives/index.ts'
import { decodeHex, encodeHex } from '../../src/util/index.ts'
import { type Json, type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import {
  computeCommitment,
  createBlock,
  encodeBlock,
  hashOf,
  solve,
  TemplateClient,
  // biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
} from '../support/template-miner.mjs'
import { TestWallet } from '../support/wallet.ts'

const MATURITY = 100
/** What a real miner sent at one height in a quarter of a minute. */
const FLOOD = 6_086
const MAX_TEMPLATE_WAITS = 32
const MAX_STALE_SIBLINGS = 32
const wallet = new TestWallet('template-miner')
const payoutScript = wallet.script('p2tr')

let network: TestNetwork
let node: NodeProcess
let client: TemplateClient

async function startNode(chain: string, flags: readonly string[] = []): Promise<void> {
  network = new TestNetwork()
  node = await network.start('node', { chain, flags })
  client = new TemplateClient(node.ready)
}

async function stopAll(): Promise<void> {
  client.close()
  await network.close()
}

/** How many calls of a method the node works on. */
async function countActive(method: string): Promise<number> {
  const { active_commands: commands } = await client.call('getrpcinfo')
  return commands.filter((command: Json) => command.method === method).length
}

async function untilActive(method: string, count: number): Promise<void> {
  await waitFor(`${count} calls of ${method}`, async () => (await countActive(method)) === count)
}

describe('a miner that works as cpuminer does', () => {
  beforeAll(async () => {
    await startNode('regtest', ['--coinbase-flags'])
    await client.call('generatetoaddress', [MATURITY + 2, wallet.address('p2wpkh')])
  })
  afterAll(stopAll)

  /** Spends the coinbase of a block, and that again. */
  async function sendPair(height: number): Promise<readonly string[]> {
    const block = await client.call('getblock', [await client.call('getblockhash', [height]), 2])
    const coinbase = decodeTransaction(decodeHex(block.tx[0].hex))
    const script = wallet.script('p2wpkh')
    const parent = wallet.spend(coinbase, 0, 'p2wpkh', script, 4_999_990_000n)
    const child = wallet.spend(parent, 0, 'p2wpkh', script, 4_999_970_000n)
    const txids: string[] = []
    for (const tx of [parent, child]) {
      txids.push(await client.call('sendrawtransaction', [encodeHex(encodeTransaction(tx))]))
    }
    return txids
  }

  it('mines block after block with transactions, each on the answer to a long poll', async () => {
    const txids = [await sendPair(1), await sendPair(2)].flat()
    let template = await client.getTemplate()
    expect(template.coinbaseaux).toEqual({ flags: '' })
    expect(template.transactions.map(({ txid }: Json) => txid).sort()).toEqual([...txids].sort())
    expect(template.coinbasevalue).toBe(5_000_060_000)
    for (let i = 0; i < 5; i++) {
      expect(computeCommitment(template).toString('hex')).toBe(template.default_witness_commitment)
      const next = client.getTemplate(template.longpollid)
      await untilActive('getblocktemplate', 1)
      const block = createBlock(template, { payoutScript, extraNonce: i })
      expect(await solve(block)).toBeDefined()
      expect(await client.call('submitblock', [encodeBlock(block)])).toBeNull()
      expect(await client.call('submitblock', [encodeBlock(block)])).toBe('duplicate')
      const { height } = template
      template = await next
      expect(template).toMatchObject({ previousblockhash: hashOf(block), height: height + 1 })
      expect(template.transactions).toEqual([])
      const shown = await client.call('getblock', [hashOf(block)])
      expect(shown.nTx).toBe(i === 0 ? 5 : 1)
    }
    expect(await client.call('getrawmempool')).toEqual([])
  })

  it('is told what is wrong with its proposals, and nothing is kept of them', async () => {
    const template = await client.getTemplate()
    const propose = (changes: Json, hasWitness = true): Promise<Json> => {
      const block = createBlock({ ...template, ...changes }, { payoutScript, hasWitness })
      return client.call('getblocktemplate', [{ mode: 'proposal', data: encodeBlock(block) }])
    }
    expect(await propose({})).toBeNull()
    expect(await propose({}, false)).toBe('bad-witness-nonce-size')
    expect(await propose({ coinbasevalue: template.coinbasevalue + 1 })).toBe('bad-cb-amount')
    expect(await propose({ height: template.height + 1 })).toBe('bad-cb-height')
    expect(await propose({ curtime: template.mintime - 1 })).toBe('time-too-old')
    expect(await propose({ curtime: template.curtime + 100_000 })).toBe('time-too-new')
    expect(await propose({ bits: '207ffffe' })).toBe('bad-diffbits')
    expect(await propose({ version: 1 })).toBe('bad-version(0x00000001)')
    const genesis = await client.call('getblockhash', [0])
    expect(await propose({ previousblockhash: genesis })).toBe('inconclusive-not-best-prevblk')
    expect(await client.call('getblockcount')).toBe(template.height - 1)
    const again = createBlock(template, { payoutScript, hasWitness: true })
    await solve(again)
    expect(await client.call('submitblock', [encodeBlock(again)])).toBeNull()
    const request = { mode: 'proposal', data: encodeBlock(again) }
    expect(await client.call('getblocktemplate', [request])).toBe('duplicate')
  })

  it('holds no place in the queue of long polls once it is gone', async () => {
    const { longpollid } = await client.getTemplate()
    const gone = new AbortController()
    setMaxListeners(MAX_TEMPLATE_WAITS, gone.signal)
    const polls = Array.from({ length: MAX_TEMPLATE_WAITS }, () =>
      client.getTemplate(longpollid, gone.signal).catch((error: Error) => error.name),
    )
    await untilActive('getblocktemplate', MAX_TEMPLATE_WAITS)
    await expect(client.getTemplate(longpollid)).rejects.toMatchObject({ code: -1 })
    gone.abort()
    expect(new Set(await Promise.all(polls))).toEqual(new Set(['AbortError']))
    await untilActive('getblocktemplate', 0)
    const next = client.getTemplate(longpollid)
    await untilActive('getblocktemplate', 1)
    const [hash] = await client.call('generatetoaddress', [1, wallet.address('p2wpkh')])
    expect(await next).toMatchObject({ previousblockhash: hash })
  })

  it('may send thousands of blocks on one parent: the node stays small and answers others', async () => {
    const template = await client.getTemplate()
    const other = new TemplateClient(node.ready)
    let inconclusive = 0
    let answered = 0
    for (let extraNonce = 0; extraNonce < FLOOD; extraNonce++) {
      const block = createBlock(template, { payoutScript, extraNonce })
      await solve(block)
      const result = await client.call('submitblock', [encodeBlock(block)])
      if (result === 'inconclusive') inconclusive += 1
      else expect(result).toBeNull()
      if (extraNonce % 500 !== 0) continue
      expect(await other.getTemplate()).toMatchObject({ height: template.height + 1 })
      answered += 1
    }
    expect([inconclusive, answered]).toEqual([FLOOD - 1, 13])
    const tips = await other.call('getchaintips')
    const stored = tips.filter(({ status }: Json) => status === 'valid-headers')
    expect(stored).toHaveLength(MAX_STALE_SIBLINGS)
    expect(tips).toHaveLength(FLOOD)
    expect(await other.call('generatetoaddress', [1, wallet.address('p2wpkh')])).toHaveLength(1)
    other.close()
  })

  it('is answered when the node stops, and the node stops in good order', async () => {
    const { longpollid } = await client.getTemplate()
    const waiting = client.getTemplate(longpollid)
    const answer = expect(waiting).rejects.toMatchObject({ code: -9, message: 'Shutting down' })
    await untilActive('getblocktemplate', 1)
    const exit = once(node.child, 'exit')
    node.child.kill('SIGTERM')
    await answer
    expect(await exit).toEqual([0, null])
  })
})

describe('a search for blocks that are too hard', () => {
  beforeEach(async () => {
    const spec = new TestNetwork()
    // Some two hundred thousand years on one thread.
    await startNode(spec.writeSpec('hard', { genesis: { bits: '1900ffff' } }))
    await spec.close()
  })
  afterEach(stopAll)

  it('ends when the caller has gone', async () => {
    const gone = new AbortController()
    const address = wallet.address('p2wpkh')
    const running = client.call('generatetoaddress', [1, address, 2 ** 50], gone.signal)
    const failure = expect(running).rejects.toMatchObject({ name: 'AbortError' })
    await untilActive('generatetoaddress', 1)
    gone.abort()
    await failure
    await untilActive('generatetoaddress', 0)
  })

  it('ends when the node stops', async () => {
    const address = wallet.address('p2wpkh')
    const running = client.call('generatetoaddress', [1, address, 2 ** 50])
    const answer = expect(running).resolves.toEqual([])
    await untilActive('generatetoaddress', 1)
    expect(await node.stop()).toBe(0)
    await answer
  })
})
