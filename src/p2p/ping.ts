/** @module Pings on a connection that is there. */

import type { Connection } from '@libp2p/interface'
import { type Clock, equalBytes, type RandomSource } from '../util/index.ts'
import { ByteQueue } from './byte-queue.ts'
import { orAborted } from './deadline.ts'
import { Deferred } from './deferred.ts'
import { P2pError, toP2pError } from './p2p-error.ts'
import { LIBP2P_PROTOCOL_PREFIX } from './protocol-names.ts'

/** libp2p's own protocol, which its service answers. */
const PING_PROTOCOL = `/${LIBP2P_PROTOCOL_PREFIX}/ping/1.0.0`
const PING_SIZE = 32

/** What a ping needs. */
export interface PingDeps {
  readonly clock: Clock
  readonly random: RandomSource
}

/**
 * Measures the round trip on a connection. Not by libp2p's service: that takes a peer's id and dials the peer when its
 * connection is closing, so that a peer that has just been dropped comes back as an outbound one.
 *
 * @returns Milliseconds.
 * @throws {@link P2pError} `stream-failed`, or the signal's reason
 */
export async function pingConnection(
  connection: Connection,
  { clock, random }: PingDeps,
  signal: AbortSignal,
): Promise<number> {
  const stream = await connection.newStream([PING_PROTOCOL], { signal })
  try {
    const received = new ByteQueue()
    const pong = new Deferred<Uint8Array>()
    stream.addEventListener('message', ({ data }) => {
      if (received.size < PING_SIZE) received.append(data.subarray())
      if (received.size >= PING_SIZE) pong.resolve(received.take(received.size))
    })
    stream.addEventListener('close', () =>
      pong.reject(new P2pError('stream-failed', 'closed before the pong came')),
    )
    const ping = random.bytes(PING_SIZE)
    const startMs = clock.monotonic()
    stream.send(ping)
    const answer = await orAborted(pong.promise, signal)
    // To the microsecond, as Bitcoin Core tells it.
    const roundTripMs = Math.round(1_000 * (clock.monotonic() - startMs)) / 1_000
    if (!equalBytes(answer, ping)) throw new P2pError('stream-failed', 'another pong than asked')
    await Promise.all([stream.closeRead({ signal }), stream.close({ signal })])
    return roundTripMs
  } catch (error) {
    const failure = toP2pError('stream-failed', 'no pong', error)
    stream.abort(failure)
    throw failure
  }
}
