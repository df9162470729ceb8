/** @module One transaction, from the mempool, from a block that the caller names, or from where the index says. */

import * as z from 'zod'
import type { BlockEntry } from '../../chain/index.ts'
import type { Coin } from '../../consensus/index.ts'
import {
  computeTxid,
  encodeTransaction,
  fromDisplayHex,
  type Transaction,
  type Txid,
  toDisplayHex,
} from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema, toVerbosityLevel, VERBOSITY_SCHEMA } from './arguments.ts'
import { countConfirmations } from './header-json.ts'
import {
  describeTransactionWithHex,
  FEE_AND_HEX_FIELDS,
  TRANSACTION_FIELDS,
  TRANSACTION_FIELDS_WITH_PREVOUTS,
} from './transaction-json.ts'

const LEVEL_HEX = 0
const LEVEL_PREVOUTS = 2
const GENESIS_MESSAGE =
  'The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved'
const WALLET_HINT = '. Use gettransaction for wallet transactions.'

const PLACE_FIELDS = {
  in_active_chain: z
    .boolean()
    .optional()
    .describe('Whether the block is on the active chain; only if one was named.'),
  blockhash: z.string().optional().describe('The hash of the block that it is in.'),
  confirmations: z.number().optional().describe('Blocks from there to the tip, both counted.'),
  time: z.number().optional().describe('The time of that block, Unix seconds.'),
  blocktime: z.number().optional().describe('The same.'),
} as const

/** A transaction and where it was found. */
interface FoundTransaction {
  readonly tx: Transaction
  /** Undefined in the mempool. */
  readonly entry?: BlockEntry
  readonly index?: number
}

function notFound(message: string): RpcError {
  return new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, `${message}${WALLET_HINT}`)
}

async function findInBlock(
  { chain }: RpcContext,
  txid: string,
  hashHex: string,
): Promise<FoundTransaction> {
  const entry = chain.getEntry(hashHex)
  if (entry === undefined) {
    throw new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, 'Block hash not found')
  }
  const block = await chain.readBlock(entry.hash)
  if (block === undefined) throw new RpcError(RPC_CODES.MISC_ERROR, 'Block not available')
  const index = block.transactions.findIndex((tx) => toDisplayHex(computeTxid(tx)) === txid)
  const tx = block.transactions[index]
  if (tx === undefined) throw notFound('No such transaction found in the provided block')
  return { tx, entry, index }
}

/** Why a transaction is not found if nobody says where to look. */
function describeSearch({ chain: { txIndex } }: RpcContext): string {
  if (txIndex?.isSynced === true) return 'No such mempool or blockchain transaction'
  const hint =
    txIndex === undefined
      ? 'Use -txindex or provide a block hash to enable blockchain transaction queries'
      : 'Blockchain transactions are still in the process of being indexed'
  return `No such mempool transaction. ${hint}`
}

async function findAnywhere(context: RpcContext, txid: string): Promise<FoundTransaction> {
  const waiting = context.mempool.get(txid)
  if (waiting !== undefined) return { tx: waiting.tx }
  const blockHash = await context.chain.txIndex?.find(fromDisplayHex<Txid>(txid))
  if (blockHash === undefined) throw notFound(describeSearch(context))
  return findInBlock(context, txid, toDisplayHex(blockHash))
}

async function readSpent({ chain }: RpcContext, { entry, index }: FoundTransaction) {
  if (entry === undefined || index === undefined || index === 0) return undefined
  const undo = await chain.readUndo(entry.hash)
  const spent: readonly Coin[] | undefined = undo?.[index - 1]
  return spent
}

function describePlace({ chain }: RpcContext, { entry }: FoundTransaction) {
  if (entry === undefined) return {}
  const isActive = chain.isActive(entry)
  return {
    blockhash: entry.hashHex,
    confirmations: Math.max(0, countConfirmations(chain, entry)),
    time: isActive ? entry.time : undefined,
    blocktime: isActive ? entry.time : undefined,
  }
}

/** `getrawtransaction` */
export const getRawTransaction = defineMethod({
  name: 'getrawtransaction',
  category: 'rawtransactions',
  summary:
    'Shows a transaction that waits in the mempool, or one of a block that is named; with --txindex ' +
    'one of any block.',
  params: [
    { name: 'txid', schema: hashSchema('parameter 1'), description: 'The transaction id.' },
    {
      name: 'verbosity',
      aliases: ['verbose'],
      schema: VERBOSITY_SCHEMA.default(LEVEL_HEX),
      description: '0 for its bytes, 1 for an object, 2 for that with fee and what it spends.',
    },
    {
      name: 'blockhash',
      schema: hashSchema('parameter 3').optional(),
      description: 'The block to look in, instead of the mempool and the index.',
    },
  ],
  result: [
    {
      condition: 'for verbosity = 0',
      schema: z.string(),
      description: 'The encoded transaction in hexadecimal.',
    },
    {
      condition: 'for verbosity = 1',
      schema: z.object({ ...PLACE_FIELDS, ...TRANSACTION_FIELDS, hex: FEE_AND_HEX_FIELDS.hex }),
    },
    {
      condition: 'for verbosity = 2',
      schema: z.object({
        ...PLACE_FIELDS,
        ...TRANSACTION_FIELDS_WITH_PREVOUTS,
        ...FEE_AND_HEX_FIELDS,
      }),
    },
  ],
  examples: [['mytxid'], ['mytxid', 1, 'myblockhash']],
  handler: async (context: RpcContext, { txid, verbosity, blockhash }) => {
    const { chain, params } = context
    if (txid === toDisplayHex(params.genesis.header.merkleRoot)) {
      throw new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, GENESIS_MESSAGE)
    }
    const level = toVerbosityLevel(verbosity)
    const found =
      blockhash === undefined
        ? await findAnywhere(context, txid)
        : await findInBlock(context, txid, blockhash)
    if (level <= LEVEL_HEX) return encodeHex(encodeTransaction(found.tx))
    const spent = level >= LEVEL_PREVOUTS ? await readSpent(context, found) : undefined
    return {
      in_active_chain:
        blockhash === undefined || found.entry === undefined
          ? undefined
          : chain.isActive(found.entry),
      ...describeTransactionWithHex(found.tx, { params, spent, showsPrevouts: true }),
      ...describePlace(context, found),
    }
  },
})
