/** @module Who is refused. */

import * as z from 'zod'
import { toUnixSeconds } from '../../chain/index.ts'
import { P2pError, type P2pErrorCode } from '../../p2p/index.ts'
import { defineMethod } from '../define-method.ts'
import { formatMethodHelp } from '../help.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** How long a ban lasts unless it is said. @see Bitcoin Core `DEFAULT_MISBEHAVING_BANTIME` */
const DEFAULT_BAN_SECONDS = 86_400
const MS_PER_SECOND = 1_000
const MANUAL_REASON = 'manually added'

const ERRORS: Partial<Record<P2pErrorCode, readonly [code: number, message: string]>> = {
  'invalid-address': [RPC_CODES.CLIENT_INVALID_IP_OR_SUBNET, 'Error: Invalid IP/Subnet'],
  banned: [RPC_CODES.CLIENT_NODE_ALREADY_ADDED, 'Error: IP/Subnet already banned'],
  'too-many-bans': [RPC_CODES.MISC_ERROR, 'Error: Too many bans. Remove some with clearbanned.'],
}

/** Runs a task of the ban list; what goes wrong is told in Bitcoin Core's words. */
async function asCallersKnowIt<Result>(task: Promise<Result>): Promise<Result> {
  try {
    return await task
  } catch (error) {
    const known = error instanceof P2pError ? ERRORS[error.code] : undefined
    if (known === undefined) throw error
    throw new RpcError(known[0], known[1], { cause: error })
  }
}

/** When a ban ends, in Unix seconds. */
function computeEnd(now: number, banTime: number, isAbsolute: boolean): number {
  if (isAbsolute && banTime < now) {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Error: Absolute timestamp is in the past')
  }
  if (banTime <= 0) return now + DEFAULT_BAN_SECONDS
  return isAbsolute ? banTime : now + banTime
}

/** `setban` */
export const setBan = defineMethod({
  name: 'setban',
  category: 'network',
  summary: 'Refuses an IP address, a network or a peer, or ends that. Bans are kept over restarts.',
  params: [
    {
      name: 'subnet',
      schema: z.string(),
      description:
        'An IP address, a network such as 192.168.0.0/24 or 10.0.0.0/255.0.0.0, or a libp2p peer id.',
    },
    {
      name: 'command',
      schema: z.string(),
      description: "'add' to refuse it, 'remove' to end that.",
    },
    {
      name: 'bantime',
      schema: z.int().optional(),
      description: `Seconds that the ban lasts, or its end if absolute is true; 0 is ${DEFAULT_BAN_SECONDS} seconds.`,
    },
    {
      name: 'absolute',
      schema: z.boolean().optional(),
      description: 'Whether bantime is the time of the end, in Unix seconds.',
    },
  ],
  result: { schema: z.null() },
  examples: [
    ['192.168.0.6', 'add', 86_400],
    ['192.168.0.0/24', 'add'],
    ['192.168.0.6', 'remove'],
  ],
  handler: async (
    { peers, clock }: RpcContext,
    { subnet, command, bantime = 0, absolute = false },
  ) => {
    if (command === 'add') {
      const end = computeEnd(toUnixSeconds(clock.now()), bantime, absolute)
      await asCallersKnowIt(peers.bans.add(subnet, end * MS_PER_SECOND, MANUAL_REASON))
    } else if (command === 'remove') {
      const wasBanned = await asCallersKnowIt(peers.bans.remove(subnet))
      if (!wasBanned) {
        throw new RpcError(
          RPC_CODES.CLIENT_INVALID_IP_OR_SUBNET,
          'Error: Unban failed. Requested address/subnet was not previously manually banned.',
        )
      }
    } else throw new RpcError(RPC_CODES.MISC_ERROR, formatMethodHelp(setBan))
    return null
  },
})

/** `listbanned` */
export const listBanned = defineMethod({
  name: 'listbanned',
  category: 'network',
  summary: 'Tells who is refused, by operators or by the node itself.',
  params: [],
  result: {
    schema: z.array(
      z.object({
        address: z.string().describe('The network with its prefix, or the libp2p peer id.'),
        ban_created: z.number().describe('When it was banned, Unix seconds.'),
        banned_until: z.number().describe('When that ends, Unix seconds.'),
        ban_duration: z.number().describe('How long it lasts, in seconds.'),
        time_remaining: z.number().describe('How much of that is left, in seconds.'),
        quarry_reason: z.string().describe('Why.'),
        quarry_manual: z.boolean().describe('Whether an operator did it.'),
      }),
    ),
  },
  examples: [[]],
  handler: ({ peers, clock }: RpcContext) => {
    const now = toUnixSeconds(clock.now())
    return peers.bans.list().map((ban) => {
      const created = toUnixSeconds(ban.createdAtMs)
      const until = toUnixSeconds(ban.endsAtMs)
      return {
        address: ban.subject,
        ban_created: created,
        banned_until: until,
        ban_duration: until - created,
        time_remaining: Math.max(0, until - now),
        quarry_reason: ban.reason,
        quarry_manual: ban.isManual,
      }
    })
  },
})

/** `clearbanned` */
export const clearBanned = defineMethod({
  name: 'clearbanned',
  category: 'network',
  summary: 'Ends all bans.',
  params: [],
  result: { schema: z.null() },
  examples: [[]],
  handler: async ({ peers }: RpcContext) => {
    await peers.bans.clear()
    return null
  },
})
