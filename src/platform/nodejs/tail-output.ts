/** @module What `quarry tail` prints: JSON lines for programs, lines for people. */

import { formatHashRate } from '../../devnet/index.ts'
import type { NodeEvent } from '../../rpc/index.ts'
import { countOf } from '../../util/index.ts'
import type { Style, Terminal } from './terminal.ts'

/** What there is to print: events, and what happens to the connection. */
export type TailLine =
  | NodeEvent
  /** Events were lost: the last that was known, and the first there is. */
  | { readonly type: 'gap'; readonly since: number; readonly first: number }
  /** The node does not answer, or, with null, answers again. */
  | { readonly type: 'connection'; readonly problem: string | null }

const MS_PER_SECOND = 1_000
/** Control characters: a peer says what its user agent is. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g

/** What a person wants to know of an event. */
function summarize(event: NodeEvent): string {
  switch (event.topic) {
    case 'blocks': {
      const { height, hash, nTx } = event.data
      return `${event.type} ${height} ${hash} · ${countOf(nTx, 'transaction')}`
    }
    case 'reorgs': {
      const { depth, forkpoint, tip, dropped_count, remined_count } = event.data
      return `${countOf(depth, 'block')} back to ${forkpoint.height}, on to ${tip.height} ${tip.hash} · transactions: ${dropped_count} dropped, ${remined_count} mined again`
    }
    case 'mempool':
      return event.type === 'added'
        ? `added ${event.data.txid} · ${event.data.fee_sats} sat for ${event.data.vsize} vB`
        : `removed ${event.data.txid} · ${event.data.reason}`
    case 'peers':
      return summarizePeer(event)
    case 'miner':
      return summarizeMiner(event)
    case 'pool':
      return summarizePool(event)
  }
}

function summarizePool(event: Extract<NodeEvent, { topic: 'pool' }>): string {
  switch (event.type) {
    case 'workerjoined':
      return `${event.data.worker} has joined`
    case 'workerleft':
      return `${event.data.worker} has left`
    case 'blockfound': {
      const { worker, height, hash, outcome } = event.data
      return `${worker} found ${height} ${hash} · ${outcome}`
    }
  }
}

function summarizePeer(event: Extract<NodeEvent, { topic: 'peers' }>): string {
  switch (event.type) {
    case 'connected':
    case 'disconnected': {
      const { addr, inbound, quarry_peer_id, subver } = event.data
      return `${event.type} ${inbound ? 'from' : 'to'} ${addr} ${subver} ${quarry_peer_id}`
    }
    case 'banned':
      return `banned ${event.data.subject} until ${new Date(event.data.banned_until * MS_PER_SECOND).toISOString()} · ${event.data.reason}`
    case 'unbanned':
      return `unbanned ${event.data.subject}`
  }
}

function summarizeMiner(event: Extract<NodeEvent, { topic: 'miner' }>): string {
  switch (event.type) {
    case 'started':
    case 'configured': {
      const { threads, throttle, paused } = event.data
      return `${event.type} · ${countOf(threads, 'thread')} at ${throttle}${paused ? ', paused' : ''}`
    }
    case 'blockfound':
      return `found ${event.data.height} ${event.data.hash} · ${countOf(event.data.nTx, 'transaction')}`
    case 'hashrate':
      return formatHashRate(event.data.hashps['1m'])
    case 'stopped':
      return `stopped · ${countOf(event.data.blocks_found, 'block')} found`
  }
}

const TOPIC_COLUMNS = 7
const TIME_START = 11
const TIME_END = 19

function formatEvent(event: NodeEvent, style: Style): string {
  const time = new Date(event.time_ms).toISOString().slice(TIME_START, TIME_END)
  const summary = summarize(event).replace(CONTROL, '?')
  const isBad = event.topic === 'reorgs' || event.type === 'banned'
  const isGood = event.topic === 'blocks' && event.type === 'connected'
  const shown = isBad ? style.red(summary) : isGood ? style.green(summary) : summary
  return `${style.dim(time)} ${event.topic.padEnd(TOPIC_COLUMNS)} ${shown}`
}

/** One JSON object a line, nothing else. */
export function createJsonTailOutput(terminal: Terminal): (line: TailLine) => void {
  return (line) => terminal.line(JSON.stringify(line))
}

/** For a person at a terminal; times are UTC. */
export function createHumanTailOutput(terminal: Terminal, style: Style): (line: TailLine) => void {
  return (line) => {
    if ('topic' in line) terminal.line(formatEvent(line, style))
    else if (line.type === 'gap') {
      terminal.line(
        style.red(`Events are missing: after ${line.since}, ${line.first} is the first`),
      )
    } else
      terminal.line(line.problem === null ? 'The node answers again.' : style.red(line.problem))
  }
}
