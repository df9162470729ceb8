/** `quarry import` and `quarry export`, as a person uses them. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  computeNetworkMagic,
  createConsensusParams,
  REGTEST_SPEC,
} from '../../src/consensus/index.ts'
import { encodeBlockRecord } from '../../src/platform/nodejs/block-file.ts'
import { encodeBlock, toDisplayHex } from '../../src/primitives/index.ts'
import { concatBytes } from '../../src/util/index.ts'
import { createBlock, createBlocks, placeGenesis } from '../support/chain-generator.ts'
import { TestNetwork } from '../support/node-process.ts'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))
const params = createConsensusParams(REGTEST_SPEC)
const magic = computeNetworkMagic(params)
const blocks = createBlocks(placeGenesis(params), params, 150)
const tip = toDisplayHex(blocks.at(-1)?.hash ?? params.genesisHash)

let network: TestNetwork
beforeEach(() => {
  network = new TestNetwork()
})
afterEach(() => network.close())

function inFolder(name: string): string {
  return join(network.directory, name)
}

function writeBlocks(
  name: string,
  placed: readonly { readonly block: Parameters<typeof encodeBlock>[0] }[],
) {
  const records = placed.map(({ block }) => encodeBlockRecord(magic, encodeBlock(block)))
  writeFileSync(inFolder(name), concatBytes(...records))
  return inFolder(name)
}

async function run(
  command: 'import' | 'export',
  dataDir: string,
  file: string,
  interruptMs?: number,
) {
  const flags = ['--chain', 'regtest', '--datadir', inFolder(dataDir), '--json', file]
  const child = spawn(process.execPath, [MAIN, command, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const timer =
    interruptMs === undefined ? undefined : setTimeout(() => child.kill('SIGINT'), interruptMs)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  return { code, err, result: out === '' ? undefined : JSON.parse(out) }
}

it('imports a file, passes over what is there, and exports what it was', async () => {
  const file = writeBlocks('chain.blocks', blocks)
  const first = await run('import', 'a', file)
  expect(first).toMatchObject({
    code: 0,
    result: { blocks: 150, known: 0, height: 150, hash: tip },
  })
  const again = await run('import', 'a', file)
  expect(again).toMatchObject({ code: 0, result: { blocks: 0, known: 150, hash: tip } })
  const exported = await run('export', 'a', inFolder('exported.blocks'))
  expect(exported).toMatchObject({ code: 0, result: { blocks: 151 } })
  const genesis = encodeBlockRecord(magic, encodeBlock(params.genesis))
  const expected = concatBytes(genesis, readFileSync(file))
  expect(readFileSync(inFolder('exported.blocks')).equals(expected)).toBe(true)
  const node = await network.start('a', { chain: 'regtest' })
  expect(await node.call('getbestblockhash')).toBe(tip)
  expect((await run('export', 'a', inFolder('exported.blocks'))).code).not.toBe(0)
})

it('refuses a data directory on which a node runs', async () => {
  await network.start('a', { chain: 'regtest' })
  const { code, err } = await run('import', 'a', writeBlocks('chain.blocks', blocks))
  expect(code).toBe(4)
  expect(err).toContain('in use by process')
})

it('says where the first block is that is not valid, and keeps those before it', async () => {
  const bad = createBlock(blocks[99] ?? placeGenesis(params), params, { fees: 1n })
  const file = writeBlocks('bad.blocks', [...blocks.slice(0, 100), bad])
  const { code, err } = await run('import', 'a', file)
  expect(code).toBe(1)
  expect(err).toContain('bad-cb-amount')
  expect(err).toContain(`byte ${readFileSync(file).length - 8 - encodeBlock(bad.block).length}`)
  const node = await network.start('a', { chain: 'regtest' })
  expect(await node.call('getblockcount')).toBe(100)
})

it('says that the order is wrong where a parent is missing', async () => {
  const { code, err } = await run('import', 'a', writeBlocks('gap.blocks', blocks.slice(1)))
  expect(code).toBe(1)
  expect(err).toContain('in the order of the chain')
})

it('an export that is interrupted leaves no file that could be taken for a backup', async () => {
  await run('import', 'a', writeBlocks('all.blocks', blocks))
  for (let delay = 100; delay < 800; delay += 100) {
    const file = inFolder(`${delay}.blocks`)
    const { code } = await run('export', 'a', file, delay)
    expect(existsSync(file)).toBe(code === 0)
    if (code === 0) expect((await run('import', `${delay}`, file)).result.height).toBe(150)
  }
})

it('says what is wrong with a folder in place of a file', async () => {
  const { code, err } = await run('import', 'a', network.directory)
  expect(code).toBe(1)
  expect(err).toContain(`${network.directory} is a folder: name a file.`)
})
