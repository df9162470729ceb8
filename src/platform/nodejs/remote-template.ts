/** @module A block template out of a node's getblocktemplate: what a miner outside of the node mines on. */

import * as z from 'zod'
import { computeCoinbaseBranch, hashToNumber } from '../../consensus/index.ts'
import { type BlockTemplate, selectAll } from '../../mining/index.ts'
import { decodeTransaction, fromDisplayHex } from '../../primitives/index.ts'
import type { JsonValue } from '../../rpc/index.ts'
import { decodeHex, isHex, toErrorMessage } from '../../util/index.ts'
import { RpcClientError } from './rpc-client.ts'

/** More transactions than any block holds. */
const MAX_TRANSACTIONS = 100_000

const hex = z.string().refine(isHex)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().min(0)

const TEMPLATE_SCHEMA = z.object({
  version: z.int(),
  previousblockhash: hash,
  transactions: z
    .array(
      z.object({
        data: hex,
        fee: z.int().default(0),
        sigops: count.default(0),
        weight: count.default(0),
      }),
    )
    .max(MAX_TRANSACTIONS),
  coinbasevalue: count,
  target: hash,
  mintime: count,
  curtime: count,
  bits: z.string().regex(/^[0-9a-f]{8}$/),
  height: count,
  default_witness_commitment: hex.optional(),
})

/** What is asked for. @see BIP-0022, BIP-0145 */
export const TEMPLATE_REQUEST = { rules: ['segwit'], capabilities: ['coinbasevalue'] }

/**
 * Reads the answer to getblocktemplate.
 *
 * @param prevTime - Time of the block that it builds on, Unix seconds: the answer does not have it.
 * @throws {@link RpcClientError} `rpc-bad-reply` if it is no template.
 */
export function readTemplate(answer: JsonValue, prevTime: number): BlockTemplate {
  const parsed = TEMPLATE_SCHEMA.safeParse(answer)
  if (!parsed.success) {
    throw new RpcClientError(
      'rpc-bad-reply',
      `The node's block template is not one: ${z.prettifyError(parsed.error)}`,
    )
  }
  const { data } = parsed
  const commitment = data.default_witness_commitment
  try {
    const transactions = data.transactions.map(({ data: text, fee, sigops, weight }) => ({
      tx: decodeTransaction(decodeHex(text)),
      fee: BigInt(fee),
      weight,
      sigopsCost: sigops,
    }))
    return {
      height: data.height,
      prevBlockHash: fromDisplayHex(data.previousblockhash),
      prevTime,
      bits: Number.parseInt(data.bits, 16),
      target: hashToNumber(fromDisplayHex(data.target)),
      minTime: data.mintime,
      time: Math.max(data.mintime, data.curtime),
      version: data.version,
      transactions,
      coinbaseValue: BigInt(data.coinbasevalue),
      commitmentScript: commitment === undefined ? undefined : decodeHex(commitment),
      merkleBranch: computeCoinbaseBranch(selectAll(transactions).txids),
      // Transactions are chosen elsewhere.
      sequence: 0,
    }
  } catch (error) {
    const reason = toErrorMessage(error)
    throw new RpcClientError('rpc-bad-reply', `The node's block template is not one: ${reason}`)
  }
}
