/** @module What to mine (BIP-0022, -0023, -0145), and whether a candidate would be accepted. */

import * as z from 'zod'
import {
  bitsToHex,
  type ConsensusParams,
  MAX_BLOCK_SIGOPS_COST,
  MAX_BLOCK_WEIGHT,
  targetToHex,
} from '../../consensus/index.ts'
import type { BlockTemplate, KnownTemplate } from '../../mining/index.ts'
import {
  fromDisplayHex,
  HASH_SIZE,
  toDisplayHex,
  WITNESS_SCALE_FACTOR,
} from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { defineMethod, type RpcCall } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema } from './arguments.ts'
import {
  blockHashHex,
  decodeBlockArgument,
  toRejectReason,
  toTemplateError,
} from './block-argument.ts'

/** The most bytes that a block can have: all of its weight in witnesses. */
const MAX_BLOCK_SIZE = MAX_BLOCK_WEIGHT
/** On this chain miners get no work while the node is alone or behind. */
const REAL_CHAIN = 'main'

const TRANSACTION_SCHEMA = z.object({
  data: z.string().describe('The encoded transaction in hexadecimal.'),
  txid: z.string().describe('Its id.'),
  hash: z.string().describe('Its hash with witnesses.'),
  depends: z
    .array(z.number())
    .describe('Transactions that must come before, by their place in this list from 1.'),
  fee: z.number().describe('Its fee in satoshis.'),
  sigops: z.number().describe('What its signature operations cost.'),
  weight: z.number().describe('Its weight units.'),
})

const TEMPLATE_SCHEMA = z.object({
  capabilities: z.array(z.string()).describe('What else can be asked for.'),
  version: z.number().describe('The version that the header should have.'),
  rules: z.array(z.string()).describe('Rules that bind; with ! those that a miner has to know.'),
  vbavailable: z.record(z.string(), z.number()).describe('Soft forks that wait for signals.'),
  vbrequired: z.number().describe('Version bits that must be set.'),
  previousblockhash: z.string().describe('The hash of the tip.'),
  transactions: z.array(TRANSACTION_SCHEMA).describe('What to put behind the coinbase.'),
  coinbaseaux: z.record(z.string(), z.string()).describe('Data that the coinbase should hold.'),
  coinbasevalue: z.number().describe('The most that the coinbase may pay out, in satoshis.'),
  longpollid: z.string().describe('Names this template, to wait for a better one with.'),
  target: z.string().describe('The target that the hash must not exceed.'),
  mintime: z.number().describe('The earliest time that is allowed, Unix seconds.'),
  mutable: z.array(z.string()).describe('What a miner may change.'),
  noncerange: z.string().describe('The nonces that are allowed.'),
  sigoplimit: z.number().describe("The most that a block's signature operations may cost."),
  sizelimit: z.number().describe('The most bytes of a block.'),
  weightlimit: z.number().optional().describe('The most weight units of a block.'),
  curtime: z.number().describe('The time now, Unix seconds.'),
  bits: z.string().describe('The compact target.'),
  height: z.number().describe('The height of the block to be.'),
  default_witness_commitment: z
    .string()
    .optional()
    .describe('An output script that commits to the witnesses of just these transactions.'),
})

/** Unknown keys are let pass, as BIP-0022 wants. */
const REQUEST_SCHEMA = z.looseObject({
  mode: z.string().optional().describe('template, which is the default, or proposal.'),
  capabilities: z.array(z.string()).optional().describe('What the caller can do.'),
  rules: z.array(z.string()).optional().describe('Rules that the caller knows; must have segwit.'),
  longpollid: z
    .string()
    .optional()
    .describe('Of the template that the caller has: the answer waits until there is a better one.'),
  data: z.string().optional().describe('Only to propose: the encoded block in hexadecimal.'),
})

type TemplateRequest = z.output<typeof REQUEST_SCHEMA>

/** Of a longpollid: the tip's hash, then the mempool's sequence. */
const TIP_HASH_DIGITS = 2 * HASH_SIZE

/** Which rules bind at the template's height. */
function listRules({ deployments }: ConsensusParams, height: number): readonly string[] {
  const rules = ['csv']
  if (height >= deployments.segwit) rules.push('!segwit')
  return [...rules, 'taproot']
}

async function describeTemplate(
  template: BlockTemplate,
  { params, hasCoinbaseFlags, templateTexts }: RpcContext,
) {
  const { commitmentScript } = template
  const previousBlockHash = toDisplayHex(template.prevBlockHash)
  const isSegwit = commitmentScript !== undefined
  // Before segwit, limits were in units that count a byte once.
  const scale = isSegwit ? 1 : WITNESS_SCALE_FACTOR
  return {
    capabilities: ['proposal'],
    version: template.version,
    rules: listRules(params, template.height),
    vbavailable: {},
    vbrequired: 0,
    previousblockhash: previousBlockHash,
    transactions: await templateTexts.get(template.transactions, scale),
    coinbaseaux: hasCoinbaseFlags ? { flags: '' } : {},
    coinbasevalue: template.coinbaseValue,
    longpollid: `${previousBlockHash}${template.sequence}`,
    target: targetToHex(template.target),
    mintime: template.minTime,
    mutable: ['time', 'transactions', 'prevblock'],
    noncerange: '00000000ffffffff',
    sigoplimit: MAX_BLOCK_SIGOPS_COST / scale,
    sizelimit: MAX_BLOCK_SIZE / scale,
    weightlimit: isSegwit ? MAX_BLOCK_WEIGHT : undefined,
    curtime: template.time,
    bits: bitsToHex(template.bits),
    height: template.height,
    default_witness_commitment:
      commitmentScript === undefined ? undefined : encodeHex(commitmentScript),
  }
}

/** Judges a candidate, whose proof of work is still to be found. */
async function judgeProposal({ chain }: RpcContext, data: string | undefined) {
  if (data === undefined) {
    throw new RpcError(RPC_CODES.TYPE_ERROR, 'Missing data String key for proposal')
  }
  const block = decodeBlockArgument(data)
  const known = chain.getEntry(blockHashHex(block))
  if (known?.validity === 'connected') return 'duplicate'
  if (known?.isFailed === true) return 'duplicate-invalid'
  if (known !== undefined) return 'duplicate-inconclusive'
  try {
    return (await chain.checkCandidate(block)) ? null : 'inconclusive-not-best-prevblk'
  } catch (error) {
    return toRejectReason(error)
  }
}

/** Refuses work that would be in vain, where blocks are worth money. */
function requireConnection({ params, network, isCaughtUp }: RpcContext): void {
  if (params.rpcChain !== REAL_CHAIN) return
  if (network.peers().length === 0) {
    throw new RpcError(RPC_CODES.CLIENT_NOT_CONNECTED, 'Quarry is not connected!')
  }
  if (!isCaughtUp()) {
    throw new RpcError(
      RPC_CODES.CLIENT_IN_INITIAL_DOWNLOAD,
      'Quarry is in initial sync and waiting for blocks...',
    )
  }
}

/** @throws {@link RpcError} -8 if it does not begin with a hash. */
function readLongPollId(id: string): KnownTemplate {
  const tipHash = id.slice(0, TIP_HASH_DIGITS)
  const parsed = hashSchema('longpollid').safeParse(tipHash)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, issue?.message ?? 'Invalid longpollid')
  }
  const sequence = Number.parseInt(id.slice(TIP_HASH_DIGITS), 10)
  return { prevBlockHash: fromDisplayHex(parsed.data), sequence }
}

async function createTemplate(
  context: RpcContext,
  { mode, rules, longpollid }: TemplateRequest,
  signal: RpcCall['signal'],
) {
  if (mode !== undefined && mode !== 'template') {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Invalid mode')
  }
  requireConnection(context)
  if (rules?.includes('segwit') !== true) {
    throw new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      'getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})',
    )
  }
  if (longpollid !== undefined) {
    await context.templateWaits.wait(readLongPollId(longpollid), signal)
    requireConnection(context)
  }
  let template: BlockTemplate
  try {
    template = context.mining.getTemplate()
  } catch (error) {
    throw toTemplateError(error)
  }
  return describeTemplate(template, context)
}

/** `getblocktemplate` */
export const getBlockTemplate = defineMethod({
  name: 'getblocktemplate',
  category: 'mining',
  summary: 'Gives what a miner needs to make the next block, or judges a block that one proposes.',
  params: [
    {
      name: 'template_request',
      schema: REQUEST_SCHEMA.default({}),
      description: 'What is asked for, after BIP-0022, BIP-0023 and BIP-0145.',
    },
  ],
  result: [
    {
      condition: 'if a proposal was accepted',
      schema: z.null(),
    },
    {
      condition: 'if a proposal was not accepted',
      schema: z.string(),
      description: 'Why, after BIP-0022.',
    },
    { condition: 'otherwise', schema: TEMPLATE_SCHEMA },
  ],
  examples: [[{ rules: ['segwit'] }]],
  handler: (context: RpcContext, { template_request: request }, { signal }) =>
    request.mode === 'proposal'
      ? judgeProposal(context, request.data)
      : createTemplate(context, request, signal),
})
