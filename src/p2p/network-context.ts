/** @module What the parts of one network share. */

import type { Connection } from '@libp2p/interface'
import type { PeerId, PeerNetworkHandlers } from '../sync/index.ts'
import { type Clock, type LimitedLog, type Logger, sleep, toErrorMessage } from '../util/index.ts'
import type { BanList } from './ban-list.ts'
import { withDeadline } from './deadline.ts'
import type { TrafficCounter } from './frame-stream.ts'
import { CLOSE_TIMEOUT_MS, MAX_QUOTA_WAIT_MS } from './limits.ts'
import { P2pError } from './p2p-error.ts'
import type { Peer, PeerTable } from './peer-table.ts'
import type { ProtocolNames } from './protocol-names.ts'
import type { MessageName } from './traffic.ts'

/** One running network, as its parts see it. */
export interface NetworkContext {
  readonly clock: Clock
  readonly log: Logger
  /** For what other nodes do wrong, at `debug`: they can do it at will. */
  readonly hostileLog: LimitedLog
  /** For bans, at `warn`. */
  readonly banLog: LimitedLog
  /** For peers that come and go, at `info`. */
  readonly peerLog: LimitedLog
  readonly names: ProtocolNames
  readonly handlers: PeerNetworkHandlers
  readonly table: PeerTable
  readonly bans: BanList
  /** Nodes that are dialled only to see whether they are there. */
  readonly feelers: Set<PeerId>
  /** Aborts when the network stops. */
  readonly stopping: AbortSignal
  /** Cuts a node off and refuses it for a while: it sent what no honest node sends. */
  punish(id: PeerId, durationMs: number, reason: string): void
}

/** Names the messages that a stream carries each way. */
export interface StreamMessages {
  readonly sent: MessageName
  readonly received: MessageName
}

/** Counts traffic for whoever is, or will be, the peer of that id. */
export function trafficOf(
  context: NetworkContext,
  id: PeerId,
  messages: StreamMessages = { sent: 'other', received: 'other' },
): TrafficCounter {
  return {
    onSent: (size) => context.table.get(id)?.onSent(size, messages.sent),
    onReceived: (size) => context.table.get(id)?.onReceived(size, messages.received),
  }
}

/**
 * The connection that requests to a peer use.
 *
 * @throws {@link P2pError} `unknown-peer` if none is open any more
 */
export function connectionOf(peer: Peer): Connection {
  const { connection } = peer
  if (connection === undefined) throw new P2pError('unknown-peer', 'the peer has gone')
  return connection
}

/**
 * Runs a task that ends in time, when the network stops, or when `signal` aborts.
 *
 * @throws {@link P2pError} `timeout`, or the reason of whichever signal aborted
 */
export function inTime<Result>(
  context: NetworkContext,
  timeoutMs: number,
  task: (signal: AbortSignal) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  return withDeadline(context.clock, timeoutMs, [context.stopping, signal], task)
}

/**
 * Waits until a debt to a quota is paid.
 *
 * @throws {@link P2pError} `too-busy` if that would take too long
 */
export async function payQuota(context: NetworkContext, waitMs: number): Promise<void> {
  if (waitMs > MAX_QUOTA_WAIT_MS) throw new P2pError('too-busy', 'quota exceeded')
  if (waitMs > 0) await sleep(context.clock, waitMs, context.stopping)
}

/** Closes a connection in order, or cuts it if the other side is slow about it. Never rejects. */
export async function closeConnection(clock: Clock, connection: Connection): Promise<void> {
  try {
    await withDeadline(clock, CLOSE_TIMEOUT_MS, [], (signal) => connection.close({ signal }))
  } catch (error) {
    connection.abort(new P2pError('timeout', 'slow to close', { cause: error }))
  }
}

/** Calls a handler that promised not to throw. */
export function callHandler(context: NetworkContext, handler: () => void): void {
  try {
    handler()
  } catch (error) {
    context.log.error('A network handler threw', { error: toErrorMessage(error) })
  }
}
