/** However a devnet ends, nothing of it is left running. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DevnetBench, isAlive, until } from '../support/devnet-process.ts'

let bench: DevnetBench

beforeEach(() => {
  bench = new DevnetBench()
})

afterEach(() => bench.close())

describe('a devnet', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('leaves no process behind after %s', async (signal) => {
    const devnet = bench.start('--nodes', '2')
    await devnet.waitForNodes(2)
    devnet.child.kill(signal)
    expect(await devnet.ended).toBe(0)
    expect(devnet.pids.filter(isAlive)).toEqual([])
    expect(devnet.lines.at(-1)).toMatchObject({ type: 'done' })
    expect(JSON.parse(readFileSync(join(bench.folder, 'devnet.json'), 'utf8')).nodes).toEqual([])
  })

  it('ends a node that hangs', async () => {
    const devnet = bench.start('--nodes', '2')
    await devnet.waitForNodes(2)
    const [, pid = 0] = devnet.pids
    process.kill(pid, 'SIGSTOP')
    await until('the status says that node 1 is silent', () => {
      return devnet.all('status').at(-1)?.nodes[1]?.problem !== undefined
    })
    const startedAt = Date.now()
    devnet.child.kill('SIGINT')
    expect(await devnet.ended).toBe(0)
    expect(Date.now() - startedAt).toBeLessThan(8_000)
    expect(devnet.pids.filter(isAlive)).toEqual([])
  })

  it('is gone at once after a second signal', async () => {
    const devnet = bench.start('--nodes', '2')
    await devnet.waitForNodes(2)
    for (const pid of devnet.pids) process.kill(pid, 'SIGSTOP')
    devnet.child.kill('SIGINT')
    await until('it says that it stops', () => devnet.errors.includes('press Ctrl-C again'))
    devnet.child.kill('SIGINT')
    expect(await devnet.ended).toBe(1)
    await until('the nodes are gone', () => devnet.pids.filter(isAlive).length === 0, 2_000)
  })

  it('takes its nodes along when it is killed', async () => {
    const devnet = bench.start('--nodes', '2')
    await devnet.waitForNodes(2)
    devnet.child.kill('SIGKILL')
    await devnet.ended
    await until('the nodes are gone', () => devnet.pids.filter(isAlive).length === 0, 10_000)

    const next = bench.start('--nodes', '2')
    await next.waitForNodes(2)
    next.child.kill('SIGTERM')
    expect(await next.ended).toBe(0)
  })

  it('stops when nobody reads any more', async () => {
    const devnet = bench.start('--nodes', '1')
    await devnet.waitForNodes(1)
    devnet.child.stdout?.destroy()
    await devnet.ended
    expect(devnet.pids.filter(isAlive)).toEqual([])
  })

  it('cannot run twice in one folder', async () => {
    const devnet = bench.start('--nodes', '1')
    await devnet.waitForNodes(1)
    const second = bench.start('--nodes', '1')
    expect(await second.ended).toBe(4)
    expect(second.lines).toEqual([
      { type: 'failed', reason: expect.stringContaining(`process ${devnet.child.pid}`) },
    ])
    expect(devnet.pids.every(isAlive)).toBe(true)
    devnet.child.kill('SIGTERM')
    await devnet.ended
  })

  it('reports a node that dies, with the end of its log, and starts it again', async () => {
    const devnet = bench.start('--nodes', '2')
    await devnet.waitForNodes(2)
    const [first] = devnet.all('node')
    process.kill(first?.pid ?? 0, 'SIGKILL')
    await until('the exit is reported', () => devnet.all('exit').length > 0)
    const [exit] = devnet.all('exit')
    expect(exit).toMatchObject({ index: 0, signal: 'SIGKILL', restart: 1 })
    expect(exit?.logTail.length).toBeGreaterThan(0)
    expect(readFileSync(exit?.logPath ?? '', 'utf8')).toContain(exit?.logTail.at(-1) ?? '?')
    await until('the node is back', () => devnet.all('node').length === 3)
    const { pid: _, ...address } = first ?? {}
    expect(devnet.all('node')[2]).toMatchObject({ ...address, pid: expect.any(Number) })
    await until('both are peers again', () => {
      const { nodes = [], gone = [] } = devnet.all('status').at(-1) ?? {}
      return gone.length === 0 && nodes.length === 2 && nodes.every(({ peers }) => peers === 1)
    })
    devnet.child.kill('SIGTERM')
    expect(await devnet.ended).toBe(0)
    expect(devnet.pids.filter(isAlive)).toEqual([])
  })

  it('fails when a node dies that had a height to reach', async () => {
    const devnet = bench.start('--nodes', '2', '--until-height', '100000')
    await devnet.waitForNodes(2)
    const [, pid = 0] = devnet.pids
    process.kill(pid, 'SIGKILL')
    expect(await devnet.ended).toBe(1)
    expect(devnet.lines.at(-1)).toMatchObject({
      type: 'failed',
      reason: expect.stringContaining('node 1 ended by SIGKILL'),
    })
    expect(devnet.pids.filter(isAlive)).toEqual([])
  })

  it('fails after its time', async () => {
    const devnet = bench.start('--nodes', '1', '--until-height', '100000', '--timeout', '2')
    expect(await devnet.ended).toBe(1)
    expect(devnet.lines.at(-1)).toMatchObject({
      type: 'failed',
      reason: expect.stringMatching(/time-out after 2 s.*100000/),
    })
    expect(devnet.pids.filter(isAlive)).toEqual([])
  })
})
