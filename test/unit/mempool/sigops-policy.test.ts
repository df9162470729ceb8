import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import { createInlineScriptChecker, type VerifyOptions } from '../../../src/chain/index.ts'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { Mempool } from '../../../src/mempool/index.ts'
import { computeTxid, SEQUENCE_FINAL, type Transaction } from '../../../src/primitives/index.ts'
import {
  createScriptHashScript,
  createWitnessScript,
  hash160,
  nobleSignatureEngine,
  pushData,
} from '../../../src/script/index.ts'
import { createBlocks, OP_TRUE_SCRIPT, placeGenesis } from '../../support/chain-generator.ts'
import { createFixedClock, openMemoryChain, silentLog } from '../../support/memory-chain.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const genesis = placeGenesis(params)
const [OP_0, OP_1, OP_IF, OP_ENDIF, OP_CHECKMULTISIG] = [0x00, 0x51, 0x63, 0x68, 0xae]

/** True, with multisigs that are never executed; each counts for twenty operations. */
function idleMultisigs(count: number): Uint8Array {
  return Uint8Array.from([OP_0, OP_IF, ...Array(count).fill(OP_CHECKMULTISIG), OP_ENDIF, OP_1])
}

interface Bench {
  readonly mempool: Mempool
  /** What was given away to be verified elsewhere. */
  readonly asked: VerifyOptions[]
  /** Spends the one output of a block's coinbase. */
  spend(scriptSig: Uint8Array, witness: readonly Uint8Array[]): Transaction
}

async function createBench(payoutScript: Uint8Array): Promise<Bench> {
  const clock = createFixedClock(genesis.block.header.time + 100_000)
  const chain = await openMemoryChain(params, clock)
  const [first, second] = createBlocks(genesis, params, 2, { payoutScript })
  if (first === undefined || second === undefined) throw new RangeError('no blocks')
  for (const { block } of [first, second]) await chain.acceptBlock(block)
  const inline = createInlineScriptChecker(nobleSignatureEngine)
  const asked: VerifyOptions[] = []
  const scriptChecker = {
    verify(...[checks, options = {}]: Parameters<typeof inline.verify>) {
      asked.push(options)
      return inline.verify(checks, options)
    },
  }
  const signatures = nobleSignatureEngine
  const mempool = new Mempool(
    { chain, signatures, scriptChecker, clock, log: silentLog },
    { requiresStandard: false },
  )
  const [coinbase] = first.block.transactions
  if (coinbase === undefined) throw new RangeError('no coinbase')
  return {
    mempool,
    asked,
    spend: (scriptSig, witness) => ({
      version: 2,
      inputs: [
        {
          prevout: { txid: computeTxid(coinbase), vout: 0 },
          scriptSig,
          sequence: SEQUENCE_FINAL,
          witness,
        },
      ],
      outputs: [{ value: 4_999_900_000n, scriptPubKey: OP_TRUE_SCRIPT }],
      lockTime: 0,
    }),
  }
}

const NOTHING = new Uint8Array(0)

describe('signature operations of a waiting transaction', () => {
  it.each([
    { where: 'a bare script', count: 125, code: undefined },
    { where: 'a bare script', count: 126, code: 'bad-txns-nonstandard-inputs' },
  ])('of $where: $count multisigs: $code', async ({ count, code }) => {
    const { mempool, spend } = await createBench(idleMultisigs(count))
    const accepting = mempool.accept(spend(NOTHING, []))
    if (code === undefined) await accepting
    else await expect(accepting).rejects.toMatchObject({ code })
  })

  it('of a redeem script count as well', async () => {
    const script = idleMultisigs(126)
    const { mempool, spend } = await createBench(createScriptHashScript(hash160(script)))
    await expect(mempool.accept(spend(pushData(script), []))).rejects.toMatchObject({
      code: 'bad-txns-nonstandard-inputs',
    })
  })

  it.each([
    { count: 16, code: undefined, asked: [] },
    { count: 17, code: undefined, asked: [{ isHeavy: true }] },
    { count: 800, code: 'mempool-script-verify-flag-failed', asked: [{ isHeavy: true }] },
    { count: 801, code: 'bad-txns-too-many-sigops', asked: [] },
  ])('of a witness script: $count multisigs: $code', async ({ count, code, asked }) => {
    const script = idleMultisigs(count)
    const payout = createWitnessScript({ version: 0, program: sha256(script) })
    const bench = await createBench(payout)
    const accepting = bench.mempool.accept(bench.spend(NOTHING, [script]))
    if (code === undefined) await accepting
    else await expect(accepting).rejects.toMatchObject({ code })
    expect(bench.asked).toEqual(asked)
  })
})
