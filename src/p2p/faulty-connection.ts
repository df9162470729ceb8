/** @module A raw connection that can be slowed down and cut on purpose. */

import type { AbortOptions, MultiaddrConnection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { PeerId } from '../sync/index.ts'
import type { Clock, RandomSource, Timer } from '../util/index.ts'
import { orAborted } from './deadline.ts'
import { Deferred } from './deferred.ts'
import { DelayLine, isSlow } from './delay-line.ts'
import { type Faults, NO_FAULTS } from './fault-controls.ts'
import { P2pError } from './p2p-error.ts'

const MS_PER_SECOND = 1_000

/** What a faulty connection needs. */
export interface FaultyConnectionDeps {
  readonly clock: Clock
  readonly random: RandomSource
  /** The faults of a peer, or of whoever has not said yet who they are. */
  faultsOf(peer: PeerId | undefined): Faults
}

/**
 * A transport's connection, with all that is sent going through a {@link DelayLine} while it is slow. Below
 * encryption, so that everything is held up alike, and in order.
 */
export class FaultyConnection extends AbstractMultiaddrConnection {
  readonly #inner: MultiaddrConnection
  readonly #deps: FaultyConnectionDeps
  readonly #line: DelayLine
  readonly #closed = new Deferred<undefined>()
  #emptied: Deferred<undefined> | undefined
  #faults: Faults = NO_FAULTS
  #peer: PeerId | undefined
  #sendTimer: Timer | undefined
  #cutTimer: Timer | undefined

  constructor(inner: MultiaddrConnection, deps: FaultyConnectionDeps, peer: PeerId | undefined) {
    super({ remoteAddr: inner.remoteAddr, direction: inner.direction, log: inner.log })
    this.#inner = inner
    this.#deps = deps
    this.#line = new DelayLine(deps.random)
    this.#peer = peer
    inner.addEventListener('message', ({ data }) => this.onData(data))
    inner.addEventListener('drain', () => this.#pump())
    inner.addEventListener('close', ({ error }) => this.onTransportClosed(error))
    this.addEventListener('close', () => this.#onClosed())
    this.applyFaults()
  }

  /** Resolves when nothing goes through any more. */
  get closed(): Promise<undefined> {
    return this.#closed.promise
  }

  /** Learns who is at the other end; until then the faults are those of everybody. */
  identify(peer: PeerId): void {
    this.#peer = peer
    this.applyFaults()
  }

  /** Takes over what the faults of its peer are now. What waits is set on its way anew. */
  applyFaults(): void {
    if (this.status !== 'open') return
    const faults = this.#deps.faultsOf(this.#peer)
    if (faults.isBlocked) {
      this.abort(new P2pError('fault', 'blocked on purpose'))
      return
    }
    if (faults === this.#faults) return
    this.#faults = faults
    this.#line.restart(faults, this.#deps.clock.monotonic())
    this.#armCut()
    this.#pump()
  }

  override sendData(data: Uint8ArrayList): SendResult {
    const size = data.byteLength
    if (this.#line.isEmpty && !isSlow(this.#faults)) {
      return { sentBytes: size, canSendMore: this.#inner.send(data) }
    }
    const sentBytes = Math.min(size, this.#line.room)
    this.#line.push(data.sublist(0, sentBytes), this.#faults, this.#deps.clock.monotonic())
    this.#schedule()
    return { sentBytes, canSendMore: sentBytes === size && this.#line.room > 0 }
  }

  override sendReset(error: Error): void {
    this.#inner.abort(error)
  }

  override sendPause(): void {
    this.#inner.pause()
  }

  override sendResume(): void {
    this.#inner.resume()
  }

  override async sendClose(options?: AbortOptions): Promise<void> {
    if (!this.#line.isEmpty) {
      this.#emptied ??= new Deferred()
      const done = Promise.race([this.#emptied.promise, this.#closed.promise])
      await (options?.signal === undefined ? done : orAborted(done, options.signal))
    }
    await this.#inner.close(options)
  }

  /** Sends what is due, as far as the transport takes it. */
  #pump(): void {
    const now = this.#deps.clock.monotonic()
    while (this.status !== 'aborted' && !this.#inner.writableNeedsDrain) {
      const piece = this.#line.shift(now)
      if (piece === undefined) break
      this.#inner.send(piece)
    }
    this.#schedule()
    if (this.#line.isEmpty) this.#emptied?.resolve(undefined)
    if (this.writableNeedsDrain && this.#line.room > 0 && !this.#inner.writableNeedsDrain) {
      this.safeDispatchEvent('drain')
    }
  }

  #schedule(): void {
    this.#sendTimer?.cancel()
    const dueAt = this.#line.nextDueAt
    // A full transport says itself when it takes more.
    if (dueAt === undefined || this.#inner.writableNeedsDrain) return
    const { clock } = this.#deps
    const waitMs = Math.max(0, dueAt - clock.monotonic())
    this.#sendTimer = clock.schedule(waitMs, () => this.#pump())
  }

  /** Cuts at random are a Poisson process: the time to the next one is exponential. */
  #armCut(): void {
    this.#cutTimer?.cancel()
    const { cutsPerSecond } = this.#faults
    if (cutsPerSecond === 0) return
    const waitMs = (-Math.log(1 - this.#deps.random.float()) / cutsPerSecond) * MS_PER_SECOND
    this.#cutTimer = this.#deps.clock.schedule(waitMs, () =>
      this.abort(new P2pError('fault', 'cut on purpose')),
    )
  }

  #onClosed(): void {
    this.#sendTimer?.cancel()
    this.#cutTimer?.cancel()
    this.#line.clear()
    this.#closed.resolve(undefined)
  }
}
