/** @module Deleting old blocks. */

import * as z from 'zod'
import type { Chain } from '../../chain/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** Larger numbers are times. @see Bitcoin Core `pruneblockchain` */
const FIRST_TIME = 1_000_000_000
/** A block's time may lag behind its place in the chain by so many seconds. @see Bitcoin Core `TIMESTAMP_WINDOW` */
const TIME_WINDOW_SECONDS = 7_200

/** The height of the first block that is no older than a time. */
function findHeightAt(chain: Chain, time: number): number {
  for (let height = 0; height <= chain.tip.height; height++) {
    if ((chain.getActiveEntry(height)?.time ?? 0) >= time) return height
  }
  throw new RpcError(
    RPC_CODES.INVALID_PARAMETER,
    'Could not find block with at least the specified timestamp.',
  )
}

/** `pruneblockchain` */
export const pruneBlockchain = defineMethod({
  name: 'pruneblockchain',
  category: 'blockchain',
  summary: 'Deletes the bodies of old blocks. The last 288 always stay.',
  params: [
    {
      name: 'height',
      schema: z.number().int(),
      description: 'The last height to delete, or a time in Unix seconds.',
    },
  ],
  result: { schema: z.number().describe('The height of the last block that is deleted.') },
  examples: [[1000]],
  handler: async ({ chain, pruneBytes }: RpcContext, { height }) => {
    if (pruneBytes === undefined) {
      throw new RpcError(
        RPC_CODES.MISC_ERROR,
        'Cannot prune blocks because node is not in prune mode.',
      )
    }
    if (height < 0) throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Negative block height.')
    const wanted = height >= FIRST_TIME ? findHeightAt(chain, height - TIME_WINDOW_SECONDS) : height
    if (wanted > chain.tip.height) {
      throw new RpcError(
        RPC_CODES.INVALID_PARAMETER,
        'Blockchain is shorter than the attempted prune height.',
      )
    }
    return chain.pruneTo(wanted)
  },
})
