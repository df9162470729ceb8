/** Transactions between whole nodes. */

import { describe, expect, it } from 'vitest'
import {
  computeTxid,
  decodeBlock,
  encodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import type { JsonValue } from '../../src/rpc/json-text.ts'
import { encodeHex } from '../../src/util/index.ts'
import { TestWallet } from '../support/wallet.ts'
import { line, type SimNode, simulate, waitFor } from './sim-network.ts'

const wallet = new TestWallet('sim transactions')
const SCRIPT = wallet.script('p2wpkh')
const MATURITY_BLOCKS = 100
const FEE = 1_000n

const txidOf = (tx: Transaction): string => toDisplayHex(computeTxid(tx))

const hasTx = ({ node }: SimNode, tx: Transaction): boolean =>
  node.mempool.get(txidOf(tx)) !== undefined

function send({ node }: SimNode, tx: Transaction): Promise<unknown> {
  return node.rpc.execute('sendrawtransaction', [encodeHex(encodeTransaction(tx))])
}

/** Spends a transaction's first output to the wallet itself. */
function spend(tx: Transaction): Transaction {
  return wallet.spend(tx, 0, 'p2wpkh', SCRIPT, (tx.outputs[0]?.value ?? 0n) - FEE)
}

/** Mines until the wallet can spend a coinbase. */
async function mineCoins({ node }: SimNode, count: number): Promise<readonly Transaction[]> {
  const address = wallet.address('p2wpkh')
  await node.rpc.execute('generatetoaddress', [MATURITY_BLOCKS + count, address])
  const coinbases: Transaction[] = []
  for (let height = 1; height <= count; height++) {
    const entry = node.chain.getActiveEntry(height)
    const bytes = entry && (await node.chain.readBlockBytes(entry.hash))
    const [coinbase] = bytes === undefined ? [] : decodeBlock(bytes).transactions
    if (coinbase !== undefined) coinbases.push(coinbase)
  }
  return coinbases
}

// biome-ignore lint/suspicious/noExplicitAny: results of RPC are looked at as JSON.
function call({ node }: SimNode, method: string, ...args: readonly JsonValue[]): Promise<any> {
  return node.rpc.execute(method, args)
}

describe('three nodes in a line', { timeout: 120_000 }, () => {
  it('pass transactions on, know which are unbroadcast, and who told of blocks first', async () => {
    await simulate({ count: 3, links: line(3), seed: 1 }, async (network) => {
      const [a, b, c] = network.nodes as [SimNode, SimNode, SimNode]
      const [coinbase] = await mineCoins(a, 1)
      if (coinbase === undefined) throw new RangeError('no coins')
      await network.waitForAgreement()
      await waitFor('all are level', () => network.nodes.every(({ node }) => node.sync.isCaughtUp))
      // Its first announcement is a while off, so nobody has asked yet.
      const tx = spend(coinbase)
      await send(a, tx)
      expect(await call(a, 'getmempoolentry', txidOf(tx))).toMatchObject({ unbroadcast: true })
      expect(await call(a, 'getmempoolinfo')).toMatchObject({ unbroadcastcount: 1 })
      await waitFor('all have it', () => hasTx(b, tx) && hasTx(c, tx))
      expect(await call(a, 'getmempoolentry', txidOf(tx))).toMatchObject({ unbroadcast: false })
      expect(await call(a, 'getmempoolinfo')).toMatchObject({ unbroadcastcount: 0 })
      const entries = await call(b, 'getrawmempool', true)
      expect(entries[txidOf(tx)]).toMatchObject({ unbroadcast: false })

      const before = (await call(c, 'getpeerinfo'))[0].quarry_blocks_first
      for (let block = 0; block < 3; block++) {
        await a.mine(wallet.address('p2wpkh'))
        await network.waitForAgreement()
      }
      const [ofB] = await call(c, 'getpeerinfo')
      expect(ofB.quarry_blocks_first).toBe(before + 3)
      expect(ofB.quarry_block_delay).toBeUndefined()
      expect(ofB.last_block).toBeGreaterThan(0)
      expect(ofB.last_transaction).toBeGreaterThan(0)
      expect(b.node.mempool.size).toBe(0)
    })
  })
})
