/** @module A header from outside. */

import * as z from 'zod'
import { ConsensusError } from '../../consensus/index.ts'
import { decodeHeader, toDisplayHex } from '../../primitives/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeHexArgument } from './arguments.ts'
import { toRejectReason } from './block-argument.ts'

/** `submitheader` */
export const submitHeader = defineMethod({
  name: 'submitheader',
  category: 'mining',
  summary: 'Takes a header as a candidate for the tip of the chain.',
  params: [{ name: 'hexdata', schema: z.string(), description: 'The header in hexadecimal.' }],
  result: { schema: z.null() },
  examples: [['aabbcc']],
  handler: (context: RpcContext, { hexdata }) => {
    const header = decodeHexArgument(hexdata, decodeHeader, 'Block header decode failed')
    const prev = toDisplayHex(header.prevBlockHash)
    if (context.chain.getEntry(prev) === undefined) {
      throw new RpcError(RPC_CODES.VERIFY_ERROR, `Must submit previous header (${prev}) first`)
    }
    try {
      context.submitHeader(header)
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error
      throw new RpcError(RPC_CODES.VERIFY_ERROR, toRejectReason(error), { cause: error })
    }
    return null
  },
})
