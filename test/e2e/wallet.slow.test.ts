/** Wallets of real processes, with a disk and kills. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const stranger = new TestWallet('stranger')
const NOBODY = stranger.address('p2wpkh')

let network: TestNetwork

beforeEach(() => {
  network = new TestNetwork()
})

afterEach(() => network.close())

async function startRich(): Promise<NodeProcess> {
  const node = await network.start('a', { chain: 'regtest', flags: ['--wallet'] })
  await node.call('createwallet', 'w')
  await node.call('generatetoaddress', 2, await node.call('getnewaddress'))
  await node.call('generatetoaddress', 100, NOBODY)
  return node
}

describe('a wallet of a node that is killed', () => {
  it('has every payment that it has told of, sends it again, and gives no address twice', async () => {
    const node = await startRich()
    const address = await node.call('getnewaddress')
    const txid = await node.call('sendtoaddress', NOBODY, 1)
    const before = await node.call('getbalances')
    await node.kill()
    const again = await network.restart(node)
    expect(await again.call('listwallets')).toEqual([])
    await again.call('loadwallet', 'w', true)
    expect((await again.call('gettransaction', txid)).amount).toBe(-1)
    await waitFor('the payment waits again', async () =>
      (await again.call('getrawmempool')).includes(txid),
    )
    expect((await again.call('getbalances')).mine).toEqual(before.mine)
    expect(await again.call('getnewaddress')).not.toBe(address)
    await again.call('generatetoaddress', 1, NOBODY)
    await again.stop()
    const third = await network.restart(again)
    expect(await third.call('listwallets')).toEqual(['w'])
    expect((await third.call('gettransaction', txid)).confirmations).toBe(1)
  })

  it('is killed in the middle of payments, and spends no coin twice', async () => {
    const node = await startRich()
    const told: string[] = []
    const paying = (async () => {
      for (let i = 0; i < 50; i++) told.push(await node.call('sendtoaddress', NOBODY, 0.1))
    })().catch(() => undefined)
    await waitFor('some payments', async () => told.length >= 5)
    await node.kill()
    await paying
    const again = await network.restart(node)
    await again.call('loadwallet', 'w')
    await waitFor('all of them wait again', async () => {
      const waiting: string[] = await again.call('getrawmempool')
      return told.every((txid) => waiting.includes(txid))
    })
    const waiting: string[] = await again.call('getrawmempool')
    await again.call('generatetoaddress', 1, NOBODY)
    for (const txid of waiting) {
      expect((await again.call('gettransaction', txid)).confirmations).toBe(1)
    }
    expect(await again.call('getrawmempool')).toEqual([])
  })
})

describe('what is on the disk', () => {
  it('is for its owner alone, and encrypted once that was asked for; the log knows nothing', async () => {
    const node = await startRich()
    const directory = join(node.wishes.dataDir, 'regtest', 'wallets', 'w')
    const file = join(directory, 'wallet.json')
    const { mnemonic, descriptors } = JSON.parse(readFileSync(file, 'utf8')).wallet.secrets.plain
    await node.call('encryptwallet', 'a secret phrase')
    await expect(node.call('walletpassphrase', 'a wrong phrase', 10)).rejects.toThrow('-14')
    await node.call('walletpassphrase', 'a secret phrase', 10)
    await node.call('backupwallet', 'copy.json')
    const copy = join(node.wishes.dataDir, 'regtest', 'copy.json')
    for (const path of [file, copy]) {
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(readFileSync(path, 'utf8')).not.toContain('tprv')
    }
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(readdirSync(directory)).toEqual(['wallet.json'])
    for (const secret of [mnemonic, ...descriptors, 'secret phrase', 'wrong phrase']) {
      expect(node.log).not.toContain(secret)
    }
  })
})

describe('a node without --wallet', () => {
  it('says so as Bitcoin Core does where none is loaded', async () => {
    const node = await network.start('a', { chain: 'regtest' })
    expect(await node.call('listwallets')).toEqual([])
    await expect(node.call('getbalance')).rejects.toThrow('-18 No wallet is loaded')
    await expect(node.call('createwallet', 'w')).rejects.toThrow('-4 ')
    const info = await node.call(
      'getdescriptorinfo',
      'wpkh(03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)',
    )
    expect(await node.call('deriveaddresses', info.descriptor)).toHaveLength(1)
  })
})

describe('the wallet that everybody knows', () => {
  it('is there, warned of, and mined to', async () => {
    const node = await network.start('a', { chain: 'regtest', flags: ['--dev-wallet'] })
    expect(await node.call('listwallets')).toEqual(['devnet'])
    expect(node.log).toContain('everybody knows its seed')
    const address = 'bcrt1qquv9lg5g2r4jkr0ahun0ddfg5xntxjelwjpnuw'
    expect((await node.call('getaddressinfo', address)).hdkeypath).toBe('m/84h/1h/0h/0/0')
    await node.call('generatetoaddress', 101, address)
    expect(await node.call('getbalance')).toBe(50)
  })
})
