import { afterEach, describe, expect, it } from 'vitest'
import { hashToNumber } from '../../../src/consensus/index.ts'
import {
  type BlockTemplate,
  type HashEngine,
  type HashWorkerCommand,
  type Job,
  type JobHit,
  Miner,
  type MinerDeps,
  type MinerOptions,
  MiningError,
  payAllTo,
  type SpawnHashWorker,
  TEMPLATE_PRIORITY,
  TemplateJob,
  WasmHashEngine,
} from '../../../src/mining/index.ts'
import { systemClock } from '../../../src/platform/system.ts'
import { type Block, type BlockHash, computeBlockHash } from '../../../src/primitives/index.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'
import { createLoopSpawner, simdModule } from '../../support/loop-worker.ts'
import { silentLog } from '../../support/memory-chain.ts'
import { createTemplate, EASY_BITS, HARD_BITS } from '../../support/templates.ts'

const miners: Miner[] = []

afterEach(async () => {
  await Promise.all(miners.splice(0).map((miner) => miner.stop()))
})

function createMiner(deps: Partial<MinerDeps>, options: Partial<MinerOptions> = {}): Miner {
  const miner = new Miner(
    {
      nextTemplate: () => undefined,
      submit: async () => undefined,
      spawnHashWorker: createLoopSpawner(),
      clock: systemClock,
      log: silentLog,
      ...deps,
    },
    {
      payouts: () => payAllTo(Uint8Array.of(0x51)),
      tag: '/test/',
      isVersionRolled: false,
      threads: 1,
      throttle: 1,
      nodeExtraNonce: Uint8Array.of(1, 2, 3, 4),
      ...options,
    },
  )
  miners.push(miner)
  return miner
}

/** Waits until it is so, for a bounded time. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000 && !isSo(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(isSo()).toBe(true)
}

/** Templates that follow one another: each block makes the next. */
function createChain(bits = EASY_BITS) {
  const blocks: Block[] = []
  let template = createTemplate({ bits })
  return {
    blocks,
    next: (): BlockTemplate => template,
    accept: (block: Block): void => {
      blocks.push(block)
      const prevBlockHash = computeBlockHash(block.header)
      template = createTemplate({ bits, prevBlockHash, height: 7 + blocks.length })
    },
  }
}

describe('Miner', () => {
  it('submits blocks that meet the target, one after another', async () => {
    const chain = createChain()
    const miner = createMiner(
      {
        nextTemplate: chain.next,
        submit: async (block) => {
          chain.accept(block)
          if (chain.blocks.length < 5) miner.refresh()
        },
      },
      { threads: 2 },
    )
    miner.start()
    await until(() => chain.blocks.length >= 5)
    const { blocksFound, invalidSolutions, bestDifficulty } = miner.stats
    expect(invalidSolutions).toBe(0)
    expect(blocksFound).toBeGreaterThanOrEqual(4)
    expect(bestDifficulty).toBeGreaterThan(0)
    const hashes = chain.blocks.map(({ header }) => computeBlockHash(header))
    for (const hash of hashes) {
      expect(hashToNumber(hash)).toBeLessThanOrEqual(createTemplate({ bits: EASY_BITS }).target)
    }
    expect(chain.blocks.slice(1).map(({ header }) => header.prevBlockHash)).toEqual(
      hashes.slice(0, -1),
    )
  })

  it('has stopped all work on the old tip before it looks for what to mine on the new one', () => {
    const spawn = createLoopSpawner()
    const told: HashWorkerCommand['type'][] = []
    const toldBefore: HashWorkerCommand['type'][][] = []
    let height = 7
    const miner = createMiner({
      nextTemplate: () => {
        toldBefore.push(told.splice(0))
        return createTemplate({ bits: HARD_BITS, height })
      },
      spawnHashWorker: (...args) => {
        const worker = spawn(...args)
        return {
          ...worker,
          terminate: () => worker.terminate(),
          send: (command) => {
            told.push(command.type)
            worker.send(command)
          },
        }
      },
    })
    miner.start()
    height = 8
    miner.onNewTip()
    expect(told.at(-1)).toBe('work')
    expect(toldBefore).toHaveLength(2)
    expect(toldBefore[1]?.slice(-2)).toEqual(['work', 'idle'])
  })

  it('finds no sibling of a block that is on its way', async () => {
    const blocks: Block[] = []
    const template = createTemplate({ bits: EASY_BITS })
    let finish = (): void => undefined
    const miner = createMiner(
      {
        nextTemplate: () => template,
        submit: (block) => {
          blocks.push(block)
          return new Promise((resolve) => {
            finish = resolve
          })
        },
      },
      { threads: 3 },
    )
    miner.start()
    await until(() => blocks.length > 0)
    for (let turn = 0; turn < 20; turn++) {
      miner.refresh()
      await settle()
    }
    expect(blocks).toHaveLength(1)
    expect(miner.stats.workers.map(({ state }) => state)).toEqual(['idle', 'idle', 'idle'])
    finish()
  })

  it('rolls version bits only if asked to', async () => {
    for (const isVersionRolled of [false, true]) {
      const versions = new Set<number>()
      const template = createTemplate({ bits: 0x1f00ffff })
      for (let round = 0; round < 12; round++) {
        const blocks: Block[] = []
        const miner = createMiner(
          { nextTemplate: () => template, submit: async (block) => void blocks.push(block) },
          { isVersionRolled, nodeExtraNonce: Uint8Array.of(0, 0, 0, round) },
        )
        miner.start()
        await until(() => blocks.length > 0)
        await miner.stop()
        for (const { header } of blocks) versions.add(header.version)
      }
      if (isVersionRolled) {
        expect(versions.size).toBeGreaterThan(1)
        for (const version of versions) expect((version ^ template.version) & ~0x1fff_e000).toBe(0)
      } else {
        expect([...versions]).toEqual([template.version])
      }
    }
  })

  it('replaces a worker that claims what is not true', async () => {
    const template = createTemplate()
    let spawned = 0
    // The first one says that every header is a hit.
    const lie = (): HashEngine => {
      const engine = new WasmHashEngine(simdModule)
      spawned += 1
      if (spawned > 1) return engine
      return {
        name: 'liar',
        prepare: (job) => engine.prepare(job),
        scan: (start, count) => ({
          noncesDone: count,
          hits: [
            {
              nonce: start,
              version: template.version,
              hash: new Uint8Array(32),
              meetsShare: true,
              meetsBlock: true,
            },
          ],
        }),
        hashHeaders: (headers) => engine.hashHeaders(headers),
        hashPairs: (pairs) => engine.hashPairs(pairs),
      }
    }
    const submitted: Block[] = []
    const miner = createMiner({
      nextTemplate: () => template,
      submit: async (block) => void submitted.push(block),
      spawnHashWorker: createLoopSpawner(lie),
    })
    miner.start()
    await until(() => spawned === 2)
    expect(miner.stats.invalidSolutions).toBe(1)
    expect(miner.stats.workers[0]).toMatchObject({ restarts: 1 })
    expect(submitted).toEqual([])
  })

  it('counts a block of an older tip as stale', async () => {
    const commands: SpawnHashWorker = (_engine, onReport) => ({
      send: (command) => {
        if (command.type !== 'work') return
        // Answers late, when there is already another tip.
        setTimeout(() => {
          const { unit } = command
          for (let nonce = 0; nonce < 64; nonce++) {
            const solved = {
              unitId: unit.id,
              extraNonce2: new Uint8Array(4),
              time: unit.timeMin,
              version: unit.version,
              nonce,
            }
            onReport({ type: 'solution', solved })
          }
        }, 30)
      },
      terminate: async () => undefined,
    })
    const submitted: Block[] = []
    let prev = 3
    const miner = createMiner({
      nextTemplate: () =>
        createTemplate({
          bits: EASY_BITS,
          prevBlockHash: new Uint8Array(32).fill(prev) as BlockHash,
        }),
      submit: async (block) => void submitted.push(block),
      spawnHashWorker: commands,
    })
    miner.start()
    prev = 4
    miner.refresh()
    await until(() => submitted.length > 0)
    expect(submitted.map(({ header }) => header.prevBlockHash[0])).toEqual([4])
    expect(miner.stats.staleSolutions).toBeGreaterThan(0)
  })

  it('tells a block that is refused from one that nobody takes', async () => {
    const failures = [
      new MiningError('block-refused', 'bad-txns'),
      new RangeError('nobody is there'),
    ]
    for (const failure of failures) {
      let attempts = 0
      const errors: string[] = []
      const miner = createMiner({
        log: { ...silentLog, error: (message) => void errors.push(message) },
        nextTemplate: () => createTemplate({ bits: EASY_BITS }),
        submit: () => {
          attempts += 1
          return Promise.reject(failure)
        },
      })
      miner.start()
      await until(() => attempts > 0)
      await settle()
      await miner.stop()
      const { blocksFound, invalidSolutions, staleSolutions } = miner.stats
      expect(blocksFound).toBe(0)
      // Whoever submits tells of it, and knows more: it is no fault of the miner.
      expect(errors).toEqual([])
      expect(invalidSolutions > 0).toBe(failure instanceof MiningError)
      expect(staleSolutions > 0).toBe(!(failure instanceof MiningError))
    }
  })

  it('works on background jobs only while there is no template', async () => {
    let template: BlockTemplate | undefined
    const clock = new FakeClock()
    const miner = createMiner({ nextTemplate: () => template, clock })
    const hits: JobHit[] = []
    const finished: number[] = []
    const source = new TemplateJob(
      createTemplate({ bits: 0x1e00ffff }),
      { payouts: () => payAllTo(Uint8Array.of(0x52)), tag: '', isVersionRolled: false },
      () => undefined,
    )
    let units = 0
    const job: Job = {
      priority: TEMPLATE_PRIORITY - 1,
      createUnit: (id, extraNonce1) => {
        units += 1
        return { ...source.createUnit(id, extraNonce1), hashesMax: 20_000 }
      },
      onHit: (hit) => hits.push(hit),
      onUnitFinished: (unit) => finished.push(unit.id),
    }
    miner.start()
    miner.addJob(job)
    await until(() => finished.length >= 2)
    expect(miner.stats.hashes).toBeGreaterThanOrEqual(40_000)
    expect(miner.currentWork).toBeUndefined()
    template = createTemplate()
    miner.refresh()
    expect(miner.currentWork?.template).toBe(template)
    const before = units
    await settle()
    expect(units).toBe(before)
    // The unit that had to make room is the first to be gone on with.
    template = undefined
    miner.refresh()
    expect(units).toBe(before)
    miner.removeJob(job)
    await until(() => miner.stats.workers[0]?.state === 'idle')
  })

  it('bounds background jobs', () => {
    const miner = createMiner({})
    const add = (): void =>
      miner.addJob({ priority: 1, createUnit: () => undefined, onHit: () => undefined })
    for (let count = 0; count < 16; count++) add()
    expect(add).toThrow(expect.objectContaining({ code: 'too-many-jobs' }))
  })

  it('adds, removes, pauses and throttles workers while it runs', async () => {
    const template = createTemplate()
    const miner = createMiner({ nextTemplate: () => template })
    miner.start()
    miner.configure({ threads: 3 })
    await until(() => miner.stats.workers.every(({ state }) => state === 'hashing'))
    expect(miner.stats.threads).toBe(3)
    miner.configure({ isPaused: true, throttle: 0.5 })
    expect(miner.stats.workers.map(({ state }) => state)).toEqual(['idle', 'idle', 'idle'])
    await settle()
    await settle()
    await settle()
    const { hashes } = miner.stats
    for (let turn = 0; turn < 20; turn++) await settle()
    expect(miner.stats).toMatchObject({ hashes, isPaused: true, throttle: 0.5 })
    miner.configure({ isPaused: false, threads: 1 })
    expect(miner.stats.threads).toBe(1)
    await until(() => miner.stats.hashes > hashes)
    miner.configure({ threads: 0 })
    expect(miner.currentWork).toBeUndefined()
  })

  it('replaces a worker that says nothing, and not one that has nothing to do', async () => {
    const clock = new FakeClock()
    let spawned = 0
    let template: BlockTemplate | undefined
    const miner = createMiner({
      nextTemplate: () => template,
      clock,
      spawnHashWorker: (_engine, onReport) => {
        spawned += 1
        setImmediate(() => onReport({ type: 'ready', engine: 'mute' }))
        return { send: () => undefined, terminate: async () => undefined }
      },
    })
    miner.start()
    await settle()
    await clock.advance(60_000)
    expect(spawned).toBe(1)
    template = createTemplate()
    await clock.advance(20_000)
    expect(spawned).toBe(1)
    await clock.advance(12_000)
    expect(spawned).toBe(2)
  })

  it('keeps scanning the same unit while nothing has changed', async () => {
    const template = createTemplate()
    const clock = new FakeClock()
    const miner = createMiner({ nextTemplate: () => template, clock })
    miner.start()
    const unit = miner.currentWork?.unit
    await clock.advance(5_000)
    expect(miner.currentWork?.unit).toBe(unit)
  })
})
