/** @module A real chain over memory-level, for tests that need no files. */

import { MemoryLevel } from 'memory-level'
import { Chain, type ChainOptions, createInlineScriptChecker } from '../../src/chain/index.ts'
import type { ConsensusParams } from '../../src/consensus/index.ts'
import { nobleSignatureEngine } from '../../src/script/index.ts'
import { type ByteDatabase, type ChainDatabases, LevelChainStore } from '../../src/store/index.ts'
import type { Clock } from '../../src/util/index.ts'
import { createFixedClock, silentLog } from './fixed-clock.ts'

export { createFixedClock, silentLog }

/** Two empty databases in memory. */
export function createMemoryDatabases(): ChainDatabases {
  const create = () =>
    new MemoryLevel<Uint8Array, Uint8Array>({
      keyEncoding: 'view',
      valueEncoding: 'view',
      storeEncoding: 'view',
    }) as unknown as ByteDatabase
  return { blocks: create(), state: create() }
}

/** Opens a chain on databases. */
export async function openMemoryChain(
  params: ConsensusParams,
  clock: Clock,
  databases: ChainDatabases = createMemoryDatabases(),
  options: ChainOptions = {},
): Promise<Chain> {
  const store = await LevelChainStore.open(databases, params.chainId)
  const scriptChecker = createInlineScriptChecker(nobleSignatureEngine)
  const chain = new Chain({ store, scriptChecker, clock, log: silentLog }, params, options)
  await chain.open()
  return chain
}

/** Everything in the state database but what depends on time and on the number of writes, as hex: to compare states. */
export async function dumpState(
  chain: Chain,
  databases: ChainDatabases,
): Promise<ReadonlyMap<string, string>> {
  await chain.flush()
  const state = new Map<string, string>()
  for await (const [key, value] of databases.state.iterator({ keyEncoding: 'utf8' } as object)) {
    const name = String(key)
    if (/^!(header|page|journal)!/.test(name)) continue
    state.set(Buffer.from(name).toString('hex'), Buffer.from(value).toString('hex'))
  }
  return state
}
