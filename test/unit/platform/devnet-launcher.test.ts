import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DevnetError } from '../../../src/devnet/index.ts'
import { ProcessLauncher } from '../../../src/platform/nodejs/devnet-launcher.ts'
import { isProcessAlive } from '../../../src/platform/nodejs/directory-lock.ts'

const CHILD = fileURLToPath(new URL('../../support/launched-child.mjs', import.meta.url))

let folder = ''
let launcher: ProcessLauncher

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry-launcher-'))
})

afterEach(() => {
  launcher.killAll()
  rmSync(folder, { recursive: true, force: true })
})

function create(
  traits = '',
  environment: Record<string, string> = {},
  hasStratum = false,
): ProcessLauncher {
  launcher = new ProcessLauncher({
    command: [process.execPath, CHILD],
    specPath: join(folder, 'chain.json'),
    nodeDirectory: (index) => join(folder, `node-${index}`),
    threads: 2,
    throttle: 0.25,
    hasStratum,
    environment: { PATH: process.env['PATH'], CHILD_TRAITS: traits, ...environment },
    stopGraceMs: 300,
    startTimeoutMs: 2_000,
  })
  return launcher
}

function readLog(index = 0): string {
  return readFileSync(join(folder, `node-${index}`, 'node.log'), 'utf8')
}

const never = new AbortController().signal

describe('ProcessLauncher', () => {
  it('starts a node with everything it needs', async () => {
    const node = await create().launch({ index: 3, peers: ['/ip4/127.0.0.1/tcp/9'] }, never)
    expect(node.address).toMatchObject({
      index: 3,
      cookiePath: join(folder, 'node-3', '.cookie'),
      rpcUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+3$/),
      multiaddr: expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+4$/),
    })
    expect(isProcessAlive(node.address.pid)).toBe(true)
    await node.stop()
    const { args } = JSON.parse(readLog(3).split('\n')[0] ?? '') as { args: string[] }
    expect(args[0]).toBe('start')
    expect(args).toContain('--mine')
    for (const [flag, value] of [
      ['--chain', join(folder, 'chain.json')],
      ['--datadir', join(folder, 'node-3')],
      ['--threads', '2'],
      ['--throttle', '0.25'],
      ['--peer', '/ip4/127.0.0.1/tcp/9'],
    ] as const) {
      expect(args[args.indexOf(flag) + 1]).toBe(value)
    }
  })

  it('gives two nodes different ports', async () => {
    const first = await create().launch({ index: 0, peers: [] }, never)
    const second = await launcher.launch({ index: 1, peers: [] }, never)
    expect(second.address.rpcUrl).not.toBe(first.address.rpcUrl)
    await Promise.all([first.stop(), second.stop()])
  })

  it('lets miners connect to each node if it is told to, and after a restart at the same port', async () => {
    const first = await create('', {}, true).launch({ index: 0, peers: [] }, never)
    const second = await launcher.launch({ index: 1, peers: [] }, never)
    const [url, other] = [first.address.stratumUrl, second.address.stratumUrl]
    expect(url).toMatch(/^stratum\+tcp:\/\/127\.0\.0\.1:\d+3$/)
    expect(other).not.toBe(url)
    await first.stop()
    const again = await launcher.launch({ index: 0, peers: [] }, never)
    expect(again.address.stratumUrl).toBe(url)
    await Promise.all([second.stop(), again.stop()])
    const without = await create().launch({ index: 0, peers: [] }, never)
    expect(without.address.stratumUrl).toBeUndefined()
    await without.stop()
  })

  it('keeps variables that are meant for single nodes to itself', async () => {
    const environment = { QUARRY_ADDRESS: 'x', QUARRY_CONFIG: 'y', QUARRY_LOG_LEVEL: 'debug' }
    const node = await create('', environment).launch({ index: 0, peers: [] }, never)
    await node.stop()
    expect(readLog()).toContain('variables QUARRY_LOG_LEVEL\n')
  })

  it('tries other ports when the first were taken meanwhile', async () => {
    const node = await create('p').launch({ index: 0, peers: [] }, never)
    const tried = readFileSync(join(folder, 'node-0', 'tried'), 'utf8')
    expect(node.address.rpcUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(node.address.rpcUrl).not.toContain(tried)
    await node.stop()
  })

  it('tells why a node did not start', async () => {
    const launching = create('d').launch({ index: 0, peers: [] }, never)
    await expect(launching).rejects.toThrow(DevnetError)
    await expect(launching).rejects.toThrow(/exit code 1.*node\.log.*the moon is full/s)
  })

  it('gives up on a node that says nothing, and ends it', async () => {
    const launching = create('n').launch({ index: 0, peers: [] }, never)
    await expect(launching).rejects.toThrow(/Not up after 2 s/)
  })

  it('ends a node that hangs', async () => {
    const node = await create('h').launch({ index: 0, peers: [] }, never)
    await node.stop()
    expect(isProcessAlive(node.address.pid)).toBe(false)
    expect(await node.exited).toMatchObject({ signal: 'SIGKILL', logTail: expect.any(Array) })
    expect(readLog()).toContain('not yet')
  })

  it('ends a node that is suspended', async () => {
    const node = await create().launch({ index: 0, peers: [] }, never)
    process.kill(node.address.pid, 'SIGSTOP')
    await node.stop()
    expect(isProcessAlive(node.address.pid)).toBe(false)
  })

  it('asks a node to stop only once', async () => {
    const node = await create('h').launch({ index: 0, peers: [] }, never)
    await Promise.all([node.stop(), node.stop(), node.stop()])
    expect(readLog().match(/not yet/g)).toHaveLength(1)
  })

  it('reports a node that dies by itself, with the end of its log', async () => {
    const node = await create().launch({ index: 0, peers: [] }, never)
    process.kill(node.address.pid, 'SIGKILL')
    const exit = await node.exited
    expect(exit).toMatchObject({ code: undefined, signal: 'SIGKILL' })
    expect(exit.logPath).toBe(join(folder, 'node-0', 'node.log'))
    expect(exit.logTail.at(-1)).toMatch(/^variables/)
  })

  it('ends a node that is still starting when told to', async () => {
    const controller = new AbortController()
    const launching = create('n').launch({ index: 0, peers: [] }, controller.signal)
    setTimeout(() => controller.abort(), 100)
    await expect(launching).rejects.toThrow(DevnetError)
  })
})
