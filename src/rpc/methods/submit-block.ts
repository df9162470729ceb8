/** @module A solved block from outside. */

import * as z from 'zod'
import type { Chain } from '../../chain/index.ts'
import { findWitnessCommitment } from '../../consensus/index.ts'
import { WITNESS_RESERVED_VALUE } from '../../mining/index.ts'
import { type Block, hasWitness, toDisplayHex } from '../../primitives/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { blockHashHex, decodeBlockArgument, toRejectReason } from './block-argument.ts'

/**
 * Gives the coinbase the witness that its commitment needs: miners may leave it out, since no hash that
 * they work on covers it.
 *
 * @see Bitcoin Core `UpdateUncommittedBlockStructures`
 */
function fillCoinbaseWitness(block: Block, chain: Chain): Block {
  const [coinbase, ...others] = block.transactions
  const [input] = coinbase?.inputs ?? []
  const parent = chain.getEntry(toDisplayHex(block.header.prevBlockHash))
  if (coinbase === undefined || input === undefined || parent === undefined) return block
  const needsWitness =
    parent.height + 1 >= chain.params.deployments.segwit &&
    findWitnessCommitment(coinbase) !== undefined &&
    !hasWitness(coinbase)
  if (!needsWitness) return block
  const inputs = [{ ...input, witness: [WITNESS_RESERVED_VALUE] }, ...coinbase.inputs.slice(1)]
  return { ...block, transactions: [{ ...coinbase, inputs }, ...others] }
}

/** `submitblock` */
export const submitBlock = defineMethod({
  name: 'submitblock',
  category: 'mining',
  summary: 'Takes a new block and relays it.',
  params: [
    {
      name: 'hexdata',
      schema: z.string(),
      description: 'The encoded block in hexadecimal; the witness of its coinbase may be missing.',
    },
    {
      name: 'dummy',
      schema: z.string().optional(),
      description: 'Not used; here because BIP-0022 has it.',
    },
  ],
  result: [
    { condition: 'if the block was accepted', schema: z.null() },
    {
      condition: 'otherwise',
      schema: z.string(),
      description:
        'duplicate, duplicate-invalid, inconclusive (it is kept, but did not become part of the ' +
        'active chain) or the reason why it is invalid.',
    },
  ],
  examples: [['mydata']],
  handler: async (context: RpcContext, { hexdata }) => {
    const { chain } = context
    const block = fillCoinbaseWitness(decodeBlockArgument(hexdata), chain)
    const hashHex = blockHashHex(block)
    const known = chain.getEntry(hashHex)
    if (known?.isFailed === true) return 'duplicate-invalid'
    if (known?.hasBody === true) return 'duplicate'
    const wasParentFailed = chain.getEntry(toDisplayHex(block.header.prevBlockHash))?.isFailed
    try {
      const outcome = await context.submitBlock(block)
      return outcome === 'connected' ? null : 'inconclusive'
    } catch (error) {
      const reason = toRejectReason(error)
      // An ancestor failed meanwhile: nobody looked at what is in this block.
      return reason === 'bad-prevblk' && wasParentFailed !== true ? 'inconclusive' : reason
    }
  },
})
