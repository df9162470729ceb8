/** RPC while a node starts, and `quarry tail` over its restarts. */

import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EVENT_TOPICS } from '../../src/rpc/index.ts'
import { killCommands, postAs, runCommand, runToEnd } from '../support/command-process.ts'
import { type Json, TestNetwork, waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const ADDRESS = new TestWallet('restart').address('p2wpkh')

let network: TestNetwork

beforeEach(() => {
  network = new TestNetwork()
})

afterEach(async () => {
  killCommands()
  await network.close()
})

describe('a node that is starting', () => {
  it('answers -28 with what it is at, in every dialect, and is alive but not ready', async () => {
    const node = await network.start('warm', { chain: 'regtest' })
    await node.call('generatetoaddress', 300, ADDRESS)
    await node.stop()
    const rpcJson = join(network.directory, 'warm', 'regtest', 'rpc.json')
    const again = network.restart(node, { flags: ['--reindex', '--rest'] })
    again.catch(() => undefined)
    const seen = new Map<string, string>()
    const look = async (url: string) => {
      const cookie = readFileSync(join(network.directory, 'warm', 'regtest', '.cookie'), 'utf8')
      const one = { method: 'getblockcount', id: 1 }
      const [legacy, modern, batch, healthz, readyz, rest] = await Promise.all([
        postAs(url, cookie, one),
        postAs(url, cookie, { ...one, jsonrpc: '2.0' }),
        postAs(url, cookie, [one, one]),
        fetch(`${url}/healthz`),
        fetch(`${url}/readyz`),
        fetch(`${url}/rest/chaininfo.json`),
      ])
      const { error } = JSON.parse(legacy.text) as Json
      // Only what was seen together, before the start went on, belongs together.
      const isWarm = error?.code === -28 && rest.status === 503
      if (!isWarm) return false
      seen.set(error.message, legacy.text)
      expect(legacy.status).toBe(500)
      expect([modern.status, JSON.parse(modern.text).error.code]).toEqual([200, -28])
      expect([batch.status, JSON.parse(batch.text).length]).toEqual([200, 2])
      expect(healthz.status).toBe(200)
      expect(readyz.status).toBe(503)
      expect(await rest.text()).toMatch(/^Service temporarily unavailable: /)
      return true
    }
    await waitFor('an answer of a node that is starting', async () => {
      if (!existsSync(rpcJson)) return false
      const { url } = JSON.parse(readFileSync(rpcJson, 'utf8')) as { url: string }
      return look(url).catch(() => false)
    })
    for (const message of seen.keys()) expect(message).toMatch(/…$|^RPC server started$/)
    const ready = await again
    expect(await ready.call('getblockcount')).toBe(300)
    expect((await fetch(`${ready.ready.rpcUrl}/readyz`)).status).toBe(200)
  })
})

describe('quarry tail', () => {
  const linesOf = (text: string): Json[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))

  it('prints events as JSON lines, from a number on, and only of its topics', async () => {
    const node = await network.start('tail', { chain: 'regtest' })
    await node.call('generatetoaddress', 2, ADDRESS)
    const place = ['--datadir', node.wishes.dataDir, '--chain', 'regtest']
    const tail = runCommand(['tail', ...place, '--topics', 'blocks', '--since', '0'])
    await waitFor('two lines', async () => linesOf(tail.out).length === 2)
    await node.call('generatetoaddress', 1, ADDRESS)
    await waitFor('a third line', async () => linesOf(tail.out).length === 3)
    expect(linesOf(tail.out).map(({ topic, type, data }) => [topic, type, data.height])).toEqual([
      ['blocks', 'connected', 1],
      ['blocks', 'connected', 2],
      ['blocks', 'connected', 3],
    ])
    tail.child.kill('SIGINT')
    expect((await once(tail.child, 'exit'))[0]).toBe(0)
    expect(tail.err).toBe('')
  })

  it('goes on without a gap after its connection was cut', async () => {
    const node = await network.start('tail', { chain: 'regtest' })
    const sockets = new Set<Socket>()
    const proxy = createServer((socket) => {
      const target = connect(Number(new URL(node.ready.rpcUrl).port), '127.0.0.1')
      for (const side of [socket, target]) {
        sockets.add(side)
        side.on('error', () => undefined)
      }
      socket.pipe(target).pipe(socket)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const { port } = proxy.address() as AddressInfo
    try {
      const place = ['--datadir', node.wishes.dataDir, '--chain', 'regtest']
      const tail = runCommand(['tail', ...place, '--topics', 'blocks', '--rpc-port', String(port)])
      // New events alone: there are none before the connection stands.
      await waitFor('the connection', async () => sockets.size > 0)
      await waitFor('a line', async () => {
        await node.call('generatetoaddress', 1, ADDRESS)
        return linesOf(tail.out).length > 0
      })
      for (const socket of sockets) socket.destroy()
      await node.call('generatetoaddress', 5, ADDRESS)
      const height = await node.call('getblockcount')
      await waitFor('what came meanwhile', async () => {
        return linesOf(tail.out).at(-1)?.data?.height === height
      })
      const lines = linesOf(tail.out)
      const heights = lines.flatMap(({ data }) => data?.height ?? [])
      expect(heights).toEqual(heights.map((_, i) => heights[0] + i))
      expect(lines.map(({ type }) => type)).toContain('connection')
      expect(lines.map(({ type }) => type)).not.toContain('gap')
    } finally {
      proxy.close()
      for (const socket of sockets) socket.destroy()
    }
  })

  it('tells of the gap after a restart', async () => {
    const node = await network.start('tail', { chain: 'regtest' })
    const place = ['--datadir', node.wishes.dataDir, '--chain', 'regtest']
    const tail = runCommand(['tail', ...place, '--topics', 'blocks', '--json', '--since', '0'])
    await node.call('generatetoaddress', 1, ADDRESS)
    await waitFor('a line', async () => linesOf(tail.out).length === 1)
    await node.stop()
    const again = await network.restart(node)
    await waitFor('the gap', async () => linesOf(tail.out).some(({ type }) => type === 'gap'))
    await again.call('generatetoaddress', 1, ADDRESS)
    await waitFor('the next block', async () => linesOf(tail.out).at(-1)?.data?.height === 2)
    const [first, ...rest] = linesOf(tail.out)
    const [lost, back, gap] = rest
    expect(lost).toMatchObject({ type: 'connection', problem: expect.any(String) })
    expect(back).toEqual({ type: 'connection', problem: null })
    expect(gap).toMatchObject({ type: 'gap', since: first.seq })
  })

  it('says at once that no node is there', async () => {
    const place = ['--datadir', network.directory]
    const all = EVENT_TOPICS.join()
    const { code, out, err } = await runToEnd(['tail', ...place, '--topics', all])
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('no node seems to be running')
    expect((await runToEnd(['tail', '--topics', 'nothing'])).code).toBe(2)
  })
})
