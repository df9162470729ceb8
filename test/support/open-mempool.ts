/** @module A mempool on a chain whose outputs anybody can spend in a standard form. */

import { type Chain, createInlineScriptChecker } from '../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../src/consensus/index.ts'
import {
  type DropReason,
  Mempool,
  type MempoolDeps,
  type MempoolPolicy,
} from '../../src/mempool/index.ts'
import {
  computeTxid,
  type Transaction,
  type TxOut,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import { createWitnessScript, nobleSignatureEngine } from '../../src/script/index.ts'
import { createBlocks, placeGenesis } from './chain-generator.ts'
import { FakeClock } from './fake-clock.ts'
import { openMemoryChain, silentLog } from './memory-chain.ts'
import { type OpenOutput, spendOpen } from './open-spends.ts'

/** A P2WSH output of OP_TRUE: anybody can spend it, and its form is standard. */
export const OPEN_SCRIPT = createWitnessScript({
  version: 0,
  // SHA-256 of the script 51.
  program: Uint8Array.from(
    '4ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260'.match(/../g) ?? [],
    (byte) => Number.parseInt(byte, 16),
  ),
})
/** Spends {@link OPEN_SCRIPT}. */
export const OPEN_WITNESS = [Uint8Array.of(0x51)]
export const OPEN_PARAMS = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const genesis = placeGenesis(OPEN_PARAMS)
export const HOUR_MS = 3_600_000
/** Twelve blocks whose coinbases anybody can spend at once. */
export const BASE = createBlocks(genesis, OPEN_PARAMS, 12, { payoutScript: OPEN_SCRIPT })

/** A chain of {@link BASE}, and mempools on it. */
export class OpenScene {
  readonly clock: FakeClock
  readonly chain: Chain
  mempool: Mempool
  /** What the newest mempool has dropped. */
  drops: (readonly [string, DropReason])[] = []

  private constructor(clock: FakeClock, chain: Chain) {
    this.clock = clock
    this.chain = chain
    this.mempool = this.renew()
  }

  static async open(): Promise<OpenScene> {
    const clock = new FakeClock((genesis.block.header.time + 100_000) * 1_000)
    const chain = await openMemoryChain(OPEN_PARAMS, clock)
    for (const { block } of BASE) await chain.acceptBlock(block)
    return new OpenScene(clock, chain)
  }

  /** Has another mempool take the place of the one there is. */
  renew(policy: Partial<MempoolPolicy> = {}, deps: Partial<MempoolDeps> = {}): Mempool {
    const { chain, clock } = this
    const made = new Mempool(
      {
        chain,
        signatures: nobleSignatureEngine,
        scriptChecker: createInlineScriptChecker(nobleSignatureEngine),
        clock,
        log: silentLog,
        ...deps,
      },
      policy,
    )
    this.mempool = made
    this.drops = []
    made.events.on('dropped', ({ entry, reason }) => this.drops.push([entry.txid, reason]))
    return made
  }

  /** The code of the refusal of a transaction, or `taken`. */
  async refusalOf(tx: Transaction): Promise<string> {
    try {
      await this.mempool.accept(tx)
      return 'taken'
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  /** Txids of all that wait. */
  waiting(): readonly string[] {
    return [...this.mempool.entries()].map(({ txid }) => txid)
  }
}

/** The output of the coinbase of one of {@link BASE}. */
export function coinbase(index: number): OpenOutput {
  const tx = BASE[index]?.block.transactions[0]
  if (tx === undefined) throw new RangeError('no such block')
  return { tx, vout: 0 }
}

/** Spends open outputs into as many of the same kind as wished. */
export function pay(
  from: readonly OpenOutput[],
  fee: bigint,
  count = 1,
  extra: readonly TxOut[] = [],
): Transaction {
  const kept = extra.reduce((sum, { value }) => sum + value, 0n)
  const tx = spendOpen(from, fee + kept, count, extra)
  return {
    ...tx,
    inputs: tx.inputs.map((input) => ({ ...input, witness: OPEN_WITNESS })),
    outputs: tx.outputs.map((output, i) =>
      i < count ? { ...output, scriptPubKey: OPEN_SCRIPT } : output,
    ),
  }
}

/** An output of a standard form that only takes up room. */
export function ballast(size: number): TxOut {
  return { value: 0n, scriptPubKey: Uint8Array.of(0x6a, ...new Uint8Array(size)) }
}

export function outputOf(tx: Transaction, vout = 0): OpenOutput {
  return { tx, vout }
}

export function idOf(tx: Transaction): string {
  return toDisplayHex(computeTxid(tx))
}
