/**
 * The chain's store over `level`: LevelDB in Node.js, IndexedDB in a browser, memory in tests.
 *
 * Implements `ChainStore` of `chain/`, and `KeyValueStore` of `util/` for what a node remembers beside its chain. Knows
 * nothing else: no rule, no peer. Opening the databases
 * themselves is `platform/`'s. Every error is a `StoreError`: the disk failed (`io`), the data are
 * damaged (`corrupt`) or belong to something else (`wrong-chain`, `unknown-schema`).
 *
 * Purity: isomorphic.
 *
 * @example
 * const store = await LevelChainStore.open({ blocks, state }, params.chainId)
 *
 * @module
 */
export { isDatabaseDamage } from './attempt.ts'
export type { ByteDatabase, ChainDatabases } from './databases.ts'
export { LevelChainStore } from './level-chain-store.ts'
export { type NodeNamespace, NodeStore } from './node-store.ts'
