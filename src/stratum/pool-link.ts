/** @module A miner's way to its pools: the first that lets it in, another when that is lost, and counts over all. */

import type { Clock, RandomSource, Timer } from '../util/index.ts'
import type { PoolJob } from './pool-job.ts'
import type {
  ConnectionEnd,
  FoundShare,
  PoolConnection,
  StratumClientHandlers,
  StratumClientOptions,
} from './pool-ports.ts'
import { StratumClient } from './stratum-client.ts'

/** Between two rounds over all pools, in milliseconds: the base is doubled up to the bound, and some more is drawn. */
const RETRY_BASE_MS = 100
export const MAX_RETRY_MS = 30_000
const RETRY_JITTER_MS = 100
/** A connection that has lasted so long, in milliseconds, was a good one: the next search begins with the first pool. */
export const STEADY_POOL_MS = 5_000
/** How long answers to the last shares are waited for at the end, in milliseconds. */
const FAREWELL_MS = 3_000
const FAREWELL_POLL_MS = 20

/** Where a pool listens. */
export interface PoolAddress {
  readonly host: string
  readonly port: number
}

/** What hears a connection. */
export interface PoolSink {
  onLine(line: string): void
  /** Once; also if the connection could not be made. */
  onClosed(problem: string): void
}

/** What the link works with. */
export interface PoolLinkDeps {
  /** Begins to connect. What is sent meanwhile goes out later. */
  readonly connect: (address: PoolAddress, sink: PoolSink) => PoolConnection
  readonly clock: Clock
  readonly random: RandomSource
}

/** How a miner presents itself to each of its pools. */
export interface PoolLinkOptions extends Omit<StratumClientOptions, 'host' | 'sessionId'> {
  /** In the order of preference; at least one. */
  readonly pools: readonly PoolAddress[]
}

/** What the link tells, beside what a connection does. */
export interface PoolLinkHandlers
  extends Pick<StratumClientHandlers, 'onVersionMask' | 'onMessage' | 'onWarning'> {
  /** The job to work on; undefined while there is none. */
  onJob(job: PoolJob | undefined): void
  /** @param refusal - Undefined for a share that was accepted. */
  onVerdict(share: FoundShare, refusal: string | undefined): void
  /** @param problem - Why there is no connection; undefined once a pool has let the miner in. */
  onConnection(pool: PoolAddress, problem: string | undefined): void
  /** Every pool was tried once, and none has ever let the miner in. */
  onUnreachable(problem: string): void
}

/** No pool lets the miner in. */
export class PoolUnreachableError extends Error {
  override readonly name = 'PoolUnreachableError'
  readonly code = 'pool-unreachable'
}

/** What has become of shares. */
export interface ShareCounts {
  accepted: number
  refused: number
  /** Of {@link accepted}, those that were blocks. */
  blocks: number
  /** Not sent: their job was gone. */
  stale: number
  /** Not sent, because too many were without an answer. */
  dropped: number
  /** Sent, and the connection ended before an answer. */
  lost: number
  /** Jobs whose coinbase does not pay the wanted address. */
  unpaidJobs: number
}

/** A pool as `host:port`. */
export function formatPoolUrl({ host, port }: PoolAddress): string {
  return `stratum+tcp://${host.includes(':') ? `[${host}]` : host}:${port}`
}

interface Link {
  readonly client: StratumClient
  readonly address: PoolAddress
  readonly index: number
  readonly openedAt: number
  isLoggedIn: boolean
}

/**
 * Keeps a connection to the best pool there is. A search tries the pools in their order, without a pause between them
 * in the first round but {@link RETRY_BASE_MS}; each further round waits twice as long.
 */
export class PoolLink {
  readonly counts: ShareCounts = {
    accepted: 0,
    refused: 0,
    blocks: 0,
    stale: 0,
    dropped: 0,
    lost: 0,
    unpaidJobs: 0,
  }
  readonly #deps: PoolLinkDeps
  readonly #options: PoolLinkOptions
  readonly #handlers: PoolLinkHandlers
  /** Of each pool, what it knew this miner by. */
  readonly #sessionIds = new Map<number, string>()
  #link: Link | undefined
  #job: PoolJob | undefined
  #retryTimer: Timer | undefined
  /** Connections since the last good one. */
  #attempts = 0
  #hasEverLoggedIn = false
  #isStopped = false

  constructor(deps: PoolLinkDeps, options: PoolLinkOptions, handlers: PoolLinkHandlers) {
    this.#deps = deps
    this.#options = options
    this.#handlers = handlers
  }

  start(): void {
    this.#open()
  }

  /** The pool that has let the miner in; undefined while there is none. */
  get pool(): PoolAddress | undefined {
    return this.#link?.isLoggedIn === true ? this.#link.address : undefined
  }

  get job(): PoolJob | undefined {
    return this.#job
  }

  /** Version bits that may be rolled now; 0 for none. */
  get versionMask(): number {
    return this.#link?.client.versionMask ?? 0
  }

  get pendingShares(): number {
    return this.#link?.client.pendingShares ?? 0
  }

  /** Hands a share in, if its job is still of use. */
  submit(share: FoundShare): void {
    const reason = this.#link === undefined ? 'stale' : this.#link.client.submit(share)
    if (reason === 'stale') this.counts.stale += 1
    if (reason === 'too-many') this.counts.dropped += 1
  }

  /** Waits a moment for the answers to the last shares, then ends the connection. */
  async stop(): Promise<void> {
    const { clock } = this.#deps
    const deadline = clock.monotonic() + FAREWELL_MS
    while (this.pendingShares > 0 && clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => {
        clock.schedule(FAREWELL_POLL_MS, resolve)
      })
    }
    this.#isStopped = true
    this.#retryTimer?.cancel()
    this.#link?.client.end('This miner stops.')
  }

  #open(index = this.#attempts % this.#options.pools.length, port?: number): void {
    const { clock, connect } = this.#deps
    const pool = this.#options.pools[index]
    if (pool === undefined || this.#isStopped) return
    this.#attempts += 1
    const address = { host: pool.host, port: port ?? pool.port }
    const sink: PoolSink = {
      onLine: (line) => link.client.receive(line),
      onClosed: (problem) => link.client.end(problem),
    }
    const options = { ...this.#options, host: pool.host, sessionId: this.#sessionIds.get(index) }
    const connection = connect(address, sink)
    const client = new StratumClient(
      connection,
      clock,
      options,
      this.#createHandlers(() => link),
    )
    const link: Link = { client, address, index, openedAt: clock.monotonic(), isLoggedIn: false }
    this.#link = link
    client.start()
  }

  #createHandlers(getLink: () => Link): StratumClientHandlers {
    const { onVersionMask, onMessage, onWarning } = this.#handlers
    return {
      onVersionMask: () => onVersionMask(),
      onMessage: (text) => onMessage(text),
      onWarning: (text) => onWarning(text),
      onLogin: () => {
        const link = getLink()
        link.isLoggedIn = true
        this.#hasEverLoggedIn = true
        this.#handlers.onConnection(link.address, undefined)
      },
      onJob: (job) => {
        if (!job.isPaid) this.counts.unpaidJobs += 1
        this.#setJob(job)
      },
      onVerdict: (share, refusal) => {
        if (refusal === undefined) this.counts.accepted += 1
        else this.counts.refused += 1
        if (refusal === undefined && share.isBlock) this.counts.blocks += 1
        this.#handlers.onVerdict(share, refusal)
      },
      onEnd: (end, unanswered) => this.#onEnd(getLink(), end, unanswered),
    }
  }

  #setJob(job: PoolJob | undefined): void {
    this.#job = job
    this.#handlers.onJob(job)
  }

  #onEnd(link: Link, { problem, reconnect }: ConnectionEnd, unanswered: number): void {
    const { clock, random } = this.#deps
    this.counts.lost += unanswered
    const { sessionId } = link.client
    if (sessionId === undefined) this.#sessionIds.delete(link.index)
    else this.#sessionIds.set(link.index, sessionId)
    this.#link = undefined
    if (this.#job !== undefined) this.#setJob(undefined)
    if (this.#isStopped) return
    this.#handlers.onConnection(link.address, problem)
    const { length } = this.#options.pools
    if (!this.#hasEverLoggedIn && this.#attempts === length) {
      this.#handlers.onUnreachable(`${formatPoolUrl(link.address)}: ${problem}`)
    }
    const isSteady = link.isLoggedIn && clock.monotonic() - link.openedAt >= STEADY_POOL_MS
    if (isSteady) this.#attempts = 0
    const round = Math.floor(this.#attempts / length)
    const backOffMs = Math.min(RETRY_BASE_MS * 2 ** round, MAX_RETRY_MS)
    const waitMs = Math.max(backOffMs, reconnect?.waitMs ?? 0) + random.float() * RETRY_JITTER_MS
    this.#retryTimer = clock.schedule(waitMs, () => {
      if (reconnect === undefined) this.#open()
      else this.#open(link.index, reconnect.port)
    })
  }
}
