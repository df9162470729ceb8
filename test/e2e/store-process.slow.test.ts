/** What else happens to a node with a stored chain: a start that is broken off, a second process, a full disk. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { hashStoredCoins, readPosition, StoredChain } from '../support/stored-chain.ts'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const STARTS = 20
const DISK_MEGABYTES = 192
const MEGABYTE = 1_048_576

const network = new TestNetwork()
const mounts: string[] = []
let chain: StoredChain
let nodes: NodeProcess[] = []

beforeAll(async () => {
  chain = await StoredChain.create(network)
}, 300_000)

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.kill()))
  nodes = []
  for (const path of mounts.splice(0)) spawnSync('umount', [path])
})

afterAll(() => network.close())

async function start(dataDir: string): Promise<NodeProcess> {
  const name = dataDir.slice(network.directory.length + 1)
  const node = await network.start(name, { chain: chain.specPath })
  nodes.push(node)
  return node
}

/** The node stands where its twin stood, and comes with it to the end of the chain, coin by coin. */
async function expectSound(node: NodeProcess): Promise<number> {
  const position = await readPosition(node)
  expect(position).toEqual(chain.positions[position.height])
  for (let next = position.height + 1; next < chain.blocks.length; next++) {
    await chain.submit(node, next)
  }
  expect(await readPosition(node)).toEqual(chain.positions.at(-1))
  expect(await node.stop()).toBe(0)
  expect(await hashStoredCoins(node.wishes.dataDir)).toBe(chain.coins)
  return position.height
}

async function refusalOf(dataDir: string): Promise<string> {
  try {
    await start(dataDir)
  } catch (error) {
    return String(error)
  }
  return 'it started'
}

describe('a start that is told to stop', () => {
  it(`ends cleanly at each of ${STARTS} moments, and leaves a sound chain`, async () => {
    const dataDir = chain.copy('terminated')
    const startMs = performance.now()
    const whole = await start(dataDir)
    const wholeMs = performance.now() - startMs
    await whole.stop()
    const ends: (number | string)[] = []
    for (let i = 0; i < STARTS; i++) {
      const flags = ['--listen', '/ip4/127.0.0.1/tcp/0', '--rpc-port', '0']
      const child = spawn(
        process.execPath,
        [MAIN, 'start', '--chain', chain.specPath, '--datadir', dataDir, ...flags],
        { stdio: 'ignore' },
      )
      const ended = once(child, 'exit')
      await new Promise((resolve) => setTimeout(resolve, (wholeMs * i) / (STARTS - 1)))
      child.kill('SIGTERM')
      const [code, signal] = await ended
      // Before a line of ours has run, the signal ends the process by itself; after that it holds the lock.
      expect(existsSync(join(dataDir, 'regtest', 'quarry.lock'))).toBe(false)
      ends.push(code ?? signal)
    }
    expect(ends.filter((end) => end !== 'SIGTERM' && end !== 0)).toEqual([])
    expect(ends).toContain(0)
    expect(await expectSound(await start(dataDir))).toBe(chain.storedHeight)
  }, 180_000)
})

describe('a second process on the same data', () => {
  it.each([
    { what: 'all locks in place', removed: [] },
    { what: 'LevelDB’s locks deleted', removed: ['db/state/LOCK', 'db/blocks/LOCK'] },
    { what: 'the node’s own lock deleted', removed: ['quarry.lock'] },
  ])('is refused with words, and the first goes on: $what', async ({ what, removed }) => {
    const dataDir = chain.copy(`locked ${what}`.replaceAll(/\W/g, '-'))
    const first = await start(dataDir)
    for (const path of removed) rmSync(join(dataDir, 'regtest', path))
    const refusal = await refusalOf(dataDir)
    expect(refusal).toContain('ended with code 4')
    expect(refusal).toMatch(/in use by process \d+|open in another process/)
    expect(refusal).toContain('--datadir')
    expect(await expectSound(first)).toBe(chain.storedHeight)
    expect(await expectSound(await start(dataDir))).toBe(chain.blocks.length - 1)
  })
})

/** A small disk of its own; undefined where this test may not mount one. */
function mountDisk(name: string): string | undefined {
  const path = join(network.directory, name)
  mkdirSync(path)
  const { status } = spawnSync('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${DISK_MEGABYTES}m`,
    'none',
    path,
  ])
  if (status !== 0) return undefined
  mounts.push(path)
  return path
}

/** Fills a disk but for so many bytes. */
function fillDisk(disk: string, freeBytes: number): string {
  const { bavail, bsize } = statfsSync(disk)
  const path = join(disk, 'ballast')
  writeFileSync(path, Buffer.alloc(Math.max(0, bavail * bsize - freeBytes)))
  return path
}

const canMount = ((): boolean => {
  const path = mountDisk('probe')
  if (path === undefined) return false
  spawnSync('umount', [mounts.pop() ?? path])
  return true
})()

// Where nothing can be mounted, the same at the store's boundary: unit/store/disk-full.test.ts.
describe.skipIf(!canMount)('a disk that fills up', () => {
  it.each([
    { what: 'little room, below the floor', freeBytes: 16 * MEGABYTE },
    { what: 'room for some blocks', freeBytes: 0.3 * MEGABYTE },
    { what: 'no room at all', freeBytes: 0 },
  ])(
    'stops the node and harms nothing: $what',
    async ({ what, freeBytes }) => {
      const disk = mountDisk(`disk-${what.replaceAll(/\W/g, '-')}`)
      if (disk === undefined) throw new Error('no disk could be mounted')
      const dataDir = join(disk, 'data')
      cpSync(chain.copy(`source-of-${basename(disk)}`), dataDir, { recursive: true })
      const node = await start(dataDir)
      const ballast = fillDisk(disk, freeBytes)
      for (let next = chain.storedHeight + 1; next < chain.blocks.length; next++) {
        // What it answers, if it still does, is no matter: what it keeps is.
        await chain.submit(node, next).catch(() => undefined)
      }
      await waitFor('the node has stopped', async () => node.child.exitCode !== null)
      expect(node.child.exitCode).not.toBe(0)
      expect(node.log).toMatch(/disk|space/i)
      // While it is full a start is of no use, and is told so.
      expect(await refusalOf(dataDir)).toMatch(/--datadir/)
      rmSync(ballast)
      expect(await expectSound(await start(dataDir))).toBeGreaterThanOrEqual(chain.storedHeight)
    },
    180_000,
  )
})
