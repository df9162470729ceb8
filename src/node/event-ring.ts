/** @module The node's events: the latest of them, under one sequence number. */

import {
  type EventData,
  type EventLog,
  type EventTopic,
  MAX_KEPT_EVENTS,
  type NodeEvent,
} from '../rpc/index.ts'
import { type Clock, EventEmitter } from '../util/index.ts'

/** Numbers that each millisecond between two starts leaves room for: no run gets as far as the next one's first. */
const SEQ_PER_MS = 1_000

/** {@link EventLog} in memory: a ring, in which each new event takes the place of the oldest. */
export class EventRing implements EventLog {
  readonly startSeq: number
  readonly #clock: Clock
  readonly #ring: NodeEvent[] = []
  readonly #emitter = new EventEmitter<{ published: undefined }>()
  #lastSeq: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.startSeq = Math.floor(clock.now()) * SEQ_PER_MS + 1
    this.#lastSeq = this.startSeq - 1
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  get firstSeq(): number {
    return Math.max(this.startSeq, this.#lastSeq - MAX_KEPT_EVENTS + 1)
  }

  at(seq: number): NodeEvent | undefined {
    const event = this.#ring[(seq - this.startSeq) % MAX_KEPT_EVENTS]
    return event?.seq === seq ? event : undefined
  }

  onPublished(listener: () => void): () => void {
    return this.#emitter.on('published', listener)
  }

  /** Tells an event to whoever listens. */
  publish<Topic extends EventTopic, Type extends keyof EventData[Topic]>(
    topic: Topic,
    type: Type,
    data: EventData[Topic][Type],
  ): void {
    const seq = this.#lastSeq + 1
    const event = { seq, time_ms: this.#clock.now(), topic, type, data }
    // The compiler does not see that topic, type and data belong together; the signature does.
    this.#ring[(seq - this.startSeq) % MAX_KEPT_EVENTS] = event as unknown as NodeEvent
    this.#lastSeq = seq
    this.#emitter.emit('published', undefined)
  }
}
