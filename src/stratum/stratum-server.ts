/** @module All sessions of a Stratum server: who gets in, who gets which work when, and who is sent away. */

import {
  type Clock,
  EventEmitter,
  type Logger,
  LruMap,
  sleep,
  type Timer,
  TokenBucket,
} from '../util/index.ts'
import { ExtraNonceTable } from './extra-nonce-table.ts'
import { NotifyText } from './job.ts'
import type { MinerConnection, StratumPool, StratumWork, Worker } from './ports.ts'
import { StratumSession } from './session.ts'
import type { StratumErrorCode } from './stratum-error.ts'

/** Miners that may be connected at a time. */
export const MAX_SESSIONS = 10_000
/** Connections that have not both subscribed and logged in; one more takes the place of the oldest. */
export const MAX_HANDSHAKES = 256
/** How long a handshake may take, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 15_000
/** Silence after which a miner is taken for gone: even a slow one answers pings or finds a share. */
export const IDLE_TIMEOUT_MS = 600_000
/** The newest connections of one address beyond loopback: so many at once, and so many each second after. */
const CONNECTION_QUOTA = { burst: 50, perSecond: 50 / 60 }
/** Addresses whose quota or ban is remembered. */
const MAX_REMEMBERED_ADDRESSES = 10_000
/** Bytes that may wait in a miner's connection: beyond the first it gets clean jobs alone, beyond the second none. */
const MAX_BUFFERED_BYTES = 65_536
const MAX_STUCK_BYTES = 262_144
/** Sessions that are sent work before others get a turn. */
const SESSIONS_PER_TURN = 500
/** How often sessions are looked over, in milliseconds. */
const TICK_INTERVAL_MS = 1_000
/** The oldest a job gets while the tip stays: some miners give a silent pool up after two minutes. */
export const REFRESH_INTERVAL_MS = 30_000
/** A miner whose shares are mostly refused: looked at each so many shares, and kept out for so long. */
const REFUSALS_WINDOW = 500
const REFUSALS_MAX_RATIO = 0.5
const BAN_MS = 600_000

/** What a server works with. */
export interface StratumServerDeps {
  readonly pool: StratumPool
  readonly clock: Clock
  readonly log: Logger
  /** How far ahead of the clock a block may be on this chain, in seconds: a share beyond it could be no block. */
  readonly maxFutureSeconds: number
  /** Called once with what no server can go on without. */
  readonly onFatal: (error: unknown) => void
}

/** What a server tells. */
export interface StratumServerEvents extends Record<string, unknown> {
  workerJoined: { readonly session: StratumSession; readonly worker: Worker }
  sessionClosed: { readonly session: StratumSession }
  share: { readonly session: StratumSession; readonly refusal: StratumErrorCode | undefined }
}

/** A connection's end of the server. */
export interface AcceptedMiner {
  /** Takes one line. */
  receive(line: string): void
  /** Tells that the connection has ended. Idempotent. */
  closed(): void
}

interface AddressRecord {
  readonly bucket: TokenBucket
  bannedUntil: number
  accepted: number
  refused: number
}

/** Serves miners over any kind of connection. */
export class StratumServer {
  readonly events = new EventEmitter<StratumServerEvents>()
  readonly #deps: StratumServerDeps
  readonly #sessions = new Set<StratumSession>()
  /** Those of {@link #sessions} whose handshake is not over, oldest first. */
  readonly #handshakes = new Set<StratumSession>()
  readonly #extraNonces: ExtraNonceTable
  readonly #texts = new WeakMap<StratumWork, NotifyText>()
  readonly #addresses = new LruMap<string, AddressRecord>(MAX_REMEMBERED_ADDRESSES)
  #timer: Timer | undefined
  /** Counts fan-outs: an older one ends when a newer one begins. */
  #fanOut = 0
  #isStopped = false

  /** @param shard - The first byte of the sessions' extra nonces. */
  constructor(deps: StratumServerDeps, shard = 0) {
    this.#deps = deps
    this.#extraNonces = new ExtraNonceTable(shard)
    this.#tick()
  }

  get sessions(): ReadonlySet<StratumSession> {
    return this.#sessions
  }

  /** @returns Nothing if the connection was refused; it is closed then. */
  accept(connection: MinerConnection): AcceptedMiner | undefined {
    if (this.#isStopped || !this.#isAdmitted(connection)) {
      connection.close()
      return undefined
    }
    const session = this.#createSession(connection)
    this.#sessions.add(session)
    this.#handshakes.add(session)
    if (this.#handshakes.size > MAX_HANDSHAKES) this.#handshakes.values().next().value?.close()
    return {
      receive: (line) => {
        session.receive(line)
        if (session.isReady) this.#handshakes.delete(session)
      },
      closed: () => this.#remove(session),
    }
  }

  /**
   * Sends new work to everybody, the fastest miners first.
   *
   * @param isClean - Whether the parent has changed, so that older jobs are of no use.
   */
  announce(isClean: boolean): void {
    this.#fanOut += 1
    void this.#sendToAll(isClean, this.#fanOut)
  }

  /** Ends all sessions. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    for (const session of this.#sessions) session.close()
  }

  async #sendToAll(isClean: boolean, fanOut: number): Promise<void> {
    const ready = [...this.#sessions].filter(({ isReady }) => isReady)
    const bySpeed = ready
      .map((session) => ({ session, speed: session.hashesPerSecond }))
      .sort((one, other) => other.speed - one.speed)
    let count = 0
    for (const { session } of bySpeed) {
      if (this.#fanOut !== fanOut || this.#isStopped) return
      const { bufferedBytes } = session.connection
      if (bufferedBytes > MAX_STUCK_BYTES) session.close()
      else if (isClean || bufferedBytes <= MAX_BUFFERED_BYTES) session.sendWork(isClean)
      count += 1
      if (count % SESSIONS_PER_TURN === 0) await sleep(this.#deps.clock, 0)
    }
  }

  #createSession(connection: MinerConnection): StratumSession {
    const { pool, clock, maxFutureSeconds } = this.#deps
    return new StratumSession({
      connection,
      pool,
      clock,
      maxFutureSeconds,
      textOf: (work) => this.#textOf(work),
      assignExtraNonce: (wanted) => this.#extraNonces.take(wanted),
      onAuthorized: (session, worker) => this.events.emit('workerJoined', { session, worker }),
      onShare: (session, refusal) => this.#onShare(session, refusal),
      onError: (error) => {
        this.#deps.log.error('share could not be judged', { error })
        this.#deps.onFatal(error)
      },
    })
  }

  #textOf(work: StratumWork): NotifyText {
    const known = this.#texts.get(work)
    if (known !== undefined) return known
    const text = new NotifyText(work)
    this.#texts.set(work, text)
    return text
  }

  #isAdmitted({ remoteAddress, isLoopback }: MinerConnection): boolean {
    if (this.#sessions.size >= MAX_SESSIONS) return false
    if (isLoopback) return true
    const record = this.#recordOf(remoteAddress)
    return record.bannedUntil <= this.#deps.clock.monotonic() && record.bucket.tryTake(1)
  }

  #recordOf(address: string): AddressRecord {
    const known = this.#addresses.get(address)
    if (known !== undefined) return known
    const bucket = new TokenBucket(CONNECTION_QUOTA, this.#deps.clock)
    const record = { bucket, bannedUntil: 0, accepted: 0, refused: 0 }
    this.#addresses.set(address, record)
    return record
  }

  #onShare(session: StratumSession, refusal: StratumErrorCode | undefined): void {
    this.events.emit('share', { session, refusal })
    const { connection } = session
    if (connection.isLoopback) return
    const record = this.#recordOf(connection.remoteAddress)
    if (refusal === undefined) record.accepted += 1
    else record.refused += 1
    const all = record.accepted + record.refused
    if (all < REFUSALS_WINDOW) return
    const isBad = record.refused > all * REFUSALS_MAX_RATIO
    record.accepted = 0
    record.refused = 0
    if (isBad) this.#ban(connection.remoteAddress, record)
  }

  #ban(address: string, record: AddressRecord): void {
    record.bannedUntil = this.#deps.clock.monotonic() + BAN_MS
    this.#deps.log.info('miner banned: most of its shares are refused', {
      address,
      durationMs: BAN_MS,
    })
    for (const session of this.#sessions) {
      if (session.connection.remoteAddress === address) session.close()
    }
  }

  #remove(session: StratumSession): void {
    if (!this.#sessions.delete(session)) return
    this.#handshakes.delete(session)
    const { extraNonce1 } = session
    if (extraNonce1 !== undefined) this.#extraNonces.release(extraNonce1)
    session.close()
    this.events.emit('sessionClosed', { session })
  }

  #tick(): void {
    this.#timer = this.#deps.clock.schedule(TICK_INTERVAL_MS, () => this.#tick())
    const now = this.#deps.clock.monotonic()
    for (const session of this.#sessions) {
      const isSlow = !session.isReady && now - session.openedAt > HANDSHAKE_TIMEOUT_MS
      if (isSlow || now - session.lastLineAt > IDLE_TIMEOUT_MS) session.close()
      else session.tick()
      // Each counts from its own last job, so that refreshes are spread.
      const { workSentAt } = session
      if (session.isReady && now - (workSentAt ?? 0) >= REFRESH_INTERVAL_MS) session.sendWork(false)
    }
  }
}
