import { afterEach, describe, expect, it } from 'vitest'
import {
  answerVerifyCommand,
  MIN_POOLED_INPUTS,
  ScriptCheckPool,
  type SpawnVerifyWorker,
  type VerifyWorkerCommand,
  verifyTransactionScripts,
} from '../../../src/chain/index.ts'
import type { ScriptCheck } from '../../../src/consensus/index.ts'
import { systemClock } from '../../../src/platform/system.ts'
import {
  computeTransactionSize,
  computeTxid,
  type Transaction,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import {
  CONSENSUS_SCRIPT_FLAGS,
  nobleSignatureEngine,
  SignatureCache,
  type SignatureEngine,
} from '../../../src/script/index.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'
import { silentLog } from '../../support/memory-chain.ts'
import { createSignedCheck, spoilInput } from '../../support/signed-inputs.ts'

/** An engine that counts what it is asked. Answers are remembered between tests: noble is slow. */
const known = new SignatureCache()
const fastEngine = known.createEngine(nobleSignatureEngine, true)

function createCountingEngine(): SignatureEngine & { calls: number } {
  return {
    calls: 0,
    verifyEcdsa(...args) {
      this.calls += 1
      return fastEngine.verifyEcdsa(...args)
    },
    verifySchnorr(...args) {
      this.calls += 1
      return fastEngine.verifySchnorr(...args)
    },
    tweakPublicKey: (...args) => fastEngine.tweakPublicKey(...args),
  }
}

/** How a worker of a test answers its nth command, counted over all workers. */
type Behaviour = 'answer' | 'crash' | 'fail' | 'never'

interface Bench {
  readonly pool: ScriptCheckPool
  readonly here: ReturnType<typeof createCountingEngine>
  readonly there: ReturnType<typeof createCountingEngine>
  readonly cache: SignatureCache
  readonly commands: VerifyWorkerCommand[]
  spawned: number
  terminated: number
}

const pools: ScriptCheckPool[] = []

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.stop()))
})

/** A pool whose workers run in turns of this thread, on the very code that threads run. */
function createBench(
  behave: (nth: number) => Behaviour = () => 'answer',
  { workers = 2, clock = systemClock, order = 'fifo' as 'fifo' | 'late' } = {},
): Bench {
  const here = createCountingEngine()
  const there = createCountingEngine()
  const cache = new SignatureCache()
  const commands: VerifyWorkerCommand[] = []
  const spawnVerifyWorker: SpawnVerifyWorker = (onReport, onExit) => {
    bench.spawned += 1
    const isSlow = order === 'late' && bench.spawned === 1
    let isOver = false
    return {
      send(command) {
        commands.push(command)
        const how = behave(commands.length)
        const act = (): void => {
          if (isOver || how === 'never') return
          if (how === 'crash') {
            isOver = true
            onExit('out of memory')
          } else if (how === 'fail') onReport({ type: 'failed', reason: 'no verdict' })
          else onReport(answerVerifyCommand(command, there))
        }
        if (isSlow) setTimeout(act, 20)
        else setImmediate(act)
      },
      async terminate() {
        bench.terminated += 1
        isOver = true
      },
    }
  }
  const pool = new ScriptCheckPool(
    { spawnVerifyWorker, signatures: here, cache, clock, log: silentLog },
    { maxWorkers: workers },
  )
  pools.push(pool)
  const bench: Bench = { pool, here, there, cache, commands, spawned: 0, terminated: 0 }
  return bench
}

const SMALL = [createSignedCheck('p2wpkh', MIN_POOLED_INPUTS - 1)]
const LARGE = [
  ...Array.from({ length: 20 }, (_, i) => createSignedCheck('p2wpkh', 1, i)),
  createSignedCheck('p2tr', 40, 1_000),
]
const LARGE_INPUTS = 60

function txidOf(check: ScriptCheck | undefined): string {
  return check === undefined ? '' : toDisplayHex(computeTxid(check.tx))
}

function replace(at: number, check: ScriptCheck | undefined): readonly ScriptCheck[] {
  return LARGE.map((other, index) => (index === at && check !== undefined ? check : other))
}

function failureOf(check: ScriptCheck | undefined) {
  return expect.objectContaining({
    code: 'block-script-verify-flag-failed',
    data: expect.objectContaining({ txid: txidOf(check) }),
  })
}

describe('ScriptCheckPool', () => {
  it('verifies few inputs on the thread that asks, and starts no worker for them', async () => {
    const { pool, here, there, commands } = createBench()
    await pool.verify([])
    await pool.verify(SMALL)
    expect([here.calls, there.calls]).toEqual([MIN_POOLED_INPUTS - 1, 0])
    expect([pool.workerCount, commands.length]).toEqual([0, 0])
  })

  it('verifies every input of a large block once, on workers alone', async () => {
    const { pool, here, there, spawned, commands } = createBench()
    expect(spawned).toBe(0)
    await pool.verify(LARGE)
    expect([here.calls, there.calls, pool.workerCount]).toEqual([0, LARGE_INPUTS, 2])
    expect(commands.length).toBeGreaterThan(2)
  })

  it('splits one large transaction over workers', async () => {
    const { pool, there, commands } = createBench()
    await pool.verify([createSignedCheck('p2tr', 40, 1_000)])
    expect(there.calls).toBe(40)
    expect(commands.length).toBeGreaterThan(2)
  })

  it('sends a transaction of many inputs a few times, not once for every hundred of them', async () => {
    const inputs = 3_000
    const [input] = createSignedCheck('p2wpkh', 1).tx.inputs
    if (input === undefined) throw new RangeError('no input')
    const tx: Transaction = {
      version: 2,
      inputs: Array.from({ length: inputs }, () => ({ ...input, witness: [] })),
      outputs: [],
      lockTime: 0,
    }
    const spentOutputs = tx.inputs.map(() => ({ value: 1n, scriptPubKey: Uint8Array.of(0x51) }))
    const { pool, commands } = createBench()
    await pool.verify([{ tx, spentOutputs, flags: CONSENSUS_SCRIPT_FLAGS }])
    const sent = commands.reduce((sum, { slices }) => sum + slices.length, 0)
    const once = computeTransactionSize(tx).totalSize + spentOutputs.length * 10
    expect(sent).toBeLessThan(10 * once)
    expect(commands.length).toBeGreaterThan(1)
  })

  it('gives away one input that may take long', async () => {
    const checksig = [0x76, 0xac, 0x75]
    const script = Uint8Array.from([0x51, ...Array(330).fill(checksig).flat()])
    const [large] = createSignedCheck('p2wpkh', 1).tx.inputs
    if (large === undefined) throw new RangeError('no input')
    const tx: Transaction = { version: 2, inputs: [large], outputs: [], lockTime: 0 }
    const { pool, commands } = createBench()
    const verifying = pool.verify([
      { tx, spentOutputs: [{ value: 1n, scriptPubKey: script }], flags: CONSENSUS_SCRIPT_FLAGS },
    ])
    await expect(verifying).rejects.toMatchObject({ code: 'block-script-verify-flag-failed' })
    expect(commands).toHaveLength(1)
  })

  it.each([
    { what: 'the first', at: 0, input: 0 },
    { what: 'one in the middle', at: 10, input: 0 },
    { what: 'the last', at: 20, input: 39 },
  ])('rejects for $what transaction, small and large blocks alike', async ({ at, input }) => {
    const bad = spoilInput(LARGE[at] ?? createSignedCheck('p2tr', 1), input)
    const { pool } = createBench()
    await expect(pool.verify(replace(at, bad))).rejects.toEqual(failureOf(bad))
    await expect(pool.verify([bad].slice(0, 1))).rejects.toEqual(failureOf(bad))
    await pool.verify(LARGE)
  })

  it('tells of the first failure in the block, even if another worker finds a later one sooner', async () => {
    const [first, second] = [
      spoilInput(LARGE[2] as ScriptCheck, 0),
      spoilInput(LARGE[15] as ScriptCheck, 0),
    ]
    const checks = LARGE.map((check, i) => (i === 2 ? first : i === 15 ? second : check))
    const { pool } = createBench(() => 'answer', { order: 'late' })
    await expect(pool.verify(checks)).rejects.toEqual(failureOf(first))
  })

  it('begins nothing behind a failure', async () => {
    const bad = spoilInput(LARGE[0] as ScriptCheck, 0)
    const { pool, there, commands } = createBench(() => 'answer', { workers: 1 })
    const long = [...replace(0, bad), createSignedCheck('p2tr', 150, 1_001)]
    await expect(pool.verify(long)).rejects.toEqual(failureOf(bad))
    // The first batch, and the one that the worker already had.
    expect(commands).toHaveLength(2)
    expect(there.calls).toBeLessThan(120)
  })

  it.each(['crash', 'fail'] as const)(
    'verifies here what workers that %s leave undone',
    async (how) => {
      const { pool, here, there } = createBench((nth) => (nth === 1 ? how : 'answer'))
      await pool.verify(LARGE)
      expect(here.calls).toBeGreaterThan(0)
      expect(here.calls + there.calls).toBeGreaterThanOrEqual(LARGE_INPUTS)
      expect(pool.workerCount).toBe(1)
      const bad = spoilInput(LARGE[20] as ScriptCheck, 39)
      await expect(pool.verify(replace(20, bad))).rejects.toEqual(failureOf(bad))
      expect(pool.workerCount).toBe(2)
    },
  )

  it('goes on without workers when all of them end, and gives up starting them', async () => {
    const bench = createBench(() => 'crash')
    const bad = spoilInput(LARGE[20] as ScriptCheck, 39)
    for (let i = 0; i < 4; i++) {
      await bench.pool.verify(LARGE)
      await expect(bench.pool.verify(replace(20, bad))).rejects.toEqual(failureOf(bad))
    }
    expect(bench.there.calls).toBe(0)
    expect(bench.spawned).toBeLessThanOrEqual(4)
    expect(bench.pool.workerCount).toBe(0)
  })

  it('finishes a block on this thread when it is stopped meanwhile', async () => {
    const bench = createBench(() => 'never')
    const verifying = bench.pool.verify(LARGE)
    await settle()
    await bench.pool.stop()
    await verifying
    expect([bench.terminated, bench.here.calls]).toEqual([2, LARGE_INPUTS])
    await bench.pool.verify(LARGE)
    expect(bench.spawned).toBe(2)
  })

  it('ends workers that wait for long, and starts them again', async () => {
    const clock = new FakeClock()
    const bench = createBench(() => 'answer', { clock })
    await bench.pool.verify(LARGE)
    await clock.advance(59_999)
    expect(bench.pool.workerCount).toBe(2)
    await clock.advance(1)
    expect([bench.pool.workerCount, bench.terminated]).toEqual([0, 2])
    await bench.pool.verify(LARGE)
    expect([bench.pool.workerCount, bench.there.calls]).toEqual([2, 2 * LARGE_INPUTS])
  })

  it('verifies only what the mempool has not', async () => {
    const { pool, cache, there } = createBench()
    const mempool = cache.createEngine(fastEngine, true)
    for (const check of LARGE) verifyTransactionScripts(check, mempool)
    expect(cache.size).toBe(LARGE_INPUTS)
    await pool.verify(LARGE)
    expect(there.calls).toBe(0)
    await pool.verify([...LARGE, createSignedCheck('p2wpkh', MIN_POOLED_INPUTS, 1_002)])
    expect(there.calls).toBe(MIN_POOLED_INPUTS)
    const bad = spoilInput(LARGE[20] as ScriptCheck, 39)
    await expect(pool.verify(replace(20, bad))).rejects.toEqual(failureOf(bad))
  })
})

it('a worker reports a command that it cannot read instead of ending', () => {
  const report = answerVerifyCommand(
    { batchId: 1, slices: Uint8Array.of(1, 2, 3) },
    nobleSignatureEngine,
  )
  expect(report).toEqual({ type: 'failed', reason: expect.stringContaining('unexpected-end') })
})
