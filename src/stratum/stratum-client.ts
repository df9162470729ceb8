/** @module A miner's end of one connection to a pool. */

import { type Clock, encodeHex, equalBytes, type Timer, TokenBucket } from '../util/index.ts'
import { VERSION_ROLLING_MASK } from './extensions.ts'
import { toHex32 } from './job.ts'
import { BadJobError, type PoolJob, readPoolJob } from './pool-job.ts'
import {
  describeError,
  findSessionId,
  readExtraNonce,
  readPort,
  type SearchSpace,
  toText,
} from './pool-message.ts'
import type {
  ConnectionEnd,
  FoundShare,
  PoolConnection,
  StratumClientHandlers,
  StratumClientOptions,
  UnsentReason,
} from './pool-ports.ts'
import {
  formatError,
  formatRequest,
  formatResult,
  parseLine,
  type StratumRequest,
  type StratumResponse,
} from './request.ts'
import { StratumError } from './stratum-error.ts'

/** How long a pool may take until the miner is logged in, in milliseconds. */
export const LOGIN_TIMEOUT_MS = 15_000
/** Silence after which a pool is taken for gone: pools send work each minute. @see cpuminer */
export const POOL_SILENCE_MS = 120_000
/** How long a share may be without an answer. */
export const SHARE_TIMEOUT_MS = 60_000
/** Shares without an answer; further ones are dropped. */
export const MAX_PENDING_SHARES = 64
/** Jobs that shares may still be for. */
const MAX_LIVE_JOBS = 16
/** Lines and jobs that make no sense, in a row. */
export const MAX_BAD_LINES = 10
/** What a pool may send: far more than any does. */
const LINE_QUOTA = { burst: 2_000, perSecond: 500 }
/** A job of one pool is never so far from the one before, in blocks. */
const MAX_HEIGHT_STEP = 2_016
const WATCH_INTERVAL_MS = 1_000
const MAX_RECONNECT_WAIT_SECONDS = 60
/** Above it a target is all but 0. */
const MAX_POOL_DIFFICULTY = 2 ** 128

type Pending =
  | { readonly kind: 'configure' | 'subscribe' | 'authorize' | 'extranonce' }
  | { readonly kind: 'share'; readonly share: FoundShare; readonly sentAt: number }

/**
 * Speaks with one pool until the connection ends: subscribes, logs in, reads jobs and hands in shares.
 *
 * Whatever the pool sends is bounded and looked at; what makes no sense is passed over, and too much of it ends the
 * connection. A difficulty counts from the next job on, and each job keeps the terms that it came with.
 */
export class StratumClient {
  readonly #connection: PoolConnection
  readonly #clock: Clock
  readonly #options: StratumClientOptions
  readonly #handlers: StratumClientHandlers
  readonly #pending = new Map<number, Pending>()
  readonly #live = new Map<string, PoolJob>()
  readonly #lines: TokenBucket
  readonly #methods: ReadonlyMap<string, (params: readonly unknown[]) => void>
  readonly #openedAt: number
  #lastLineAt: number
  #watchTimer: Timer | undefined
  #lastId = 0
  #badLines = 0
  #difficulty = 1
  #extraNonce: SearchSpace | undefined
  #sessionId: string | undefined
  #versionMask = 0
  #isLoggedIn = false
  #newestJob: PoolJob | undefined
  #isEnded = false

  constructor(
    connection: PoolConnection,
    clock: Clock,
    options: StratumClientOptions,
    handlers: StratumClientHandlers,
  ) {
    this.#connection = connection
    this.#clock = clock
    this.#options = options
    this.#handlers = handlers
    this.#lines = new TokenBucket(LINE_QUOTA, clock)
    this.#openedAt = clock.monotonic()
    this.#lastLineAt = this.#openedAt
    this.#sessionId = options.sessionId
    this.#methods = new Map<string, (params: readonly unknown[]) => void>([
      ['mining.notify', (params) => this.#notify(params)],
      ['mining.set_difficulty', ([value]) => this.#setDifficulty(value)],
      ['mining.set_extranonce', ([first, size]) => this.#setExtraNonce(first, size)],
      ['mining.set_version_mask', ([value]) => this.#setVersionMask(value)],
      ['client.show_message', ([text]) => handlers.onMessage(toText(text))],
      ['client.reconnect', (params) => this.#reconnect(params)],
    ])
  }

  /** Begins to speak. */
  start(): void {
    const { agent, isVersionRolled } = this.#options
    if (isVersionRolled) {
      const mask = toHex32(VERSION_ROLLING_MASK)
      const wishes = { 'version-rolling.mask': mask, 'version-rolling.min-bit-count': 2 }
      this.#request({ kind: 'configure' }, 'mining.configure', [['version-rolling'], wishes])
    }
    const resumed = this.#sessionId === undefined ? [] : [this.#sessionId]
    this.#request({ kind: 'subscribe' }, 'mining.subscribe', [agent, ...resumed])
    this.#watch()
  }

  /** What a later connection may resume; undefined if the pool has no such thing. */
  get sessionId(): string | undefined {
    return this.#sessionId
  }

  /** Version bits that may be rolled now; 0 for none. */
  get versionMask(): number {
    return this.#versionMask
  }

  /** Shares without an answer. */
  get pendingShares(): number {
    return [...this.#pending.values()].filter(({ kind }) => kind === 'share').length
  }

  /** Takes one line. Never throws. */
  receive(line: string): void {
    if (this.#isEnded || line.trim() === '') return
    this.#lastLineAt = this.#clock.monotonic()
    if (!this.#lines.tryTake(1)) {
      this.end('It sends too many lines.')
      return
    }
    const message = parseLine(line)
    if (message.kind === 'bad') this.#onBadLine('a line that is no message')
    else if (message.kind === 'response') this.#onResponse(message)
    else this.#onRequest(message)
  }

  /**
   * Hands a share in. A block is handed in even if its job is stale: which block it wants is for the chain to say.
   *
   * @returns Why it was not sent; nothing if it was.
   */
  submit(share: FoundShare): UnsentReason | undefined {
    const { job, version, isBlock } = share
    const isLive = this.#live.get(job.id) === job || isBlock
    const isWithinMask = ((version ^ job.version) & ~this.#versionMask) === 0
    if (this.#isEnded || !isLive || !isWithinMask) return 'stale'
    if (this.pendingShares >= MAX_PENDING_SHARES) return 'too-many'
    const params = [
      this.#options.userName,
      job.id,
      encodeHex(share.extraNonce2),
      toHex32(share.time),
      toHex32(share.nonce),
      ...(this.#versionMask === 0 ? [] : [toHex32(version & this.#versionMask)]),
    ]
    const sentAt = this.#clock.monotonic()
    this.#request({ kind: 'share', share, sentAt }, 'mining.submit', params)
    return undefined
  }

  /** Ends the connection. Idempotent. */
  end(problem: string, reconnect?: ConnectionEnd['reconnect']): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#watchTimer?.cancel()
    this.#connection.close()
    const end = reconnect === undefined ? { problem } : { problem, reconnect }
    this.#handlers.onEnd(end, this.pendingShares)
  }

  #request(pending: Pending, method: string, params: readonly unknown[]): void {
    this.#lastId += 1
    this.#pending.set(this.#lastId, pending)
    this.#connection.send(formatRequest(this.#lastId, method, params))
  }

  #watch(): void {
    this.#watchTimer = this.#clock.schedule(WATCH_INTERVAL_MS, () => this.#watch())
    const now = this.#clock.monotonic()
    // In the order of their sending.
    const oldest = [...this.#pending.values()].find((pending) => pending.kind === 'share')
    if (!this.#isLoggedIn && now - this.#openedAt > LOGIN_TIMEOUT_MS) {
      this.end(`It has not let us in for ${LOGIN_TIMEOUT_MS / 1_000} s.`)
    } else if (now - this.#lastLineAt > POOL_SILENCE_MS) {
      this.end(`It has not said anything for ${POOL_SILENCE_MS / 1_000} s.`)
    } else if (oldest?.kind === 'share' && now - oldest.sentAt > SHARE_TIMEOUT_MS) {
      this.end(`It has not answered a share for ${SHARE_TIMEOUT_MS / 1_000} s.`)
    }
  }

  #onBadLine(what: string): void {
    this.#badLines += 1
    this.#handlers.onWarning(`The pool has sent ${what}.`)
    if (this.#badLines >= MAX_BAD_LINES) this.end('It sends what makes no sense.')
  }

  #onRequest({ id, method, params }: StratumRequest): void {
    const handler = this.#methods.get(method)
    if (handler !== undefined) {
      handler(params)
      return
    }
    if (id === null) return
    const send = (text: string): void => this.#connection.send(text)
    if (method === 'client.get_version') send(formatResult(id, this.#options.agent))
    else if (method === 'mining.ping') send(formatResult(id, 'pong'))
    else send(formatError(id, new StratumError('other', 'Not supported.').toJson()))
  }

  #onResponse({ id, result, error }: StratumResponse): void {
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined
    if (pending === undefined) return
    this.#pending.delete(id as number)
    const isRefused = error !== null && error !== undefined
    switch (pending.kind) {
      case 'configure':
        this.#onConfigured(isRefused ? undefined : result)
        break
      case 'subscribe':
        this.#onSubscribed(result, error)
        break
      case 'authorize':
        if (result === true && !isRefused) this.#onAuthorized()
        else this.end(`It refuses the user ${this.#options.userName}: ${describeError(error)}`)
        break
      case 'share':
        this.#handlers.onVerdict(
          pending.share,
          result === true && !isRefused ? undefined : describeError(error),
        )
        break
      case 'extranonce':
        // Many pools know no such thing, which is fine.
        break
    }
  }

  #onConfigured(result: unknown): void {
    const answer = (typeof result === 'object' && result !== null ? result : {}) as Record<
      string,
      unknown
    >
    if (answer['version-rolling'] !== true) return
    this.#setVersionMask(answer['version-rolling.mask'])
  }

  #onSubscribed(result: unknown, error: unknown): void {
    const isRefused = error !== null && error !== undefined
    if (isRefused && this.#sessionId !== undefined) {
      // Some pools refuse the second parameter instead of passing over it.
      this.#sessionId = undefined
      this.#request({ kind: 'subscribe' }, 'mining.subscribe', [this.#options.agent])
      return
    }
    const [subscriptions, first, size] = Array.isArray(result) ? result : []
    this.#extraNonce = readExtraNonce(first, size)
    if (isRefused || this.#extraNonce === undefined) {
      const why = isRefused ? describeError(error) : 'its answer has no extra nonce'
      this.end(`It refuses the subscription: ${why}`)
      return
    }
    this.#sessionId = findSessionId(subscriptions)
    const { userName, password } = this.#options
    this.#request({ kind: 'authorize' }, 'mining.authorize', [userName, password])
  }

  #onAuthorized(): void {
    this.#isLoggedIn = true
    this.#request({ kind: 'extranonce' }, 'mining.extranonce.subscribe', [])
    this.#handlers.onLogin()
    if (this.#newestJob !== undefined) this.#handlers.onJob(this.#newestJob)
  }

  #notify(params: readonly unknown[]): void {
    const extraNonce = this.#extraNonce
    if (extraNonce === undefined) {
      this.#onBadLine('a job before it has answered the subscription')
      return
    }
    const { payoutScript } = this.#options
    const before = this.#newestJob
    let job: PoolJob
    try {
      job = readPoolJob(params, { ...extraNonce, difficulty: this.#difficulty, payoutScript })
      if (before !== undefined && Math.abs(job.height - before.height) > MAX_HEIGHT_STEP) {
        throw new BadJobError(`its height of ${job.height} is far from ${before.height}`)
      }
    } catch (error) {
      if (!(error instanceof BadJobError)) throw error
      this.#onBadLine(`a job that is none: ${error.message}`)
      return
    }
    this.#badLines = 0
    this.#newestJob = job
    // A submission does not name the extra nonce: of one before, shares could not be told.
    const isMoved = before !== undefined && !equalBytes(before.extraNonce1, job.extraNonce1)
    if (job.isClean || isMoved) this.#live.clear()
    this.#live.delete(job.id)
    this.#live.set(job.id, job)
    const [oldest] = this.#live.keys()
    if (this.#live.size > MAX_LIVE_JOBS && oldest !== undefined) this.#live.delete(oldest)
    if (this.#isLoggedIn) this.#handlers.onJob(job)
  }

  #setDifficulty(value: unknown): void {
    const difficulty = typeof value === 'string' && value !== '' ? Number(value) : value
    const isUsable =
      typeof difficulty === 'number' && difficulty > 0 && difficulty <= MAX_POOL_DIFFICULTY
    if (isUsable) this.#difficulty = difficulty
    else this.#onBadLine(`a difficulty that is none (${toText(value)})`)
  }

  #setExtraNonce(first: unknown, size: unknown): void {
    const extraNonce = readExtraNonce(first, size)
    if (extraNonce === undefined) this.#onBadLine('an extra nonce that is none')
    else this.#extraNonce = extraNonce
  }

  #setVersionMask(value: unknown): void {
    if (!this.#options.isVersionRolled) return
    const isHex32 = typeof value === 'string' && /^[0-9a-fA-F]{1,8}$/.test(value)
    this.#versionMask = isHex32 ? Number.parseInt(value, 16) & VERSION_ROLLING_MASK : 0
    this.#handlers.onVersionMask()
  }

  #reconnect([host, port, wait]: readonly unknown[]): void {
    const isHere =
      host === undefined || host === null || host === '' || toText(host) === this.#options.host
    if (!isHere) {
      this.#handlers.onWarning(
        `The pool asks to go to ${toText(host)}, which is another host: this miner stays.`,
      )
      return
    }
    const seconds = Math.min(Math.max(Number(wait) || 0, 0), MAX_RECONNECT_WAIT_SECONDS)
    this.end('It asks to connect again.', { port: readPort(port), waitMs: seconds * 1_000 })
  }
}
