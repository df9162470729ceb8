/** What becomes of a chain state that cannot be opened: nothing is deleted that cannot be made again. */

import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { LogLine } from '../../src/platform/nodejs/index.ts'
import { databasePath, openStopped, sublevelRange } from '../support/stored-chain.ts'
import { TestWallet } from '../support/wallet.ts'

const BUNDLE = new URL('../../dist/program/nodejs/index.js', import.meta.url).href
const { startNode } = (await import(BUNDLE)) as typeof import('../../src/platform/nodejs/index.ts')
const ADDRESS = new TestWallet('store-rebuild').address('p2wpkh')
const HEIGHT = 20
const REBUILT = 'the chain state is of no use and is rebuilt'

let datadir = ''
let hash: unknown

beforeEach(async () => {
  datadir = mkdtempSync(join(tmpdir(), 'quarry-store-rebuild-'))
  const node = await startNode({ datadir })
  await node.call('generatetoaddress', HEIGHT, ADDRESS)
  hash = await node.call('gettxoutsetinfo', 'muhash')
  await node.stop()
})
afterEach(() => rmSync(datadir, { recursive: true, force: true }))

/** Starts a node, asks for its coins, and stops it. */
async function readCoins(): Promise<{ coins: unknown; messages: readonly string[] }> {
  const messages: string[] = []
  const onLog = ({ message }: LogLine): void => {
    messages.push(message)
  }
  const node = await startNode({ datadir, onLog })
  try {
    return { coins: await node.call('gettxoutsetinfo', 'muhash'), messages }
  } finally {
    await node.stop()
  }
}

/** Sizes on the disk differ from one run to another. */
function withoutSize(coins: unknown): unknown {
  return { ...(coins as Record<string, unknown>), disk_size: 0 }
}

it('a damaged state is rebuilt from whole bodies, and the old one goes', async () => {
  const state = databasePath(datadir, 'state')
  rmSync(join(state, 'CURRENT'))
  const { coins, messages } = await readCoins()
  expect(withoutSize(coins)).toEqual(withoutSize(hash))
  expect(messages).toContain(REBUILT)
  expect(existsSync(`${state}.aside`)).toBe(false)
})

it('a damaged state whose bodies were pruned is left as it was, and whole again once it is mended', async () => {
  const blocks = openStopped(databasePath(datadir, 'blocks'))
  await blocks.open()
  const keys = await blocks.keys(sublevelRange('body')).all()
  await blocks.batch(keys.slice(0, 5).map((key) => ({ type: 'del', key })))
  await blocks.close()
  const current = join(databasePath(datadir, 'state'), 'CURRENT')
  renameSync(current, `${current}.lost`)
  await expect(startNode({ datadir })).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining('it cannot be rebuilt, and is left as it was'),
  })
  expect(existsSync(`${current}.lost`)).toBe(true)
})

it('a state that the system does not let be read is no damage', async () => {
  const state = databasePath(datadir, 'state')
  // Whoever runs this may be allowed everything, so that a file stands where the folder should.
  renameSync(state, `${state}.kept`)
  writeFileSync(state, '')
  await expect(startNode({ datadir })).rejects.toMatchObject({ code: 'io' })
  rmSync(state)
  renameSync(`${state}.kept`, state)
  const { coins, messages } = await readCoins()
  expect(withoutSize(coins)).toEqual(withoutSize(hash))
  expect(messages).not.toContain(REBUILT)
})
