/** @module Faults on purpose: what is done to connections for tests and for those who study forks. */

import * as z from 'zod'
import {
  ANY_PEER,
  type FaultControls,
  type FaultRule,
  MAX_FAULT_CUTS_PER_SECOND,
  MAX_FAULT_LATENCY_MS,
  MAX_FAULT_RULES,
  MIN_FAULT_BYTES_PER_SECOND,
} from '../../p2p/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** The longest peer id, in characters. */
const MAX_PEER_ID_LENGTH = 128

const latency = z.number().min(0).max(MAX_FAULT_LATENCY_MS)

const RULE = z.object({
  peer: z
    .string()
    .min(1)
    .max(MAX_PEER_ID_LENGTH)
    .describe(`A peer id, or ${ANY_PEER} for all that have no rule of their own.`),
  blocked: z.boolean().optional().describe('No connection, and none is made.'),
  latency_ms: latency
    .optional()
    .describe(
      'How much later everything is sent. Beyond some 1,200 at both ends new connections fail; those that stand are slow.',
    ),
  jitter_ms: latency.optional().describe('Up to so much more, drawn for each piece.'),
  bytes_per_second: z
    .number()
    .min(MIN_FAULT_BYTES_PER_SECOND)
    .optional()
    .describe('What each connection may send; no cap without it.'),
  cuts_per_second: z
    .number()
    .min(0)
    .max(MAX_FAULT_CUTS_PER_SECOND)
    .optional()
    .describe('How often each connection is cut at random, on average.'),
})

/** A peer and its faults, as RPC has them. */
export type FaultRuleJson = z.infer<typeof RULE>

const RESULT = { schema: z.array(RULE).describe('The rules that apply now.') }

/** @throws {@link RpcError} -1 if the node was started without them. */
function requireFaults({ faults }: RpcContext): FaultControls {
  if (faults !== undefined) return faults
  throw new RpcError(
    RPC_CODES.MISC_ERROR,
    'This node makes no faults on purpose: start it with --dev-faults.',
  )
}

function toRule(json: FaultRuleJson): FaultRule {
  return {
    peer: json.peer,
    isBlocked: json.blocked ?? false,
    latencyMs: json.latency_ms ?? 0,
    jitterMs: json.jitter_ms ?? 0,
    bytesPerSecond: json.bytes_per_second,
    cutsPerSecond: json.cuts_per_second ?? 0,
  }
}

/** What is as usual is left out. */
function toJson(rule: FaultRule): FaultRuleJson {
  const { peer, isBlocked, latencyMs, jitterMs, bytesPerSecond, cutsPerSecond } = rule
  return {
    peer,
    ...(isBlocked ? { blocked: true } : {}),
    ...(latencyMs > 0 ? { latency_ms: latencyMs } : {}),
    ...(jitterMs > 0 ? { jitter_ms: jitterMs } : {}),
    ...(bytesPerSecond === undefined ? {} : { bytes_per_second: bytesPerSecond }),
    ...(cutsPerSecond > 0 ? { cuts_per_second: cutsPerSecond } : {}),
  }
}

/** `setfaults` */
export const setFaults = defineMethod({
  name: 'setfaults',
  category: 'hidden',
  summary:
    'Replaces all faults on purpose, at once; an empty list heals. Only what this node sends is held up: for both ' +
    'directions set them at both ends. Needs --dev-faults; forgotten at a restart.',
  params: [
    {
      name: 'rules',
      schema: z.array(RULE).max(MAX_FAULT_RULES),
      description: 'Peers and their faults; of several rules for one peer the last counts.',
    },
  ],
  result: RESULT,
  examples: [[[]], [[{ peer: ANY_PEER, latency_ms: 500, jitter_ms: 50 }]]],
  handler: (context: RpcContext, { rules }) => {
    const faults = requireFaults(context)
    faults.setRules(rules.map(toRule))
    return faults.rules().map(toJson)
  },
})

/** `getfaults` */
export const getFaults = defineMethod({
  name: 'getfaults',
  category: 'hidden',
  summary: 'Tells which faults on purpose apply now. Needs --dev-faults.',
  params: [],
  result: RESULT,
  examples: [[]],
  handler: (context: RpcContext) => requireFaults(context).rules().map(toJson),
})
