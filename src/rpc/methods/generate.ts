/** @module Mining at once, for tests and for chains where it is easy. */

import * as z from 'zod'
import { ConsensusError } from '../../consensus/index.ts'
import { type Block, encodeBlock, type Transaction, toDisplayHex } from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { defineMethod, type RpcCall } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeAddressArgument } from './address-argument.ts'
import { blockHashHex, toRejectReason, toTemplateError } from './block-argument.ts'
import { decodePayee, decodePayeeDescriptor } from './payee-argument.ts'
import { decodeTransactionArgument } from './raw-transaction-argument.ts'

/** Hashes after which to give up. @see Bitcoin Core `DEFAULT_MAX_TRIES` */
const DEFAULT_MAX_TRIES = 1_000_000
const TXID = /^[\da-f]{64}$/i

const MAX_TRIES_PARAM = {
  name: 'maxtries',
  schema: z.int().default(DEFAULT_MAX_TRIES),
  description: 'How many hashes to try in all.',
} as const

const HASHES_RESULT = {
  schema: z.array(z.string()),
  description: 'The hashes of the blocks; fewer than asked for if the tries ran out.',
} as const

async function generate(
  { mining }: RpcContext,
  payoutScript: Uint8Array,
  blockCount: number,
  maxTries: number,
  { signal }: RpcCall,
): Promise<readonly string[]> {
  try {
    const hashes = await mining.generate({ payoutScript, blockCount, maxTries, signal })
    return hashes.map(toDisplayHex)
  } catch (error) {
    throw toTemplateError(error)
  }
}

/** `generatetoaddress` */
export const generateToAddress = defineMethod({
  name: 'generatetoaddress',
  category: 'hidden',
  summary: 'Mines blocks at once and pays for them to an address.',
  params: [
    { name: 'nblocks', schema: z.int(), description: 'How many blocks.' },
    { name: 'address', schema: z.string(), description: 'Who is paid.' },
    MAX_TRIES_PARAM,
  ],
  result: HASHES_RESULT,
  examples: [[11, 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080']],
  handler: (context: RpcContext, { nblocks, address, maxtries }, call) => {
    const script = decodeAddressArgument(
      address,
      context.params.addressPrefixes,
      'Error: Invalid address',
    )
    return generate(context, script, nblocks, maxtries, call)
  },
})

/** `generatetodescriptor` */
export const generateToDescriptor = defineMethod({
  name: 'generatetodescriptor',
  category: 'hidden',
  summary: 'Mines blocks at once and pays for them to an output descriptor.',
  params: [
    { name: 'num_blocks', schema: z.int(), description: 'How many blocks.' },
    {
      name: 'descriptor',
      schema: z.string(),
      description: 'Who is paid: raw(hex of an output script) or addr(address).',
    },
    MAX_TRIES_PARAM,
  ],
  result: HASHES_RESULT,
  examples: [[11, 'raw(51)']],
  handler: (context: RpcContext, { num_blocks: count, descriptor, maxtries }, call) => {
    const script = decodePayeeDescriptor(descriptor, context.params.addressPrefixes)
    return generate(context, script, count, maxtries, call)
  },
})

/** A transaction of the mempool by its id, or any in hexadecimal. */
function findTransaction({ mempool }: RpcContext, text: string): Transaction {
  if (TXID.test(text)) {
    const entry = mempool.get(text.toLowerCase())
    if (entry !== undefined) return entry.tx
    throw new RpcError(
      RPC_CODES.INVALID_ADDRESS_OR_KEY,
      `Transaction ${text.toLowerCase()} not in mempool.`,
    )
  }
  return decodeTransactionArgument(text, `Transaction decode failed for ${text.slice(0, 100)}.`)
}

/** @throws {@link RpcError} -25 if a block breaks a rule, its proof of work aside. */
async function checkCandidate({ chain }: RpcContext, block: Block): Promise<void> {
  let reason: string | undefined
  try {
    if (!(await chain.checkCandidate(block))) reason = 'inconclusive-not-best-prevblk'
  } catch (error) {
    if (!(error instanceof ConsensusError)) throw error
    reason = toRejectReason(error)
  }
  if (reason === undefined) return
  throw new RpcError(RPC_CODES.VERIFY_ERROR, `TestBlockValidity failed: ${reason}`)
}

/** `generateblock` */
export const generateBlock = defineMethod({
  name: 'generateblock',
  category: 'hidden',
  summary: 'Mines a block of just these transactions at once. Their fees are claimed by nobody.',
  params: [
    {
      name: 'output',
      schema: z.string(),
      description: 'Who is paid: an address, raw(hex of an output script) or addr(address).',
    },
    {
      name: 'transactions',
      schema: z.array(z.string()),
      description: 'In this order: ids of waiting transactions, or transactions in hexadecimal.',
    },
    {
      name: 'submit',
      schema: z.boolean().default(true),
      description: 'Whether the block is taken and relayed, or only given back.',
    },
  ],
  result: {
    schema: z.object({
      hash: z.string().describe('The hash of the block.'),
      hex: z.string().optional().describe('The block in hexadecimal, if it was not submitted.'),
    }),
  },
  examples: [['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080', []]],
  handler: async (context: RpcContext, { output, transactions, submit }, { signal }) => {
    const script = decodePayee(output, context.params.addressPrefixes)
    const chosen = transactions.map((text) => findTransaction(context, text))
    const candidate = context.mining.createCandidate(script, chosen)
    await checkCandidate(context, candidate)
    const block = await context.mining.solve(candidate, DEFAULT_MAX_TRIES, signal)
    if (block === undefined) throw new RpcError(RPC_CODES.MISC_ERROR, 'Failed to make block.')
    const hash = blockHashHex(block)
    if (!submit) return { hash, hex: encodeHex(encodeBlock(block)) }
    await context.submitBlock(block)
    return { hash }
  },
})
