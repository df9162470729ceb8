/** @module Addresses that are dialled again and again until somebody says to forget them. */

import { type Clock, type Logger, type RandomSource, sleep, toErrorMessage } from '../util/index.ts'
import {
  MAX_KEPT_ADDRESSES,
  REDIAL_DELAY_MAX_MS,
  REDIAL_DELAY_MS,
  STEADY_PEER_MS,
} from './limits.ts'
import type { Peer } from './peer-table.ts'

/** What the loops need. */
export interface DialLoopsDeps {
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  /** Dials and waits for the handshake, or finds the peer that is connected already. */
  dial(address: string, signal: AbortSignal): Promise<Peer>
}

/**
 * One loop for each kept address: dial, wait until the peer is gone, pause, dial again.
 *
 * libp2p's own reconnecting gives up after its retries and forgets why it was asked.
 */
export class DialLoops {
  readonly #deps: DialLoopsDeps
  readonly #loops = new Map<string, AbortController>()
  /** Ends the pause of a loop that pauses. */
  readonly #wakers = new Set<() => void>()

  constructor(deps: DialLoopsDeps) {
    this.#deps = deps
  }

  /** Keeps an address. Does nothing if it is kept already, or if there are too many. */
  keep(address: string): void {
    if (this.#loops.has(address)) return
    if (this.#loops.size >= MAX_KEPT_ADDRESSES) {
      this.#deps.log.warn('Too many addresses are kept', { address })
      return
    }
    const controller = new AbortController()
    this.#loops.set(address, controller)
    void this.#run(address, controller.signal)
  }

  /** Stops redialling an address; a connection that exists stays. Tells whether it was kept. */
  forget(address: string): boolean {
    this.#loops.get(address)?.abort()
    return this.#loops.delete(address)
  }

  /** The addresses that are kept. */
  get addresses(): readonly string[] {
    return [...this.#loops.keys()]
  }

  /** Dials at once whoever is not connected, as if nothing had failed before. */
  hurry(): void {
    for (const wake of [...this.#wakers]) wake()
  }

  /** Forgets all. */
  stop(): void {
    for (const address of [...this.#loops.keys()]) this.forget(address)
  }

  async #run(address: string, signal: AbortSignal): Promise<void> {
    let failures = 0
    let briefStays = 0
    while (!signal.aborted) {
      try {
        const peer = await this.#deps.dial(address, signal)
        const connectedAt = this.#deps.clock.monotonic()
        await peer.gone
        // Whoever is thrown out again and again, for want of slots, must not come back ever faster.
        const isSteady = this.#deps.clock.monotonic() - connectedAt >= STEADY_PEER_MS
        briefStays = isSteady ? 0 : briefStays + 1
        failures = briefStays
      } catch (error) {
        if (signal.aborted) return
        failures++
        // The first failure is for the operator, the others are more of the same.
        const write = failures === 1 ? this.#deps.log.info : this.#deps.log.debug
        write.call(this.#deps.log, 'Could not connect', { address, reason: toErrorMessage(error) })
      }
      const isHurried = await this.#pause(this.#pauseMs(failures), signal)
      if (isHurried) {
        failures = 0
        briefStays = 0
      }
    }
  }

  /** @returns Whether it ended early. Never rejects. */
  async #pause(durationMs: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false
    const waking = new AbortController()
    const wake = (): void => waking.abort()
    this.#wakers.add(wake)
    signal.addEventListener('abort', wake)
    try {
      await sleep(this.#deps.clock, durationMs, waking.signal)
      return false
    } catch {
      return true
    } finally {
      this.#wakers.delete(wake)
      signal.removeEventListener('abort', wake)
    }
  }

  /** Doubles from failure to failure; jittered, so that nodes that lost each other do not dial in step. */
  #pauseMs(failures: number): number {
    const pause = REDIAL_DELAY_MS * 2 ** Math.max(0, failures - 1)
    return Math.min(pause, REDIAL_DELAY_MAX_MS) * (0.5 + this.#deps.random.float() / 2)
  }
}
