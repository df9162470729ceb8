/** Users of a node's RPC, and commands that a node runs for its operator. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_RUNNING_COMMANDS } from '../../src/platform/nodejs/notify-commands.ts'
import { killCommands, postAs, runToEnd } from '../support/command-process.ts'
import { type Json, type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const ADDRESS = new TestWallet('process').address('p2wpkh')

let network: TestNetwork

beforeEach(() => {
  network = new TestNetwork()
})

afterEach(async () => {
  killCommands()
  await network.close()
})

function cookieOf({ ready }: NodeProcess): string {
  return readFileSync(ready.cookiePath, 'utf8')
}

describe('users', () => {
  it('are made by quarry rpcauth, and may call what their whitelist has', async () => {
    const made = JSON.parse((await runToEnd(['rpcauth', 'alice', '--json'])).out) as Json
    const { out } = await runToEnd(['rpcauth', 'bob', '-'], 'p:w\n')
    const [, rpcAuth = ''] = /--rpc-auth '([^']+)'/.exec(out) ?? []
    expect(out).toContain('  p:w\n')
    expect((await runToEnd(['rpcauth', 'a:b'])).code).toBe(3)
    const flags = [
      ...['--rpc-auth', made.rpcauth, '--rpcauth', rpcAuth],
      ...['--rpc-whitelist', 'alice:getblockcount,help'],
      '--no-rpc-whitelist-default',
    ]
    const node = await network.start('users', { chain: 'regtest', flags })
    const { rpcUrl } = node.ready
    const alice = `alice:${made.password}`
    const count = { method: 'getblockcount', id: 1 }
    const hash = { method: 'getbestblockhash', id: 1 }
    expect((await postAs(rpcUrl, alice, count)).status).toBe(200)
    expect(await postAs(rpcUrl, alice, hash)).toEqual({
      status: 403,
      text: 'This user may not call getbestblockhash',
    })
    expect((await postAs(rpcUrl, alice, [count, hash])).status).toBe(403)
    expect((await postAs(rpcUrl, alice, [count, count])).status).toBe(200)
    expect((await postAs(rpcUrl, alice, { id: 1 })).status).toBe(400)
    expect((await postAs(rpcUrl, 'bob:p:w', hash)).status).toBe(200)
    expect((await postAs(rpcUrl, cookieOf(node), hash)).status).toBe(200)
    expect((await postAs(rpcUrl, 'alice:p:w', count)).status).toBe(401)
    expect((await postAs(rpcUrl, `bob:${made.password}`, count)).status).toBe(401)
    expect(node.log).not.toContain(made.password)
  })

  it('without a whitelist may call nothing where others have one', async () => {
    const flags = ['--rpc-whitelist', 'alice:getblockcount']
    const node = await network.start('bound', { chain: 'regtest', flags })
    const body = { method: 'getblockcount', id: 1 }
    expect((await postAs(node.ready.rpcUrl, cookieOf(node), body)).status).toBe(403)
  })
})

describe('commands of the operator', () => {
  it('run at the start, at each new tip, and before the end', async () => {
    const file = join(network.directory, 'told')
    const told = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [])
    const flags = [
      ...['--startupnotify', `echo start >> ${file}`],
      ...['--blocknotify', `echo %s >> ${file}; false`],
      // Answers still come: nothing has stopped yet.
      ...['--shutdownnotify', `sleep 0.3; echo end >> ${file}`],
    ]
    const node = await network.start('notify', { chain: 'regtest', flags })
    await waitFor('the first command', async () => told().length === 1)
    await waitFor(
      'readiness',
      async () => (await fetch(`${node.ready.rpcUrl}/readyz`)).status === 200,
    )
    const hashes: string[] = []
    for (let i = 0; i < 3; i++) {
      hashes.push(...((await node.call('generatetoaddress', 1, ADDRESS)) as string[]))
    }
    await waitFor('all commands', async () => told().length === 4)
    expect(await node.stop()).toBe(0)
    const [first, ...rest] = told()
    expect(first).toBe('start')
    expect(rest.slice(0, 3).sort()).toEqual([...hashes].sort())
    expect(rest[3]).toBe('end')
    expect(node.log).toContain('"setting":"blocknotify"')
  })

  it('that never end hold up nobody', async () => {
    const file = join(network.directory, 'begun')
    const flags = ['--blocknotify', `echo $$ >> ${file}; exec sleep 1000`]
    const running = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [])
    const node = await network.start('stuck', { chain: 'regtest', flags })
    await waitFor(
      'readiness',
      async () => (await fetch(`${node.ready.rpcUrl}/readyz`)).status === 200,
    )
    for (let i = 0; i < 12; i++) await node.call('generatetoaddress', 1, ADDRESS)
    await waitFor('four commands', async () => running().length >= MAX_RUNNING_COMMANDS)
    expect(await node.call('getblockcount')).toBe(12)
    expect(running()).toHaveLength(MAX_RUNNING_COMMANDS)
    expect(await node.stop()).toBe(0)
    for (const pid of running()) process.kill(Number(pid))
  })
})
