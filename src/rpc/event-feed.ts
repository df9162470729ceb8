/** @module One reader's way through the event log, at his own pace. */

import type { EventLog, EventTopic, NodeEvent } from './event-log.ts'

/** Events that a reader has missed: what he knew last, and where he goes on. */
export interface EventGap {
  /** The number that he named. */
  readonly since: number
  /** The number of the first event that he can still get. */
  readonly first: number
}

/** Whoever the events go to. */
export interface EventSink {
  /** Takes an event. False asks for a pause until {@link EventFeed.resume}; this event is taken all the same. */
  send(event: NodeEvent): boolean
  /** The reader paused so long that events were lost. Nothing comes after this. */
  onOvertaken(): void
}

/** What a reader wants. */
export interface EventWish {
  readonly topics: ReadonlySet<EventTopic>
  /** The last event that he knows; 0 for all that are kept, undefined for new ones alone. */
  readonly since: number | undefined
}

/**
 * Gives a reader every event of his topics, in order. It keeps none: the log does, so that a slow reader
 * costs no memory, and is cut off once the log no longer has what comes next for him.
 */
export class EventFeed {
  /** What the reader has missed before he came. */
  readonly gap: EventGap | undefined
  readonly #log: EventLog
  readonly #topics: ReadonlySet<EventTopic>
  readonly #sink: EventSink
  /** The last event that he was given, or that is not for him. */
  #seq: number
  #isPaused = false
  #stopListening: (() => void) | undefined

  constructor(log: EventLog, { topics, since }: EventWish, sink: EventSink) {
    this.#log = log
    this.#topics = topics
    this.#sink = sink
    const known = since === 0 ? log.startSeq - 1 : (since ?? log.lastSeq)
    const isKept = known >= log.firstSeq - 1 && known <= log.lastSeq
    this.#seq = isKept ? known : log.firstSeq - 1
    this.gap = isKept ? undefined : { since: known, first: log.firstSeq }
  }

  /** Begins: what is kept comes at once. */
  start(): void {
    this.#stopListening = this.#log.onPublished(() => this.#advance())
    this.#advance()
  }

  /** Goes on after a pause. */
  resume(): void {
    this.#isPaused = false
    this.#advance()
  }

  /** Ends. Idempotent. */
  stop(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
  }

  #advance(): void {
    const log = this.#log
    while (!this.#isPaused && this.#stopListening !== undefined && this.#seq < log.lastSeq) {
      const event = log.at(this.#seq + 1)
      if (event === undefined) break
      this.#seq = event.seq
      if (this.#topics.has(event.topic)) this.#isPaused = !this.#sink.send(event)
    }
    const isOvertaken = this.#seq + 1 < log.firstSeq
    if (!isOvertaken || this.#stopListening === undefined) return
    this.stop()
    this.#sink.onOvertaken()
  }
}
