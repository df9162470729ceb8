/** @module One miner's session: what it has agreed on, and how its requests are answered. */

import { type Clock, encodeHex, TokenBucket } from '../util/index.ts'
import { findAgentProfile, readAgent } from './agent-table.ts'
import { readDifficulty, targetToDifficulty } from './difficulty.ts'
import { configureExtensions } from './extensions.ts'
import type { NotifyText, SessionJob } from './job.ts'
import {
  EXTRA_NONCE_2_SIZE,
  type MinerConnection,
  type StratumPool,
  type StratumWork,
  type Worker,
} from './ports.ts'
import { ReplyQueue } from './reply-queue.ts'
import {
  formatError,
  formatNotification,
  formatResult,
  parseLine,
  type StratumRequest,
} from './request.ts'
import { SessionJobs } from './session-jobs.ts'
import { StratumError, type StratumErrorCode } from './stratum-error.ts'
import { readSolution, readSubmission, type Solution, type Submission } from './submission.ts'
import { parsePassword } from './user-name.ts'

/** Workers that one session may log in: rental proxies and gateways have a few. */
export const MAX_SESSION_WORKERS = 64
/** Requests of one session that wait for their answers; beyond it nothing is read. */
const MAX_PENDING_REPLIES = 64
/** Requests beside shares, and shares: more than any miner needs, few enough to hold nobody up. */
const REQUEST_QUOTA = { burst: 100, perSecond: 5 }
const SHARE_QUOTA = { burst: 1_000, perSecond: 200 }
/** A session that has had only refusals: new work, a wish to reconnect, the end; milliseconds. */
const REFUSED_NEW_WORK_MS = 60_000
const REFUSED_RECONNECT_MS = 120_000
const REFUSED_CLOSE_MS = 180_000
const MS_PER_SECOND = 1_000
/** Text that a miner may show, in characters. */
const MAX_MESSAGE_LENGTH = 256

/** What a session works with. */
export interface SessionDeps {
  readonly connection: MinerConnection
  readonly pool: StratumPool
  readonly clock: Clock
  /** How far ahead of the clock a block may be on this chain, in seconds. */
  readonly maxFutureSeconds: number
  readonly textOf: (work: StratumWork) => NotifyText
  /**
   * Gives the session its part of the search space.
   *
   * @param wanted - The session id of a connection before, if the miner knows one.
   * @returns 4 bytes that no other session has.
   */
  readonly assignExtraNonce: (wanted: string | undefined) => Uint8Array
  /** Called with each verdict on a share; `undefined` for an accepted one. */
  readonly onShare: (session: StratumSession, refusal: StratumErrorCode | undefined) => void
  readonly onAuthorized: (session: StratumSession, worker: Worker) => void
  /** Called with what is no refusal: a fault of ours. */
  readonly onError: (error: unknown) => void
}

/** Counts of one session. */
export interface SessionCounts {
  accepted: number
  refused: number
}

type Handler = (request: StratumRequest) => unknown

/** Answers one miner. Errors are answered and end nothing; only a broken stream or a flood does. */
export class StratumSession {
  readonly counts: SessionCounts = { accepted: 0, refused: 0 }
  readonly openedAt: number
  readonly #deps: SessionDeps
  readonly #replies: ReplyQueue
  readonly #requests: TokenBucket
  readonly #shares: TokenBucket
  readonly #workers = new Map<string, Worker>()
  readonly #jobs: SessionJobs
  readonly #handlers: ReadonlyMap<string, Handler>
  #agent = ''
  #extraNonce1: Uint8Array | undefined
  #versionMask = 0
  /** Whether the miner itself has said where to begin. */
  #hasSuggested = false
  #lastLineAt: number
  /** Since when shares were refused without one that was accepted. */
  #refusedSince: number | undefined
  #refusedStep = 0
  #isClosed = false

  constructor(deps: SessionDeps) {
    const { connection, pool, clock, textOf } = deps
    this.#deps = deps
    this.openedAt = clock.monotonic()
    this.#lastLineAt = this.openedAt
    const send = (text: string): void => connection.send(text)
    this.#replies = new ReplyQueue(send)
    this.#requests = new TokenBucket(REQUEST_QUOTA, clock)
    this.#shares = new TokenBucket(SHARE_QUOTA, clock)
    const { startDifficulty } = findAgentProfile('')
    this.#jobs = new SessionJobs({ pool, textOf, send, clock }, startDifficulty)
    this.#handlers = new Map<string, Handler>([
      ['mining.subscribe', (request) => this.#subscribe(request)],
      ['mining.configure', ({ params }) => this.#configure(params)],
      ['mining.suggest_difficulty', ({ params }) => this.#suggest(readDifficulty(params[0]))],
      ['mining.suggest_target', ({ params }) => this.#suggest(readTarget(params[0]))],
      ['mining.extranonce.subscribe', () => true],
      ['mining.ping', () => 'pong'],
    ])
  }

  get connection(): MinerConnection {
    return this.#deps.connection
  }

  /** Printable; empty before the miner has told it. */
  get agent(): string {
    return this.#agent
  }

  /** The first worker that has logged in: its payee is in the coinbase. */
  get worker(): Worker | undefined {
    return this.#workers.values().next().value
  }

  /** All workers that have logged in, in that order. */
  get workers(): Iterable<Worker> {
    return this.#workers.values()
  }

  get extraNonce1(): Uint8Array | undefined {
    return this.#extraNonce1
  }

  /** Whether the handshake is over, so that work can be sent. */
  get isReady(): boolean {
    return this.#extraNonce1 !== undefined && this.#workers.size > 0
  }

  get difficulty(): number {
    return this.#jobs.difficulty
  }

  get hashesPerSecond(): number {
    return this.#jobs.hashesPerSecond
  }

  /** When the miner last sent a line, on the monotonic clock. */
  get lastLineAt(): number {
    return this.#lastLineAt
  }

  /** When work was last sent; undefined before. */
  get workSentAt(): number | undefined {
    return this.#jobs.sentAt
  }

  /** Takes one line. Never throws. */
  receive(line: string): void {
    if (this.#isClosed || line.trim() === '') return
    this.#lastLineAt = this.#deps.clock.monotonic()
    const message = parseLine(line)
    if (message.kind === 'response') return
    if (message.kind === 'bad') {
      this.#countRequest()
      const error = new StratumError('other', 'Not a JSON-RPC request with a method.')
      this.#replies.push(formatError(message.id, error.toJson()))
      return
    }
    if (message.method === 'mining.submit') this.#receiveShare(message)
    else this.#answer(message)
  }

  /** Sends the newest work, if the handshake is over and there is any. */
  sendWork(isClean: boolean): void {
    const { worker } = this
    if (this.#isClosed || worker === undefined || !this.isReady) return
    this.#jobs.sendWork(worker, isClean)
  }

  /** Lowers the difficulty of a miner that finds too little, and looks after one that is refused again and again. */
  tick(): void {
    if (this.#jobs.adjust()) this.sendWork(false)
    this.#lookAfterRefused()
  }

  /** Shows a text on the miner, where the firmware can. */
  showMessage(text: string): void {
    const params = [text.slice(0, MAX_MESSAGE_LENGTH)]
    this.#deps.connection.send(formatNotification('client.show_message', params))
  }

  /** Asks the miner to come again, to the same place. */
  askToReconnect(): void {
    this.#deps.connection.send(formatNotification('client.reconnect', []))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#deps.connection.close()
  }

  #answer(request: StratumRequest): void {
    const { id, method } = request
    this.#countRequest()
    // `pong` without an id is how some firmware answers pings.
    if (method === 'pong') return
    try {
      if (method === 'mining.authorize') this.#authorize(request)
      else this.#replies.push(formatResult(id, this.#call(request)))
    } catch (error) {
      if (!(error instanceof StratumError)) throw error
      this.#replies.push(formatError(id, error.toJson()))
    }
    // The answer comes first: many miners read exactly one line after their request.
    if (method === 'mining.subscribe' && this.isReady) this.sendWork(true)
  }

  #call(request: StratumRequest): unknown {
    const handler = this.#handlers.get(request.method)
    if (handler === undefined) throw new StratumError('other', 'Not supported.')
    return handler(request)
  }

  #subscribe({ params }: StratumRequest): unknown {
    const [agent, sessionId] = params
    if (this.#agent === '') this.#agent = readAgent(agent)
    if (!this.#hasSuggested && this.#jobs.sentAt === undefined) {
      this.#jobs.suggest(findAgentProfile(this.#agent).startDifficulty)
    }
    const wanted = typeof sessionId === 'string' ? sessionId : undefined
    this.#extraNonce1 ??= this.#deps.assignExtraNonce(wanted)
    const id = encodeHex(this.#extraNonce1)
    return [
      [
        ['mining.set_difficulty', id],
        ['mining.notify', id],
      ],
      id,
      EXTRA_NONCE_2_SIZE,
    ]
  }

  #authorize({ id, params }: StratumRequest): void {
    const [userName, password] = params
    if (typeof userName !== 'string') throw new StratumError('unauthorized', 'No user name.')
    const isFirst = this.#workers.size === 0
    const isKnown = this.#workers.has(userName)
    if (!isKnown && this.#workers.size >= MAX_SESSION_WORKERS) {
      throw new StratumError('unauthorized', `More than ${MAX_SESSION_WORKERS} workers.`)
    }
    const worker = this.#workers.get(userName) ?? this.#deps.pool.authorize(userName)
    this.#workers.set(userName, worker)
    const wish = parsePassword(password)
    if (wish !== undefined) {
      this.#hasSuggested = true
      this.#jobs.suggest(wish.difficulty, wish.isFixed)
    }
    this.#replies.push(formatResult(id, true))
    if (!isKnown) this.#deps.onAuthorized(this, worker)
    if (isFirst || wish !== undefined) this.sendWork(isFirst)
  }

  #configure(params: readonly unknown[]): unknown {
    const { answer, extensions } = configureExtensions(params)
    if (extensions.versionMask !== undefined) this.#versionMask = extensions.versionMask
    if (extensions.minDifficulty !== undefined) {
      this.#jobs.setMinDifficulty(extensions.minDifficulty)
    }
    return answer
  }

  #suggest(difficulty: number | undefined): boolean {
    if (difficulty === undefined) throw new StratumError('other', 'Not a difficulty.')
    this.#hasSuggested = true
    this.#jobs.suggest(difficulty)
    // After the answer; before the handshake is over there is nothing to send.
    if (this.isReady) this.#afterReply(() => this.sendWork(false))
    return true
  }

  #afterReply(action: () => void): void {
    this.#deps.clock.schedule(0, () => {
      if (!this.#isClosed) action()
    })
  }

  #receiveShare({ id, params }: StratumRequest): void {
    const { connection, clock } = this.#deps
    const waitMs = this.#shares.take(1)
    const isFull = this.#replies.length >= MAX_PENDING_REPLIES
    if (waitMs > 0 || isFull) {
      connection.pause()
      clock.schedule(Math.max(waitMs, 1), () => connection.resume())
    }
    const reply = this.#replies.reserve()
    this.#submit(params).then(
      () => {
        this.#onAccepted()
        reply(formatResult(id, true))
        if (this.#jobs.adjust()) this.sendWork(false)
      },
      (error: unknown) => {
        const refusal = this.#toRefusal(error)
        this.#onRefused(refusal.code)
        reply(formatError(id, refusal.toJson()))
      },
    )
  }

  async #submit(params: readonly unknown[]): Promise<void> {
    const { pool } = this.#deps
    const extraNonce1 = this.#extraNonce1
    if (extraNonce1 === undefined) throw new StratumError('not-subscribed', 'Not subscribed.')
    const submission = readSubmission(params)
    const worker = this.#workers.get(submission.userName)
    if (worker === undefined) throw new StratumError('unauthorized', 'Unauthorized worker.')
    const { job, solution } = this.#readSolution(submission, worker)
    const { work, shareTarget, difficulty } = job
    await pool.submit({ worker, work, extraNonce1, ...solution, shareTarget, difficulty })
    this.#jobs.addShare(job)
  }

  #readSolution(submission: Submission, worker: Worker): { job: SessionJob; solution: Solution } {
    const { pool, clock, maxFutureSeconds } = this.#deps
    try {
      const job = this.#jobs.find(submission.jobId)
      if (job === undefined) throw new StratumError('stale', 'Job not found.')
      const maxTime = Math.floor(clock.now() / MS_PER_SECOND) + maxFutureSeconds
      return { job, solution: readSolution(submission, job, this.#versionMask, maxTime) }
    } catch (error) {
      if (error instanceof StratumError) pool.onRefused(worker, error.code)
      throw error
    }
  }

  #toRefusal(error: unknown): StratumError {
    if (error instanceof StratumError) return error
    this.#deps.onError(error)
    return new StratumError('other', 'Internal error.')
  }

  #onAccepted(): void {
    this.counts.accepted += 1
    this.#refusedSince = undefined
    this.#refusedStep = 0
    this.#deps.onShare(this, undefined)
  }

  #onRefused(code: StratumErrorCode): void {
    this.counts.refused += 1
    this.#refusedSince ??= this.#deps.clock.monotonic()
    this.#deps.onShare(this, code)
  }

  #lookAfterRefused(): void {
    if (this.#refusedSince === undefined) return
    const forMs = this.#deps.clock.monotonic() - this.#refusedSince
    if (forMs >= REFUSED_CLOSE_MS) this.close()
    else if (forMs >= REFUSED_RECONNECT_MS && this.#refusedStep < 2) {
      this.#refusedStep = 2
      this.askToReconnect()
    } else if (forMs >= REFUSED_NEW_WORK_MS && this.#refusedStep < 1) {
      this.#refusedStep = 1
      this.sendWork(true)
    }
  }

  #countRequest(): void {
    if (!this.#requests.tryTake(1)) this.close()
  }
}

/** The difficulty of a target that a miner asks for, as hex. */
function readTarget(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^[0-9a-fA-F]{1,64}$/.test(value)) return undefined
  const target = BigInt(`0x${value}`)
  return target === 0n ? undefined : readDifficulty(targetToDifficulty(target))
}
