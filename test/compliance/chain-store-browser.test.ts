import { build } from 'vite'
import { beforeAll, describe, expect, it } from 'vitest'
import { findChromium, runInBrowser } from '../support/chromium.ts'
import { createMemoryDatabases } from '../support/memory-chain.ts'
import { CHAIN_STORE_CASES, runStoreCase, type StoreCaseResult } from './chain-store-suite.ts'

const LAUNCH_TIMEOUT_MS = 120_000
const browser = findChromium()

/** Bundles the suite as a page would be: `level` is IndexedDB there. */
async function bundleSuite(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      lib: {
        entry: 'test/compliance/chain-store-page.ts',
        formats: ['iife'],
        name: 'suite',
        fileName: 'suite',
      },
    },
  })
  const [bundle] = Array.isArray(result) ? result : [result]
  if (bundle === undefined || !('output' in bundle)) throw new Error('nothing was bundled')
  const [chunk, ...others] = bundle.output
  expect(others).toEqual([])
  return chunk.code
}

const MISSING =
  browser === undefined ? ' (skipped: no Chromium on PATH; apt-get install chromium)' : ''

describe.skipIf(browser === undefined)(`ChainStore on browser-level, in Chromium${MISSING}`, () => {
  let results: readonly StoreCaseResult[] = []

  beforeAll(async () => {
    const script = await bundleSuite()
    results = (await runInBrowser(browser ?? '', script, 'suite.runSuite()')) as typeof results
  }, LAUNCH_TIMEOUT_MS)

  it.each(CHAIN_STORE_CASES)('$name', ({ name }) => {
    expect(results.find((result) => result.name === name)).toMatchObject({ outcome: 'ok' })
  })

  it('holds the same records as memory-level after the same chain', async () => {
    const storeCase = CHAIN_STORE_CASES.at(-1)
    if (storeCase === undefined) throw new Error('no case')
    const databases = createMemoryDatabases()
    const open = async () => {
      await databases.blocks.open()
      await databases.state.open()
      return databases
    }
    const { records } = await runStoreCase(storeCase, { open })
    expect(records).toMatch(/^\d{2,} records, /)
    expect(results.at(-1)?.records).toBe(records)
  })
})
