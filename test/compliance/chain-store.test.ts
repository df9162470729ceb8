import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, describe, expect, it } from 'vitest'
import type { ByteDatabase, ChainDatabases } from '../../src/store/index.ts'
import { createMemoryDatabases } from '../support/memory-chain.ts'
import { CHAIN_STORE_CASES, runStoreCase, type StoreHarness } from './chain-store-suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'quarry-store-'))
let count = 0

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function createMemoryHarness(): StoreHarness {
  const databases = createMemoryDatabases()
  return {
    async open(): Promise<ChainDatabases> {
      await databases.blocks.open()
      await databases.state.open()
      return databases
    },
  }
}

function createLevelHarness(): StoreHarness {
  const parent = join(folder, `${++count}`)
  mkdirSync(parent)
  const open = async (name: string): Promise<ByteDatabase> => {
    const options = { keyEncoding: 'view', valueEncoding: 'view' } as const
    const database = new Level<Uint8Array, Uint8Array>(join(parent, name), options)
    await database.open()
    return database as unknown as ByteDatabase
  }
  return { open: async () => ({ blocks: await open('blocks'), state: await open('state') }) }
}

const ENGINES = [
  { engine: 'memory-level', create: createMemoryHarness },
  { engine: 'classic-level', create: createLevelHarness },
]

describe.each(ENGINES)('ChainStore on $engine', ({ create }) => {
  it.each(CHAIN_STORE_CASES)('$name', async (storeCase) => {
    expect(await runStoreCase(storeCase, create())).toMatchObject({ outcome: 'ok' })
  })
})

describe('the engines', () => {
  it('hold the same records after the same chain', async () => {
    const storeCase = CHAIN_STORE_CASES.at(-1)
    if (storeCase === undefined) throw new Error('no case')
    const memory = await runStoreCase(storeCase, createMemoryHarness())
    const level = await runStoreCase(storeCase, createLevelHarness())
    expect(memory.records).toMatch(/^\d{2,} records, /)
    expect(level.records).toBe(memory.records)
  })
})
