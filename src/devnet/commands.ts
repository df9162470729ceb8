/** @module What a devnet that runs can be told, and what it answers. */

import * as z from 'zod'
import type { DevnetStatus } from './devnet-status.ts'
import { type DevnetFaults, MAX_LINK_DELAY_MS } from './fault-plan.ts'
import type { NodeAddress } from './node-launcher.ts'

/** The most nodes that one devnet may have: each is a process. */
export const MAX_DEVNET_NODES = 50

/** The lowest cap of a bandwidth, in bytes per second, as `setfaults` has it. */
const MIN_BYTES_PER_SECOND = 100

const node = z
  .int()
  .min(0)
  .max(MAX_DEVNET_NODES - 1)
const durationMs = z.number().min(0).max(MAX_LINK_DELAY_MS)

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
  z.object({ type: z.literal('stop') }),
])

/** What a devnet is told. */
export type DevnetCommand = z.infer<typeof DEVNET_COMMAND>

/** What is about its nodes; whoever runs the devnet also stops it. */
export type DevnetNodeCommand = Exclude<DevnetCommand, { type: 'stop' }>

/** What it answers: how all is, which faults apply now, which node went or came, or that all is being stopped. */
export type DevnetReply =
  | ({ readonly type: 'status' } & DevnetStatus & DevnetFaults)
  | ({ readonly type: 'faults' } & DevnetFaults)
  | { readonly type: 'down'; readonly index: number }
  | ({ readonly type: 'node' } & NodeAddress)
  | { readonly type: 'stopping' }
