/** `quarry mine` and `quarry bench miner`, as a person and a program use them. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Json, type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const ADDRESS = new TestWallet('mine-command').address('p2wpkh')
const OTHER_ADDRESS = new TestWallet('mine-command-other').address('p2tr')

const network = new TestNetwork()
let chain = ''
let node: NodeProcess

beforeAll(async () => {
  chain = network.writeSpec('mine')
  node = await network.start('node', { chain })
})

afterAll(() => network.close())

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const text = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text.out += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text.err += chunk
  })
  const end = once(child, 'close').then(([code]) => code as number | null)
  return { child, text, end }
}

function mineFor(target: NodeProcess, ...flags: readonly string[]) {
  return start(['mine', '--chain', chain, '--datadir', target.wishes.dataDir, ...flags])
}

function readEvents(text: string): Json[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

describe('quarry mine', () => {
  it('mines blocks that the node takes, and says so line by line', async () => {
    const { text, end } = mineFor(
      node,
      ...['--threads', '1', '--blocks', '3'],
      ...['--address', `${ADDRESS}=3`, '--address', OTHER_ADDRESS],
      '--version-rolling',
    )
    expect(await end).toBe(0)
    const events = readEvents(text.out)
    expect(events[0]).toMatchObject({ type: 'start', threads: 1, versionRolling: true })
    const blocks = events.filter(({ type }) => type === 'block')
    expect(blocks.map(({ refusal }) => refusal)).toEqual([null, null, null])
    expect(blocks.map(({ height }) => height)).toEqual([1, 2, 3])
    expect(events.at(-1)).toMatchObject({ type: 'done', accepted: 3 })
    expect(await node.call('getblockcount')).toBe(3)
    const { tx } = await node.call('getblock', blocks[0].hash, 2)
    const paid = tx[0].vout.map(({ value, scriptPubKey }: Json) => [value, scriptPubKey.address])
    expect(paid.slice(0, 2)).toEqual([
      [37.5, ADDRESS],
      [12.5, OTHER_ADDRESS],
    ])
  })

  it('goes on with a node that went away and came back, and stops at a signal', async () => {
    const { child, text, end } = mineFor(node, '--threads', '1', '--throttle', '0.5')
    const has = (part: Json) => async () =>
      readEvents(text.out.slice(0, text.out.lastIndexOf('\n') + 1)).some((event) =>
        Object.entries(part).every(([key, value]) => event[key] === value),
      )
    await waitFor('work', has({ type: 'block', refusal: null }))
    await node.stop()
    await waitFor('the problem', async () => text.out.includes('"type":"connection"'))
    node = await network.restart(node)
    await waitFor('the node again', has({ type: 'connection', problem: null }))
    const blocksBefore = readEvents(text.out.slice(0, text.out.lastIndexOf('\n') + 1)).length
    await waitFor('another block', async () =>
      readEvents(text.out.slice(0, text.out.lastIndexOf('\n') + 1))
        .slice(blocksBefore)
        .some(({ type, refusal }) => type === 'block' && refusal === null),
    )
    child.kill('SIGTERM')
    expect(await end).toBe(0)
    const status = readEvents(text.out).findLast(({ type }) => type === 'status')
    expect(status).toMatchObject({ invalid: 0, isDegraded: false })
    expect(status.workers[0].engine).toMatch(/^wasm-/)
  })

  it('says what to do where no node runs', async () => {
    const { text, end } = start([
      'mine',
      '--chain',
      chain,
      '--datadir',
      `${network.directory}/none`,
    ])
    expect(await end).toBe(1)
    expect(text.out).toBe('')
    expect(text.err).toMatch(/^quarry: .*cookie/)
  })

  it.each([
    [['--threads', 'many']],
    [['--threads', '0']],
    [['--throttle', '2']],
    [['--blocks', '0']],
  ])('refuses %j as a usage error', async (flags) => {
    const { end } = mineFor(node, ...flags)
    expect(await end).toBe(2)
  })
})

it.each([
  ['--address', 'nobody'],
  ['--address', `${ADDRESS}=0`],
])('refuses %s %s as a bad setting', async (...flags) => {
  const { text, end } = mineFor(node, ...flags)
  expect(await end).toBe(3)
  expect(text.err).toContain('address')
})

describe('quarry bench miner', () => {
  it('measures every engine and the miner', async () => {
    const { text, end } = start(['bench', 'miner', '--seconds', '0.3', '--json'])
    expect(await end).toBe(0)
    const { engines, miner } = JSON.parse(text.out)
    expect(Object.keys(engines)).toEqual(['SIMD', 'SIMD, version rolling', 'scalar', 'fallback'])
    expect(engines.SIMD).toBeGreaterThan(engines.fallback)
    for (const rate of Object.values(miner)) expect(rate).toBeGreaterThan(0)
  })
})
