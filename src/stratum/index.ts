/**
 * Stratum version 1: lines, sessions, jobs and difficulties of miners.
 *
 * Sees neither sockets nor chain nor money: miners come as `MinerConnection`, and what is worth hashing, who a user
 * name stands for and whether a share counts is for the `StratumPool` behind it to say. A `StratumError` refuses one
 * request and ends nothing.
 *
 * The other end is here as well: `PoolLink` keeps a miner connected to its pools, each over a `PoolConnection`.
 *
 * Purity: isomorphic.
 *
 * @module
 */
export {
  difficultyToTarget,
  MIN_DIFFICULTY,
  targetToDifficulty,
  targetToWork,
} from './difficulty.ts'
export { LineReader, MAX_LINE_BYTES, MAX_POOL_LINE_BYTES } from './line-reader.ts'
export { BadJobError, type PoolJob, readPoolJob } from './pool-job.ts'
export {
  formatPoolUrl,
  type PoolAddress,
  PoolLink,
  type PoolLinkHandlers,
  type PoolSink,
  PoolUnreachableError,
  type ShareCounts,
} from './pool-link.ts'
export type { FoundShare, PoolConnection, StratumClientHandlers } from './pool-ports.ts'
export {
  EXTRA_NONCE_1_SIZE,
  EXTRA_NONCE_2_SIZE,
  type MinerConnection,
  type Share,
  type StratumPool,
  type StratumWork,
  type Worker,
} from './ports.ts'
export type { StratumSession } from './session.ts'
export { StratumError, type StratumErrorCode } from './stratum-error.ts'
export {
  type AcceptedMiner,
  StratumServer,
  type StratumServerDeps,
  type StratumServerEvents,
} from './stratum-server.ts'
export { parseUserName, type UserName } from './user-name.ts'
