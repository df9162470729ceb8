/** @module A reader of events over a connection that goes both ways: JSON-RPC in, answers and events out. */

import * as z from 'zod'
import type { Clock, Logger } from '../util/index.ts'
import { defineMethod, type RpcCall } from './define-method.ts'
import { createDispatcher, type Dispatcher } from './dispatcher.ts'
import { EventFeed } from './event-feed.ts'
import { EVENT_TOPICS, type EventLog, type EventTopic, type NodeEvent } from './event-log.ts'
import { encodeJson, type RpcValue } from './json-text.ts'
import { RPC_CODES, RpcError } from './rpc-error.ts'

/** Subscriptions of one connection. */
export const MAX_SUBSCRIPTIONS = 8

const SEQ_SCHEMA = z.int().min(0)

/** What a session works with. */
export interface EventSessionDeps {
  readonly log: EventLog
  readonly logger: Logger
  readonly clock: Clock
  /** Sends a text. False asks for a pause until {@link EventSession.resume}. */
  readonly send: (text: string) => boolean
  /** The reader is too slow: end the connection. */
  readonly onOvertaken: () => void
}

/** What the methods of a session may ask of it. */
interface Subscriptions {
  subscribe(topics: readonly EventTopic[], since: number | undefined): RpcValue
  unsubscribe(id: string): boolean
}

const subscribe = defineMethod({
  name: 'subscribe',
  category: 'util',
  summary:
    'Sends events over this connection from now on, each as a notification "event". Only over a WebSocket.',
  params: [
    {
      name: 'topics',
      schema: z
        .array(z.enum(EVENT_TOPICS))
        .min(1)
        .default([...EVENT_TOPICS]),
      description: `What about: any of ${EVENT_TOPICS.join(', ')}; all of them unless said.`,
    },
    {
      name: 'since',
      schema: SEQ_SCHEMA.optional(),
      description:
        'The number of the last event that the caller knows, to go on from there; 0 for all that are kept.',
    },
  ],
  result: {
    schema: z.object({
      subscription: z.string().describe('Its name, which each event repeats.'),
      seq: z.number().describe('The number of the latest event.'),
      gap: z
        .object({
          since: z.number().describe('The number that the caller named.'),
          first: z.number().describe('The number of the oldest event that is kept.'),
        })
        .nullable()
        .describe('What lies between the two is lost; null if nothing is.'),
    }),
  },
  examples: [[['blocks', 'reorgs']]],
  handler: (context: Subscriptions, { topics, since }) => context.subscribe(topics, since),
})

const unsubscribe = defineMethod({
  name: 'unsubscribe',
  category: 'util',
  summary: 'Ends a subscription of this connection.',
  params: [{ name: 'subscription', schema: z.string(), description: 'Its name.' }],
  result: { schema: z.boolean(), description: 'Whether there was one of that name.' },
  examples: [['s1']],
  handler: (context: Subscriptions, { subscription }) => context.unsubscribe(subscription),
})

/** One connection's subscriptions. */
export class EventSession implements Subscriptions {
  readonly #deps: EventSessionDeps
  readonly #dispatcher: Dispatcher
  readonly #feeds = new Map<string, EventFeed>()
  /** Those whose subscriber has not been answered yet: no event may come before that. */
  #unstarted: EventFeed[] = []
  #count = 0

  constructor(deps: EventSessionDeps) {
    this.#deps = deps
    this.#dispatcher = createDispatcher<Subscriptions>({
      methods: [subscribe, unsubscribe],
      context: this,
      log: deps.logger,
      clock: deps.clock,
    })
  }

  /** Answers a request. Calls must not overlap. */
  async handle(text: string, call: RpcCall): Promise<void> {
    const reply = await this.#dispatcher.handleText(text, call)
    if (reply.text !== '') this.#deps.send(reply.text)
    const feeds = this.#unstarted
    this.#unstarted = []
    for (const feed of feeds) feed.start()
  }

  /** The reader takes events again. */
  resume(): void {
    for (const feed of this.#feeds.values()) feed.resume()
  }

  /** Ends every subscription. */
  close(): void {
    for (const feed of this.#feeds.values()) feed.stop()
    this.#feeds.clear()
  }

  subscribe(topics: readonly EventTopic[], since: number | undefined): RpcValue {
    if (this.#feeds.size >= MAX_SUBSCRIPTIONS) {
      const message = `A connection may have at most ${MAX_SUBSCRIPTIONS} subscriptions`
      throw new RpcError(RPC_CODES.INVALID_REQUEST, message)
    }
    const { log, onOvertaken } = this.#deps
    this.#count += 1
    const id = `s${this.#count}`
    const sink = { send: (event: NodeEvent) => this.#notify(id, event), onOvertaken }
    const feed = new EventFeed(log, { topics: new Set(topics), since }, sink)
    this.#feeds.set(id, feed)
    this.#unstarted.push(feed)
    const { gap } = feed
    return {
      subscription: id,
      seq: log.lastSeq,
      gap: gap === undefined ? null : { since: gap.since, first: gap.first },
    }
  }

  unsubscribe(id: string): boolean {
    const feed = this.#feeds.get(id)
    feed?.stop()
    this.#unstarted = this.#unstarted.filter((unstarted) => unstarted !== feed)
    return this.#feeds.delete(id)
  }

  #notify(subscription: string, event: NodeEvent): boolean {
    const params = { subscription, ...toJson(event) }
    return this.#deps.send(encodeJson({ jsonrpc: '2.0', method: 'event', params }))
  }
}

/** Events are plain data, which only their types do not say. */
function toJson(event: NodeEvent): { readonly [key: string]: RpcValue } {
  return event as unknown as { readonly [key: string]: RpcValue }
}

/** An event as its readers get it: one object, on one line. */
export function encodeEvent(event: NodeEvent): string {
  return encodeJson(toJson(event))
}
