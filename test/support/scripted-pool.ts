/** @module Pools that say what a test tells them to, and the miner's link to them on a fake clock. */

import {
  type FoundShare,
  formatPoolUrl,
  type PoolAddress,
  type PoolConnection,
  type PoolJob,
  PoolLink,
  type PoolSink,
} from '../../src/stratum/index.ts'
import { FakeClock } from './fake-clock.ts'

/** A recorded job of public-pool for a Bitaxe, with the extra nonce that it was sent for. */
export const RECORDED = {
  extraNonce1: '57a6f098',
  extraNonce2Size: 4,
  notify: [
    '1',
    '171592f223740e92d223f6e68bff25279af7ac4f2246451e0000000200000000',
    '02000000010000000000000000000000000000000000000000000000000000000000000000ffffffff1903c943255c7075626c69632d706f6f6c5c',
    'ffffffff037a90000000000000160014e6f22ca44dc800e9d049621a3b9a42c509f1c4bc3b0f250000000000160014e6f22ca44dc800e9d049621a3b9a42c509f1c4bc0000000000000000266a24aa21a9edbd3d1d916aa0b57326a2d88ebe1b68a1d7c48585f26d8335fe6a94b62755f64c00000000',
    [
      '175335649d5e8746982969ec88f52e85ac9917106fba5468e699c8879ab974a1',
      'd5644ab3e708c54cd68dc5aedc92b8d3037449687f92ec41ed6e37673d969d4a',
      '5c9ec187517edc0698556cca5ce27e54c96acb014770599ed9df4d4937fbf2b0',
    ],
    '20000000',
    '192495f8',
    '64b3f3ec',
    false,
  ],
  height: 2_442_185,
  solution: { extraNonce2: 'c7080000', nonce: 0xed460d91, version: 0x20002000, time: 0x64b3f3ec },
} as const

/** What the miner has sent. */
export interface MinerMessage {
  readonly id: number
  readonly method?: string
  readonly params?: readonly unknown[]
  readonly result?: unknown
  readonly error?: unknown
}

/** One connection of the miner, from the pool's side. */
export class PoolEnd implements PoolConnection {
  readonly address: PoolAddress
  readonly messages: MinerMessage[] = []
  isClosed = false
  readonly #sink: PoolSink

  constructor(address: PoolAddress, sink: PoolSink) {
    this.address = address
    this.#sink = sink
  }

  send(text: string): void {
    this.messages.push(
      ...text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as MinerMessage),
    )
  }

  close(): void {
    this.isClosed = true
  }

  /** Sends a line as it is. */
  line(text: string): void {
    this.#sink.onLine(text)
  }

  tell(method: string, params: readonly unknown[], id: number | null = null): void {
    this.line(JSON.stringify({ id, method, params }))
  }

  /** Answers the newest request of a method. */
  answer(method: string, result: unknown, error: unknown = null): void {
    const request = this.sent(method).at(-1)
    this.line(JSON.stringify({ id: request?.id, result, error }))
  }

  sent(method: string): readonly MinerMessage[] {
    return this.messages.filter((message) => message.method === method)
  }

  drop(problem = 'gone'): void {
    this.#sink.onClosed(problem)
  }

  /** Lets the miner in, as pools do. */
  admit(sessionId: string = RECORDED.extraNonce1): void {
    const { extraNonce1, extraNonce2Size } = RECORDED
    this.answer('mining.subscribe', [[['mining.notify', sessionId]], extraNonce1, extraNonce2Size])
    this.answer('mining.authorize', true)
  }

  /** Sends the recorded job, changed where a test says so. */
  notify(changes: Readonly<Record<number, unknown>> = {}): void {
    this.tell(
      'mining.notify',
      RECORDED.notify.map((param, i) => changes[i] ?? param),
    )
  }
}

/** A link, its pools' ends and everything that it has told. */
export interface LinkScene {
  readonly clock: FakeClock
  readonly link: PoolLink
  /** Every connection, oldest first. */
  readonly ends: readonly PoolEnd[]
  readonly end: PoolEnd
  readonly jobs: (PoolJob | undefined)[]
  readonly verdicts: (string | undefined)[]
  readonly texts: string[]
  /** `url: problem`, or the URL alone once a pool has let the miner in. */
  readonly connections: string[]
  /** A share on a job; the recorded solution, unless told otherwise. */
  share(job?: PoolJob, changes?: Partial<FoundShare>): FoundShare
}

export function createLinkScene(
  options: {
    readonly pools?: number
    readonly isVersionRolled?: boolean
    readonly payoutScript?: Uint8Array
  } = {},
): LinkScene {
  const clock = new FakeClock()
  const ends: PoolEnd[] = []
  const jobs: (PoolJob | undefined)[] = []
  const verdicts: (string | undefined)[] = []
  const texts: string[] = []
  const connections: string[] = []
  const link = new PoolLink(
    {
      connect: (address, sink) => {
        const end = new PoolEnd(address, sink)
        ends.push(end)
        return end
      },
      clock,
      random: { float: () => 0.5, bytes: (size) => new Uint8Array(size) },
    },
    {
      pools: Array.from({ length: options.pools ?? 1 }, (_, i) => ({
        host: `pool-${i}`,
        port: 3_333,
      })),
      userName: 'someone.rig',
      password: 'x',
      agent: 'test/1',
      isVersionRolled: options.isVersionRolled ?? false,
      payoutScript: options.payoutScript,
    },
    {
      onJob: (job) => jobs.push(job),
      onVersionMask: () => texts.push('mask'),
      onMessage: (text) => texts.push(text),
      onWarning: (text) => texts.push(text),
      onVerdict: (_, refusal) => verdicts.push(refusal),
      onConnection: (pool, problem) =>
        connections.push(`${formatPoolUrl(pool)}${problem === undefined ? '' : `: ${problem}`}`),
      onUnreachable: (problem) => connections.push(`unreachable: ${problem}`),
    },
  )
  link.start()
  const scene = {
    clock,
    link,
    ends,
    get end(): PoolEnd {
      const newest = ends.at(-1)
      if (newest === undefined) throw new TypeError('no connection')
      return newest
    },
    jobs,
    verdicts,
    texts,
    connections,
    share: (job = link.job, changes: Partial<FoundShare> = {}): FoundShare => {
      if (job === undefined) throw new TypeError('no job')
      const { nonce, time } = RECORDED.solution
      const extraNonce2 = Uint8Array.of(0xc7, 8, 0, 0)
      return {
        job,
        extraNonce2,
        time,
        version: job.version,
        nonce,
        hash: '',
        isBlock: false,
        ...changes,
      }
    },
  }
  return scene
}
