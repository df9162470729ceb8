/** @module A Stratum server and its pool on a fake clock, and miners that speak to them by text. */

import { createConsensusParams, decodeBits, REGTEST_SPEC } from '../../src/consensus/index.ts'
import type { BlockTemplate } from '../../src/mining/index.ts'
import { SoloPool, type SoloPoolOptions } from '../../src/pool/index.ts'
import type { Block, BlockHash } from '../../src/primitives/index.ts'
import { computeBlockHash, sha256d } from '../../src/primitives/index.ts'
import { type AcceptedMiner, type MinerConnection, StratumServer } from '../../src/stratum/index.ts'
import { encodeHex } from '../../src/util/index.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { silentLog } from './fixed-clock.ts'
import { buildHeader, type NotifiedJob, parseNotify, type ServerMessage } from './stratum-text.ts'
import { createTemplate, EASY_BITS } from './templates.ts'

/** Pays to a witness program of regtest. */
export const ADDRESS = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'
/** A difficulty that one hash in 16 meets: above regtest's own, so that a share need not be a block. */
export const EASY_SHARE = 2 ** -28

/** A miner at the other end of a connection: everything it knows, it has read from lines. */
export class TextMiner implements MinerConnection {
  readonly remoteAddress: string
  readonly isLoopback: boolean
  bufferedBytes = 0
  isClosed = false
  pauses = 0
  readonly lines: string[] = []
  #accepted: AcceptedMiner | undefined
  #lastId = 0

  constructor(server: StratumServer, remoteAddress = '127.0.0.1') {
    this.remoteAddress = remoteAddress
    this.isLoopback = remoteAddress === '127.0.0.1'
    this.#accepted = server.accept(this)
  }

  send(text: string): void {
    this.lines.push(...text.split('\n').filter((line) => line !== ''))
  }

  pause(): void {
    this.pauses += 1
  }

  resume(): void {}

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#accepted?.closed()
  }

  get messages(): readonly ServerMessage[] {
    return this.lines.map((line) => JSON.parse(line))
  }

  /** Sends one line as it is. */
  say(line: string): void {
    this.#accepted?.receive(line)
  }

  /** Calls a method. @returns The answer. */
  async call(method: string, params: unknown): Promise<ServerMessage> {
    this.#lastId += 1
    const id = this.#lastId
    this.say(JSON.stringify({ id, method, params }))
    await settle()
    const answer = this.messages.find((message) => message.id === id)
    if (answer === undefined) throw new TypeError(`no answer to ${method}`)
    return answer
  }

  /** Subscribes and logs in. */
  async join(user = `${ADDRESS}.rig`, password = `d=${EASY_SHARE}`): Promise<void> {
    await this.call('mining.subscribe', ['test/1'])
    await this.call('mining.authorize', [user, password])
  }

  get extraNonce1(): string {
    const answer = this.messages.find(({ result }) => Array.isArray(result) && result.length === 3)
    const [, extraNonce1] = (answer?.result ?? []) as readonly unknown[]
    return String(extraNonce1)
  }

  get jobs(): readonly NotifiedJob[] {
    return this.messages.filter(({ method }) => method === 'mining.notify').map(parseNotify)
  }

  get job(): NotifiedJob {
    const job = this.jobs.at(-1)
    if (job === undefined) throw new TypeError('no job')
    return job
  }

  get difficulty(): number {
    const told = this.messages.findLast(({ method }) => method === 'mining.set_difficulty')
    return told?.params?.[0] as number
  }
}

/** What a miner submits, and the number that its header hashes to. */
export interface Found {
  readonly params: readonly string[]
  readonly number: bigint
}

/** Looks for a nonce whose hash is within limits, as an honest miner would. */
export function mine(
  miner: TextMiner,
  isWanted: (hash: bigint) => boolean,
  { job = miner.job, user = `${ADDRESS}.rig`, extraNonce2 = '0000000000000001' } = {},
): Found {
  for (let nonce = 0; nonce < 100_000; nonce++) {
    const text = nonce.toString(16).padStart(8, '0')
    const header = buildHeader(job, miner.extraNonce1, extraNonce2, job.time, text)
    const number = BigInt(`0x${encodeHex(sha256d(header).reverse())}`)
    if (isWanted(number)) return { params: [user, job.id, extraNonce2, job.time, text], number }
  }
  throw new TypeError('no nonce found')
}

/** A server with a pool behind it. */
export interface StratumScene {
  readonly clock: FakeClock
  readonly server: StratumServer
  readonly pool: SoloPool
  /** Blocks that were handed in. */
  readonly blocks: Block[]
  /** The template there is; undefined for none. */
  setTemplate(template: BlockTemplate | undefined): void
  /** Puts a new block at the tip. */
  moveTip(prevBlockHash?: BlockHash): void
  connect(remoteAddress?: string): TextMiner
}

/** Template bits at which a share of {@link EASY_SHARE} is far from a block. */
export const RARE_BLOCK_BITS = 0x1c00ffff

export function createStratumScene(
  options: Partial<SoloPoolOptions> & {
    readonly template?: Partial<BlockTemplate>
    readonly maxFutureSeconds?: number
  } = {},
): StratumScene {
  const clock = new FakeClock()
  const now = Math.floor(clock.now() / 1_000)
  const base = createTemplate({
    bits: RARE_BLOCK_BITS,
    target: decodeBits(RARE_BLOCK_BITS).target,
    minTime: now - 600,
    time: now,
    ...options.template,
  })
  let template: BlockTemplate | undefined = base
  const blocks: Block[] = []
  const pool = new SoloPool(
    {
      getTemplate: () => template,
      submitBlock: async (block) => {
        blocks.push(block)
        return 'connected'
      },
      clock,
      log: silentLog,
    },
    {
      addressPrefixes: createConsensusParams(REGTEST_SPEC).addressPrefixes,
      ownerScript: undefined,
      nodeExtraNonce: Uint8Array.of(1, 2, 3, 4),
      tag: 'test',
      ...options,
    },
  )
  const fail = (error: unknown): never => {
    throw error
  }
  const { maxFutureSeconds = 7_200 } = options
  const server = new StratumServer({ pool, clock, log: silentLog, maxFutureSeconds, onFatal: fail })
  return {
    clock,
    server,
    pool,
    blocks,
    setTemplate: (next) => {
      template = next
    },
    moveTip: (prevBlockHash = new Uint8Array(32).fill(7) as BlockHash) => {
      template = { ...base, prevBlockHash, height: base.height + 1 }
      pool.onNewTip()
      server.announce(true)
    },
    connect: (remoteAddress) => new TextMiner(server, remoteAddress),
  }
}

/** Template bits that every other hash meets. */
export const EASY_TEMPLATE = { bits: EASY_BITS, target: decodeBits(EASY_BITS).target }

/** The hash of a block as a number. */
export function hashNumberOf(block: Block): bigint {
  return BigInt(`0x${encodeHex(new Uint8Array(computeBlockHash(block.header)).reverse())}`)
}
