/** @module What a page in a browser runs: the suite of `ChainStore` on IndexedDB. */

import { Level } from 'level'
import type { ByteDatabase } from '../../src/store/index.ts'
import { CHAIN_STORE_CASES, runStoreCase, type StoreCaseResult } from './chain-store-suite.ts'

async function open(name: string): Promise<ByteDatabase> {
  const options = { keyEncoding: 'view', valueEncoding: 'view' } as const
  const database = new Level<Uint8Array, Uint8Array>(name, options)
  await database.open()
  return database as unknown as ByteDatabase
}

/** Runs every case, each on databases of its own. */
export async function runSuite(): Promise<readonly StoreCaseResult[]> {
  const results: StoreCaseResult[] = []
  for (const [i, storeCase] of CHAIN_STORE_CASES.entries()) {
    const harness = {
      open: async () => ({ blocks: await open(`blocks-${i}`), state: await open(`state-${i}`) }),
    }
    results.push(await runStoreCase(storeCase, harness))
  }
  return results
}
