/** @module What a reader of server-sent events asks for. */

import type { FastifyRequest } from 'fastify'
import { EVENT_TOPICS, type EventTopic, type EventWish } from '../../rpc/index.ts'

const SEQ = /^\d{1,16}$/

/** What a reader wishes by `?topics=…&since=…` and `Last-Event-ID`; a text says what is wrong with that. */
export function readEventWish({ url, headers }: FastifyRequest): EventWish | string {
  const query = new URLSearchParams(url.split('?', 2)[1] ?? '')
  const names = (query.get('topics') ?? '').split(',').filter((name) => name !== '')
  const isTopic = (name: string): name is EventTopic => EVENT_TOPICS.some((topic) => topic === name)
  const unknown = names.find((name) => !isTopic(name))
  if (unknown !== undefined) {
    return `There is no topic ${unknown}. Topics are: ${EVENT_TOPICS.join(', ')}`
  }
  // Whoever comes back says it in the header, whatever his address says.
  const since = headers['last-event-id'] || query.get('since') || undefined
  if (since !== undefined && (typeof since !== 'string' || !SEQ.test(since))) {
    return 'Last-Event-ID, or since, is the number of an event'
  }
  const topics = new Set(names.length === 0 ? EVENT_TOPICS : names.filter(isTopic))
  return { topics, since: since === undefined ? undefined : Number(since) }
}
