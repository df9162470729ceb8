/** Users of a node's RPC, and commands that a node runs for its operator. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_RUNNING_COMMANDS } from '../../src/platform/nodejs/notify-commands.ts'
import { killCommands, postAs, runCommand, runToEnd } from '../support/command-process.ts'
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

  it('get in with every command that talks to a node, and choose a wallet', async () => {
    const made = JSON.parse((await runToEnd(['rpcauth', 'al%ce', '--json'])).out) as Json
    const flags = ['--rpc-auth', made.rpcauth, '--wallet']
    const node = await network.start('clients', { chain: 'regtest', flags })
    for (const name of ['one', 'two words']) await node.call('createwallet', name)
    const { rpcUrl } = node.ready
    // A data directory without a node: nothing but what the line says opens this one.
    const nowhere = ['--chain', 'regtest', '--datadir', join(network.directory, 'nowhere')]
    const url = ['--rpc-url', rpcUrl]
    const user = ['--rpc-user', 'al%ce']
    const password = { QUARRY_RPC_PASSWORD: made.password }
    const rpc = (args: readonly string[], input?: string, environment = {}) =>
      runToEnd(['rpc', ...nowhere, ...args], input, environment)

    const whole = rpcUrl.replace('//', `//al%25ce:${made.password}@`)
    expect(await rpc(['--rpc-url', whole, 'getblockcount'])).toMatchObject({ code: 0, out: '0\n' })
    expect(await rpc([...url, ...user, 'getblockcount'], '', password)).toMatchObject({ code: 0 })
    const byInput = await rpc(
      [...url, ...user, '--rpc-password', '-', 'uptime'],
      `${made.password}\n`,
    )
    expect(byInput).toMatchObject({ code: 0 })
    const refused = await rpc([...url, ...user, '--rpc-password', 'no', 'uptime'])
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringContaining('refuses this user or password'),
    })
    expect(await rpc([...url, ...user, 'uptime'])).toMatchObject({ code: 3 })
    const gone = await rpc(['--rpc-url', 'http://al:secret@127.0.0.1:1', 'uptime'])
    expect(gone).toMatchObject({
      code: 1,
      err: expect.stringContaining('Nothing listens at http://127.0.0.1:1.'),
    })

    const asUser = { ...password, QUARRY_RPC_USER: 'al%ce' }
    const walletOf = async (args: readonly string[]) => {
      const { out, err } = await rpc([...args, 'getwalletinfo'], '', asUser)
      return out === '' ? err : (JSON.parse(out) as Json).walletname
    }
    expect(await walletOf([...url, '--wallet', 'one'])).toBe('one')
    expect(await walletOf(['--rpc-url', `${rpcUrl}/wallet/two%20words`])).toBe('two words')
    expect(await walletOf(['--rpc-url', `${rpcUrl}/wallet/one`, '--wallet', 'two words'])).toBe(
      'two words',
    )
    expect(await walletOf(url)).toMatch(/error code: -19\n[\s\S]*"--wallet <name>" option/)
    expect(await walletOf(['--rpc-url', `${rpcUrl}/walet/one`])).toMatch(/path \/walet\/one/)
    expect(await walletOf(['--rpc-url', 'ftp://x'])).toMatch(/URL is not usable/)

    const tail = runCommand(['tail', ...nowhere, ...url, '--since', '0'], '', asUser)
    const mine = ['mine', ...nowhere, ...url, '--threads', '1', '--blocks', '1', '--json']
    expect((await runToEnd(mine, '', asUser)).err).toMatch(/Say with --address/)
    const mined = await runToEnd([...mine, '--address', ADDRESS], '', asUser)
    expect(mined).toMatchObject({ code: 0, err: '' })
    expect(await node.call('getblockcount')).toBe(1)
    await waitFor('its block', async () => /"topic"/.test(tail.out + tail.err))
    expect(tail.err).toBe('')
    for (const command of ['tail', 'mine']) {
      const line = [command, ...nowhere, '--rpc-url', `${rpcUrl}/wallet/one`]
      expect((await runToEnd(line, '', asUser)).err).toMatch(/uses no wallet/)
    }
  })

  it('without a whitelist may call nothing where others have one', async () => {
    const flags = ['--rpc-whitelist', 'alice:getblockcount']
    const node = await network.start('bound', { chain: 'regtest', flags })
    const body = { method: 'getblockcount', id: 1 }
    expect(await postAs(node.ready.rpcUrl, cookieOf(node), body)).toEqual({
      status: 403,
      text: expect.stringMatching(/without one, the cookie too, .*--no-rpc-whitelist-default/),
    })
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
