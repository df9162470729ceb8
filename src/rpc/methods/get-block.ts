/** @module One block, at four levels of detail. */

import * as z from 'zod'
import type { BlockEntry } from '../../chain/index.ts'
import { computeBlockSize, computeTxid, decodeBlock, toDisplayHex } from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema, requireEntry, toVerbosityLevel, VERBOSITY_SCHEMA } from './arguments.ts'
import { describeHeader, HEADER_FIELDS } from './header-json.ts'
import {
  FEE_AND_HEX_FIELDS,
  TRANSACTION_FIELDS,
  TRANSACTION_FIELDS_WITH_PREVOUTS,
} from './transaction-json.ts'

const SIZE_FIELDS = {
  strippedsize: z.number().describe('Bytes without witnesses.'),
  size: z.number().describe('Bytes.'),
  weight: z.number().describe('Weight units.'),
} as const

/** The verbosities, by what they add. */
const LEVEL_HEX = 0
const LEVEL_TXIDS = 1
const LEVEL_PREVOUTS = 3

/** The encoded block. @throws {@link RpcError} -1 if its body is not there. */
export async function readBlockBytes(
  { chain }: RpcContext,
  entry: BlockEntry,
): Promise<Uint8Array> {
  const bytes = await chain.readBlockBytes(entry.hash)
  if (bytes === undefined) {
    const reason = entry.isPruned ? 'pruned data' : 'not fully downloaded'
    throw new RpcError(RPC_CODES.MISC_ERROR, `Block not available (${reason})`)
  }
  return bytes
}

/** `getblock` */
export const getBlock = defineMethod({
  name: 'getblock',
  category: 'blockchain',
  summary: 'Shows a block, on the active chain or off it.',
  params: [
    { name: 'blockhash', schema: hashSchema('blockhash'), description: 'The block hash.' },
    {
      name: 'verbosity',
      aliases: ['verbose'],
      schema: VERBOSITY_SCHEMA.default(LEVEL_TXIDS),
      description:
        '0 for the encoded block, 1 for its transaction ids, 2 for its transactions, 3 for these ' +
        'with the outputs that they spend.',
    },
  ],
  result: [
    {
      condition: 'for verbosity = 0',
      schema: z.string(),
      description: 'The encoded block in hexadecimal.',
    },
    {
      condition: 'for verbosity = 1',
      schema: z.object({
        ...HEADER_FIELDS,
        ...SIZE_FIELDS,
        tx: z.array(z.string()).describe('The transaction ids.'),
      }),
    },
    {
      condition: 'for verbosity = 2',
      schema: z.object({
        ...HEADER_FIELDS,
        ...SIZE_FIELDS,
        tx: z.array(z.object({ ...TRANSACTION_FIELDS, ...FEE_AND_HEX_FIELDS })),
      }),
    },
    {
      condition: 'for verbosity = 3',
      schema: z.object({
        ...HEADER_FIELDS,
        ...SIZE_FIELDS,
        tx: z.array(z.object({ ...TRANSACTION_FIELDS_WITH_PREVOUTS, ...FEE_AND_HEX_FIELDS })),
      }),
    },
  ],
  examples: [['0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206']],
  handler: async (context: RpcContext, { blockhash, verbosity }) => {
    const { chain, blockTexts } = context
    const level = toVerbosityLevel(verbosity)
    const entry = requireEntry(chain, blockhash)
    if (level > LEVEL_TXIDS) {
      const read = () => readBlockBytes(context, entry)
      const text = await blockTexts.get(entry, read, level >= LEVEL_PREVOUTS)
      return {
        ...describeHeader(chain, entry),
        strippedsize: text.strippedSize,
        size: text.size,
        weight: text.weight,
        tx: text.transactions,
      }
    }
    const bytes = await readBlockBytes(context, entry)
    if (level <= LEVEL_HEX) return encodeHex(bytes)
    const block = decodeBlock(bytes)
    const { strippedSize, weight } = computeBlockSize(block)
    return {
      ...describeHeader(chain, entry),
      strippedsize: strippedSize,
      size: bytes.length,
      weight,
      tx: block.transactions.map((tx) => toDisplayHex(computeTxid(tx))),
    }
  },
})
