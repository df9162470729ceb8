/** @module From settings to the options of a node, for the program and for `startNode` alike. */

import { availableParallelism } from 'node:os'
import { createNodeOptions, type NodeOptions } from '../../node/index.ts'
import { parseBtcAmount } from '../../rpc/index.ts'
import type { NodeSettings } from './config.ts'
import { isLoopbackOnly } from './listening.ts'
import { computeAutoThreads, computeMaxThreads } from './setting-schemas.ts'

const BYTES_PER_MB = 1_048_576
const MS_PER_HOUR = 3_600_000
const BYTES_PER_KVB = 1_000

/** What is not a setting. */
export interface NodeOptionsExtras {
  /** Who gets mined coins; undefined for the node's own key. */
  readonly payouts: NodeOptions['mining']['payouts']
  /** Threads that verify the scripts of large blocks. */
  readonly verifyThreads: number
  /** The program's version. */
  readonly version: string
}

/** @param megabytes - As in `--prune`: 0 keeps all blocks, 1 deletes them over RPC alone. */
function resolvePruneBytes(megabytes: number): number | undefined {
  if (megabytes === 0) return undefined
  return megabytes === 1 ? 0 : megabytes * BYTES_PER_MB
}

/** @see Bitcoin Core `ApplyArgsManOptions` of the mempool */
function toMempoolPolicy(settings: NodeSettings): NodeOptions['mempool']['policy'] {
  const { minRelayTxFee } = settings
  return {
    // Bitcoin Core's megabytes are a million bytes here.
    maxBytes: settings.maxMempool * 1_000_000,
    expiryMs: settings.mempoolExpiry * MS_PER_HOUR,
    requiresStandard: !settings.acceptNonstdTxn,
    familyLimits: {
      ancestorCount: settings.limitAncestorCount,
      ancestorSize: settings.limitAncestorSize * BYTES_PER_KVB,
      descendantCount: settings.limitDescendantCount,
      descendantSize: settings.limitDescendantSize * BYTES_PER_KVB,
    },
    ...(minRelayTxFee !== undefined && { minRelayFeeRate: parseBtcAmount(minRelayTxFee) }),
    incrementalFeeRate: parseBtcAmount(settings.incrementalRelayFee),
    dustFeeRate: parseBtcAmount(settings.dustRelayFee),
    blockMinFeeRate: parseBtcAmount(settings.blockMinTxFee),
    maxDataCarrierBytes: settings.dataCarrier ? settings.dataCarrierSize : 0,
    permitsBareMultisig: settings.permitBareMultisig,
    bytesPerSigop: settings.bytesPerSigop,
  }
}

/** Translates settings into the words and units of `src/node`. */
export function toNodeOptions(settings: NodeSettings, extras: NodeOptionsExtras): NodeOptions {
  const { payouts, verifyThreads, version } = extras
  return createNodeOptions({
    listen: settings.listen,
    announce: settings.announce,
    peers: settings.peers,
    isDiscovering: settings.discovery,
    isDevnet: isLoopbackOnly(settings.listen),
    hasDevFaults: settings.devFaults,
    mining: {
      isEnabled: settings.mine,
      payouts,
      threads: settings.threads,
      throttle: settings.throttle,
      autoThreads: computeAutoThreads(availableParallelism()),
      maxThreads: computeMaxThreads(availableParallelism()),
      isVersionRolled: settings.versionRolling,
    },
    hasCoinbaseFlags: settings.coinbaseFlags,
    hasPool: settings.stratum !== undefined,
    hasWallet: settings.wallet || settings.devWallet,
    hasDevWallet: settings.devWallet,
    mempool: {
      policy: toMempoolPolicy(settings),
      isPersistent: settings.persistMempool,
    },
    coinCacheBytes: settings.dbCache * BYTES_PER_MB,
    reindex: settings.reindex,
    assumedValid: settings.assumevalid,
    pruneBytes: resolvePruneBytes(settings.prune),
    hasTxIndex: settings.txindex,
    verifyThreads,
    version,
  })
}
