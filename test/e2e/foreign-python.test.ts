/** Debian's python3-bitcoinlib, unmodified: RPC's oldest dialect, and the cookie found as Bitcoin Core leaves it. */

import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningNode } from '../../src/platform/nodejs/index.ts'

const { startNode } = (await import(
  new URL('../../dist/program/nodejs/index.js', import.meta.url).href
)) as typeof import('../../src/platform/nodejs/index.ts')

const SCRIPT = fileURLToPath(new URL('../support/bitcoinlib-client.py', import.meta.url))
/** The system's own, for which Debian installs packages, need not be the first in the path. */
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import bitcoin.rpc']).status === 0,
)

describe.skipIf(python === undefined)('python-bitcoinlib (skipped where it is missing)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-python-'))
  let node: RunningNode

  beforeAll(async () => {
    node = await startNode({ datadir: folder, wallet: true })
    await node.call('createwallet', 'script')
    const { hostname, port } = new URL(node.rpcUrl)
    const lines = [`datadir=${folder}`, `rpcconnect=${hostname}`, `rpcport=${port}`, '']
    writeFileSync(join(folder, 'bitcoin.conf'), lines.join('\n'))
  })

  afterAll(async () => {
    await node.stop()
    rmSync(folder, { recursive: true })
  })

  it('mines, pays, signs, reads and errs as with Bitcoin Core', async () => {
    const run = promisify(execFile)
    const { stdout } = await run(python ?? '', [SCRIPT, join(folder, 'bitcoin.conf')])
    const seen = JSON.parse(stdout)
    expect(seen).toMatchObject({
      count: 101,
      best: await node.call('getblockhash', 101),
      first: await node.call('getblockhash', 1),
      header: seen.first,
      verboseHeight: 1,
      merkleRoot: true,
      coin: 5_000_000_000,
      // Its own key, signature and interpreter, and our verdict.
      sent: true,
      waiting: [seen.txid],
      same: true,
      spent: { type: 'IndexError' },
      balance: 50,
      unspent: 1,
      paid: true,
      walletTx: 0,
      signed: true,
      valid: true,
      mining: 202,
      stale: 'duplicate',
      batch: [
        { id: 0, ok: true },
        { id: 1, ok: false },
      ],
      noBlock: { type: 'InvalidAddressOrKeyError', code: -5, message: 'Block not found' },
      noMethod: { code: -32601, message: 'Method not found' },
      noInputs: { code: -22 },
      noTransaction: { type: 'IndexError' },
    })
    expect(seen.address).toMatch(/^bcrt1q/)
    const mempool = (await node.call('getrawmempool')) as string[]
    expect(mempool).toHaveLength(2)
  })
})
