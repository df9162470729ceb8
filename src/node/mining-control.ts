/** @module Mining on request, for RPC. */

import type { ConsensusParams } from '../consensus/index.ts'
import {
  type BlockTemplate,
  type ChainSource,
  createBlockTemplate,
  generateBlock,
  type HashEngine,
  type Miner,
  type TxSource,
} from '../mining/index.ts'
import { type Block, type BlockHash, computeBlockHash } from '../primitives/index.ts'
import type { MiningControl } from '../rpc/index.ts'
import { type Clock, Mutex, type RandomSource } from '../util/index.ts'

const EXTRA_NONCE_BYTES = 8

/** What mining on request works with. */
export interface MiningControlDeps {
  readonly chain: ChainSource
  readonly transactions: TxSource
  readonly params: ConsensusParams
  readonly submit: (block: Block) => Promise<void>
  readonly loadHashEngine: () => Promise<HashEngine>
  readonly miner: () => Miner | undefined
  /** Threads that the miner has where nobody says how many. */
  readonly autoThreads: number
  readonly clock: Clock
  readonly random: RandomSource
  readonly tag: string
}

/** Makes the object behind the mining methods. */
export function createMiningControl(deps: MiningControlDeps): MiningControl {
  // One engine for all calls, so they take turns: it holds one header at a time.
  const turn = new Mutex()
  let engine: Promise<HashEngine> | undefined
  const getTemplate = (): BlockTemplate =>
    createBlockTemplate(deps.chain.nextBlock(), deps.transactions, deps.params)
  const yieldToOthers = () =>
    new Promise<void>((resolve) => {
      deps.clock.schedule(0, resolve)
    })
  return {
    getTemplate,
    autoThreads: deps.autoThreads,
    miner: deps.miner,
    generate: (payoutScript, blockCount, maxTries) =>
      turn.run(async () => {
        engine ??= deps.loadHashEngine()
        const hashes: BlockHash[] = []
        let triesLeft = maxTries
        while (hashes.length < blockCount && triesLeft > 0) {
          const { block, tries } = await generateBlock(await engine, {
            template: getTemplate(),
            payoutScript,
            tag: deps.tag,
            extraNonce: deps.random.bytes(EXTRA_NONCE_BYTES),
            maxTries: triesLeft,
            yieldToOthers,
          })
          triesLeft -= tries
          if (block === undefined) continue
          await deps.submit(block)
          hashes.push(computeBlockHash(block.header))
        }
        return hashes
      }),
  }
}
