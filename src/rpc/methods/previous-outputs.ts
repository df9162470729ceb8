/** @module Outputs that a caller describes because the chain does not have them. */

import { sha256 } from '@noble/hashes/sha2.js'
import * as z from 'zod'
import { MAX_MONEY_SATS } from '../../consensus/index.ts'
import type { TxOut } from '../../primitives/index.ts'
import { classifyOutput, createWitnessScript, disassemble, hash160 } from '../../script/index.ts'
import { decodeHex, equalBytes } from '../../util/index.ts'
import type { SpentOutput } from '../../wallet/index.ts'
import { AMOUNT_SCHEMA, parseBtcAmount } from '../btc-amount.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema, hexSchema, int32Schema } from './arguments.ts'

const MAX_OUTPUTS = 10_000

/** The parameter `prevtxs`. */
export const PREVTXS_PARAM = {
  name: 'prevtxs',
  schema: z
    .array(
      z.object({
        txid: hashSchema('txid').describe('The transaction.'),
        vout: int32Schema().describe('The number of its output.'),
        scriptPubKey: hexSchema('scriptPubKey').describe('The output script in hexadecimal.'),
        redeemScript: hexSchema('redeemScript')
          .optional()
          .describe('The script behind it, for P2SH.'),
        witnessScript: hexSchema('witnessScript')
          .optional()
          .describe('The script behind it, for P2WSH.'),
        amount: AMOUNT_SCHEMA.optional().describe('Coins; segwit signatures need to know.'),
      }),
    )
    .max(MAX_OUTPUTS)
    .default([]),
  description: 'Outputs that are spent and that the chain does not have.',
} as const

/** One of {@link PREVTXS_PARAM}. */
export type PrevTx = z.output<(typeof PREVTXS_PARAM)['schema']>[number]

/** The scripts behind the hashes of an output. */
export type InnerScripts = Omit<SpentOutput, 'output'>

function refuse(message: string): RpcError {
  return new RpcError(RPC_CODES.INVALID_PARAMETER, message)
}

/**
 * Reads an output. Its amount is all money there can be if the caller does not tell it.
 *
 * @param known - The output as the chain or the mempool has it.
 * @throws {@link RpcError} -22 if it is not that one.
 * @see Bitcoin Core `ParsePrevouts`
 */
export function parsePreviousOutput(prev: PrevTx, known: TxOut | undefined): TxOut {
  if (prev.vout < 0) {
    throw new RpcError(RPC_CODES.DESERIALIZATION_ERROR, 'vout cannot be negative')
  }
  const scriptPubKey = decodeHex(prev.scriptPubKey)
  if (known !== undefined && !equalBytes(known.scriptPubKey, scriptPubKey)) {
    throw new RpcError(
      RPC_CODES.DESERIALIZATION_ERROR,
      `Previous output scriptPubKey mismatch:\n${disassemble(known.scriptPubKey)}\nvs:\n${disassemble(scriptPubKey)}`,
    )
  }
  const value = prev.amount === undefined ? MAX_MONEY_SATS : parseBtcAmount(prev.amount)
  return { value, scriptPubKey }
}

/**
 * Reads the scripts behind an output's hashes. Either name does for the innermost one, as old callers have it.
 *
 * @throws {@link RpcError} -8 if they do not fit.
 * @see Bitcoin Core `ParsePrevouts`
 */
export function parseInnerScripts(prev: PrevTx): InnerScripts {
  const output = classifyOutput(decodeHex(prev.scriptPubKey))
  if (output.type !== 'scripthash' && output.type !== 'witness_v0_scripthash') return {}
  const innermost = prev.witnessScript ?? prev.redeemScript
  if (innermost === undefined) throw refuse('Missing redeemScript/witnessScript')
  const script = decodeHex(innermost)
  const program = createWitnessScript({ version: 0, program: sha256(script) })
  const outer = decodeHex(prev.redeemScript ?? innermost)
  if (!equalBytes(outer, script) && !equalBytes(outer, program)) {
    throw refuse('redeemScript does not correspond to witnessScript')
  }
  if (output.type === 'witness_v0_scripthash') {
    if (equalBytes(sha256(script), output.hash)) return { witnessScript: script }
  } else {
    if (equalBytes(hash160(script), output.hash)) return { redeemScript: script }
    if (equalBytes(hash160(program), output.hash)) {
      return { redeemScript: program, witnessScript: script }
    }
  }
  throw refuse('redeemScript/witnessScript does not match scriptPubKey')
}
