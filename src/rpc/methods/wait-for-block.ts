/** @module Calls that are answered when the tip moves. */

import * as z from 'zod'
import type { BlockEntry, Chain } from '../../chain/index.ts'
import type { CancelSignal, Clock, Timer } from '../../util/index.ts'
import { defineMethod, type RpcCall } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema } from './arguments.ts'

const TIMEOUT_PARAM = {
  name: 'timeout',
  schema: z.int().default(0),
  description: 'Milliseconds after which to answer anyway; 0 for no limit.',
} as const

const RESULT = {
  schema: z.object({
    hash: z.string().describe('The hash of the tip.'),
    height: z.number().describe('Its height.'),
  }),
} as const

/** Settles once the tip is as wished, the time is over, or nobody waits any more. */
function untilTip(
  chain: Chain,
  clock: Clock,
  timeoutMs: number,
  isWished: (tip: BlockEntry) => boolean,
  signal: CancelSignal | undefined,
): Promise<void> {
  if (timeoutMs < 0) {
    return Promise.reject(new RpcError(RPC_CODES.MISC_ERROR, 'Negative timeout'))
  }
  if (isWished(chain.tip)) return Promise.resolve()
  return new Promise((resolve, reject) => {
    let timer: Timer | undefined
    const release = (): void => {
      stopListening()
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = (): void => {
      release()
      reject(new RpcError(RPC_CODES.CLIENT_NOT_CONNECTED, 'Shutting down'))
    }
    const finish = (): void => {
      release()
      resolve()
    }
    const stopListening = chain.events.on('tipChanged', ({ tip }) => {
      if (isWished(tip)) finish()
    })
    if (timeoutMs > 0) timer = clock.schedule(timeoutMs, finish)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) onAbort()
  })
}

async function answerAt(
  { chain, clock }: RpcContext,
  timeoutMs: number,
  { signal }: RpcCall,
  isWished: (tip: BlockEntry) => boolean,
) {
  await untilTip(chain, clock, timeoutMs, isWished, signal)
  return { hash: chain.tip.hashHex, height: chain.tip.height }
}

/** `waitfornewblock` */
export const waitForNewBlock = defineMethod({
  name: 'waitfornewblock',
  category: 'blockchain',
  summary: 'Answers when the tip is another block, with that block.',
  params: [
    TIMEOUT_PARAM,
    {
      name: 'current_tip',
      schema: hashSchema('current_tip').optional(),
      description: 'The tip that the caller knows; the one at the time of the call otherwise.',
    },
  ],
  result: RESULT,
  examples: [[1000]],
  handler: (context: RpcContext, { timeout, current_tip: known }, call) => {
    const hash = known ?? context.chain.tip.hashHex
    return answerAt(context, timeout, call, (tip) => tip.hashHex !== hash)
  },
})

/** `waitforblock` */
export const waitForBlock = defineMethod({
  name: 'waitforblock',
  category: 'blockchain',
  summary: 'Answers when a block is the tip.',
  params: [
    { name: 'blockhash', schema: hashSchema('blockhash'), description: 'The block hash.' },
    TIMEOUT_PARAM,
  ],
  result: RESULT,
  examples: [['0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206', 1000]],
  handler: (context: RpcContext, { blockhash, timeout }, call) =>
    answerAt(context, timeout, call, (tip) => tip.hashHex === blockhash),
})

/** `waitforblockheight` */
export const waitForBlockHeight = defineMethod({
  name: 'waitforblockheight',
  category: 'blockchain',
  summary: 'Answers when the tip has a height, or is above it.',
  params: [{ name: 'height', schema: z.int(), description: 'The height.' }, TIMEOUT_PARAM],
  result: RESULT,
  examples: [[100, 1000]],
  handler: (context: RpcContext, { height, timeout }, call) =>
    answerAt(context, timeout, call, (tip) => tip.height >= height),
})
