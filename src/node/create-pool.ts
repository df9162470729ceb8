/** @module The pool of one node: miners of others, on this node's templates. */

import type { TemplateFeed } from '../mining/index.ts'
import { type BlockOutcome, SoloPool } from '../pool/index.ts'
import type { Block } from '../primitives/index.ts'
import { StratumServer } from '../stratum/index.ts'
import type { Synchronizer } from '../sync/index.ts'
import type { ClockWatch } from './clock-watch.ts'
import type { CreateNodeInit } from './create-node.ts'
import { COINBASE_TAG } from './create-rpc.ts'

/** What the pool is made from. */
export interface PoolParts {
  readonly sync: Synchronizer
  readonly templates: TemplateFeed
  readonly clockWatch: ClockWatch
  /** 4 bytes that differ from node to node, and from those of the local miner. */
  readonly nodeExtraNonce: Uint8Array
}

/** A pool and the server that its miners talk to. */
export interface NodePool {
  readonly pool: SoloPool
  readonly server: StratumServer
  /** Ends all sessions. */
  stop(): void
}

/** Makes the pool, and tells it of each new tip. */
export function createPool(init: CreateNodeInit, parts: PoolParts): NodePool {
  const { params, platform, options, onFatal } = init
  const { sync, templates, clockWatch, nodeExtraNonce } = parts
  const { clock } = platform
  const log = platform.log.child('pool')
  const submitBlock = async (block: Block): Promise<BlockOutcome> => {
    const { outcome } = await sync.submitBlock(block)
    return outcome
  }
  const pool = new SoloPool(
    {
      getTemplate: () => (sync.isCaughtUp && clockWatch.isTimely ? templates.get() : undefined),
      submitBlock,
      clock,
      log,
    },
    {
      addressPrefixes: params.addressPrefixes,
      ownerScript: findOwnerScript(options.mining.payouts),
      nodeExtraNonce,
      tag: COINBASE_TAG,
    },
  )
  const server = new StratumServer({
    pool,
    clock,
    log: platform.log.child('stratum'),
    maxFutureSeconds: params.maxFutureSeconds,
    onFatal,
  })
  server.events.on('workerJoined', ({ worker }) => pool.join(worker))
  server.events.on('sessionClosed', ({ session }) => {
    for (const worker of session.workers) pool.leave(worker)
  })
  const offTemplates = templates.onChanged((_, { isClean }) => {
    // What the mempool has gained comes with the next regular announcement.
    if (!isClean) return
    pool.onNewTip()
    server.announce(true)
  })
  return {
    pool,
    server,
    stop: () => {
      offTemplates()
      server.stop()
    },
  }
}

/** Who is paid for miners with plain names: the one address that the owner named. */
function findOwnerScript(
  payouts: CreateNodeInit['options']['mining']['payouts'],
): Uint8Array | undefined {
  return payouts?.length === 1 ? payouts[0]?.scriptPubKey : undefined
}
