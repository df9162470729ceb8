/** @module What a devnet that runs can be told, and what it answers. */

import * as z from 'zod'
import type { DevnetStatus } from './devnet-status.ts'
import type { DevnetFaults } from './fault-plan.ts'
import type { NodeAddress } from './node-launcher.ts'

/** The most nodes that one devnet may have: each is a process. */
export const MAX_DEVNET_NODES = 50

/** The most that a node can be slowed down by, in milliseconds: `setfaults` takes a minute, and a link has two ends. */
const MAX_SLOW_MS = 30_000
/** The lowest cap of a bandwidth, in bytes per second, as `setfaults` has it. */
const MIN_BYTES_PER_SECOND = 100

const node = z
  .int()
  .min(0)
  .max(MAX_DEVNET_NODES - 1)
const durationMs = z.number().min(0).max(MAX_SLOW_MS)

/** The form of a command. */
export const DEVNET_COMMAND = z.discriminatedUnion('type', [
  z.object({ type: z.literal('status') }),
  z.object({ type: z.literal('heal') }),
  z.object({
    type: z.literal('partition'),
    groups: z.array(z.array(node).min(1).max(MAX_DEVNET_NODES)).min(1).max(MAX_DEVNET_NODES),
  }),
  z.object({
    type: z.literal('slow'),
    node,
    latencyMs: durationMs,
    jitterMs: durationMs,
    bytesPerSecond: z.number().min(MIN_BYTES_PER_SECOND).optional(),
  }),
  z.object({ type: z.literal('kill'), node }),
  z.object({ type: z.literal('restart'), node }),
])

/** What a devnet is told. */
export type DevnetCommand = z.infer<typeof DEVNET_COMMAND>

/** What it answers: how all is, which faults apply now, or which node went or came. */
export type DevnetReply =
  | ({ readonly type: 'status' } & DevnetStatus & DevnetFaults)
  | ({ readonly type: 'faults' } & DevnetFaults)
  | { readonly type: 'down'; readonly index: number }
  | ({ readonly type: 'node' } & NodeAddress)
