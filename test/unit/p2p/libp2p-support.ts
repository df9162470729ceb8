/** @module Real networks on loopback for tests, and how to wait for them. */

import '../../../src/platform/nodejs/polyfills.ts'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { memory } from '@libp2p/memory'
import {
  createLibp2pNetwork,
  type FaultLayer,
  generateIdentity,
  type Libp2pNetwork,
  type NetworkStores,
  type PeerDiscoveryFactory,
} from '../../../src/p2p/index.ts'
import { createTransports } from '../../../src/platform/nodejs/transports.ts'
import type { Clock, LogFields, Logger, RandomSource } from '../../../src/util/index.ts'

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: (delayMs, action) => {
    const timer = setTimeout(action, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}

/** A clock that runs `factor` times as fast, so that nobody waits for real time-outs. */
export function createFastClock(factor: number): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now() * factor,
    schedule: (delayMs, action) => systemClock.schedule(delayMs / factor, action),
  }
}

export const systemRandom: RandomSource = {
  float: () => Math.random(),
  bytes: (size) => Uint8Array.from(randomBytes(size)),
}

/** A line of a {@link RecordingLog}. */
export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: LogFields | undefined
}

/** A log that keeps its lines. */
export interface RecordingLog extends Logger {
  readonly lines: LogLine[]
}

export function createRecordingLog(): RecordingLog {
  const lines: LogLine[] = []
  const write = (level: string) => (message: string, fields?: LogFields) => {
    lines.push({ level, message, fields })
  }
  return {
    lines,
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
}

/** What a test may look at underneath the port. */
export interface Libp2pInside {
  readonly connectionManager: { getConnections(): readonly Connection[] }
}

/** How a test's network differs from the usual one. */
export interface TestNetworkOptions {
  readonly chainId?: string
  readonly identity?: Uint8Array
  readonly listen?: string
  readonly maxPeers?: number
  readonly outboundTarget?: number
  readonly log?: Logger
  readonly clock?: Clock
  readonly peerDiscovery?: readonly PeerDiscoveryFactory[]
  readonly stores?: Partial<NetworkStores>
  readonly isDiscovering?: boolean
  readonly faults?: FaultLayer
  /** TCP on an ephemeral loopback port, unless told otherwise. */
  readonly transport?: 'tcp' | 'memory' | 'ws'
  readonly onAssembled?: (inside: Libp2pInside) => void
}

/** Memory addresses of this process that have been given out. */
let memoryAddresses = 0

/** A network, not started. */
export async function createTestNetwork(options: TestNetworkOptions = {}): Promise<Libp2pNetwork> {
  const { transport = 'tcp' } = options
  const listen = {
    tcp: '/ip4/127.0.0.1/tcp/0',
    ws: '/ip4/127.0.0.1/tcp/0/ws',
    memory: `/memory/${memoryAddresses++}`,
  }[transport]
  const transports = transport === 'memory' ? [memory()] : await createTransports([listen], [])
  return createLibp2pNetwork(
    {
      transports: transports.map((create) => (components) => {
        options.onAssembled?.(components)
        return create(components)
      }),
      privateKey: options.identity ?? (await generateIdentity(systemRandom)),
      clock: options.clock ?? systemClock,
      peerDiscovery: options.peerDiscovery ?? [],
      random: systemRandom,
      log: options.log ?? createRecordingLog(),
      ...(options.stores === undefined ? {} : { stores: options.stores }),
      faults: options.faults,
    },
    {
      chainId: options.chainId ?? '0a0b0c0d',
      listen: [options.listen ?? listen],
      maxPeers: options.maxPeers ?? 16,
      outboundTarget: options.outboundTarget ?? 4,
      isDevnet: true,
      isDiscovering: options.isDiscovering ?? false,
      userAgent: '/test/',
    },
  )
}

/** Polls until a condition holds. */
export async function until(
  condition: () => boolean,
  what: string,
  timeoutMs = 10_000,
): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > end) throw new TypeError(`waited in vain: ${what}`)
    await pause(5)
  }
}

export { pause }
