/** @module Keys as descriptors, in and out of a wallet, and looking for what they got. */

import * as z from 'zod'
import type { NewDescriptor, Wallet } from '../../wallet/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { NOTE_SCHEMA } from './payment-arguments.ts'
import { requireManager, toWalletRpcError, withWallet } from './wallet-access.ts'

/** Clocks of miners may be so far off. @see Bitcoin Core `TIMESTAMP_WINDOW` */
const TIMESTAMP_WINDOW_SECONDS = 7_200
const MAX_RANGE_END = 0x7fff_ffff
/** @see Bitcoin Core `ParseDescriptorRange` */
const MAX_RANGE_SIZE = 1_000_000
/** Indexes below this can be watched: each takes a key derivation, now and whenever the wallet is loaded. */
const MAX_IMPORTED_RANGE = 10_000
const MAX_REQUESTS = 1_000

/** The last index, or the first and the last. */
export const RANGE_SCHEMA = z.union([z.int(), z.tuple([z.int(), z.int()])])

const REQUEST_SCHEMA = z.strictObject({
  desc: z.string().optional().describe('The descriptor, with checksum.'),
  active: z.boolean().default(false).describe('Whether new addresses come from it.'),
  range: RANGE_SCHEMA.optional().describe(
    'The last index that is used, or the first and the last.',
  ),
  next_index: z.int().min(0).optional().describe('The first index for new addresses.'),
  timestamp: z
    .union([z.int().min(0), z.string()])
    .optional()
    .describe('Since when it may have got something: Unix seconds, or "now".'),
  internal: z.boolean().default(false).describe('Whether it is for change.'),
  label: NOTE_SCHEMA.default('').describe('What its address is for.'),
})

type ImportRequest = z.output<typeof REQUEST_SCHEMA>

/** The first and last index of a range. @throws {@link RpcError} -8 @see Bitcoin Core `ParseDescriptorRange` */
export function parseRange(range: z.output<typeof RANGE_SCHEMA>): readonly [number, number] {
  const [low, high] = typeof range === 'number' ? [0, range] : range
  const refuse = (message: string): RpcError => new RpcError(RPC_CODES.INVALID_PARAMETER, message)
  if (low < 0) throw refuse('Range should be greater or equal than 0')
  if (high < low) throw refuse('Range specified as [begin,end] must not have begin after end')
  if (high > MAX_RANGE_END) throw refuse('End of range is too high')
  if (high - low >= MAX_RANGE_SIZE) throw refuse('Range is too large')
  return [low, high]
}

/** The lowest block that may have something of a moment or later. */
function findHeight({ chain }: RpcContext, timestamp: number): number {
  let height = chain.tip.height
  while (height > 0) {
    const entry = chain.getActiveEntry(height - 1)
    if (entry === undefined || entry.time < timestamp - TIMESTAMP_WINDOW_SECONDS) break
    height -= 1
  }
  return height
}

function checkRequest(
  { keys }: Wallet,
  request: ImportRequest,
  descriptor: NewDescriptor['descriptor'],
): void {
  const refuse = (message: string): RpcError => new RpcError(RPC_CODES.WALLET_ERROR, message)
  const invalid = (message: string): RpcError => new RpcError(RPC_CODES.INVALID_PARAMETER, message)
  if (!keys.hasPrivateKeys && descriptor.hasPrivateKey) {
    throw refuse('Cannot import private keys to a wallet with private keys disabled')
  }
  if (keys.hasPrivateKeys && !descriptor.hasPrivateKey) {
    throw refuse(
      'Cannot import descriptor without private keys to a wallet with private keys enabled',
    )
  }
  if (!descriptor.isRanged) {
    if (request.active) throw invalid('Active descriptors must be ranged')
    if (request.range !== undefined) {
      throw invalid('Range should not be specified for an un-ranged descriptor')
    }
  } else if (request.label !== '') throw invalid('Ranged descriptors should not have a label')
  if (request.internal && request.label !== '') {
    throw invalid('Internal addresses should not have a label')
  }
}

/** Since when a request's keys may have got something. @see Bitcoin Core `GetImportTimestamp` */
function readTimestamp({ chain }: RpcContext, { timestamp }: ImportRequest): number {
  if (timestamp === 'now') return chain.tip.medianTimePast
  if (typeof timestamp === 'number') return timestamp
  const message =
    timestamp === undefined
      ? 'Missing required timestamp field for key'
      : 'Expected number or "now" timestamp value for key. got type string'
  throw new RpcError(RPC_CODES.TYPE_ERROR, message)
}

async function createImport(
  context: RpcContext,
  wallet: Wallet,
  request: ImportRequest,
): Promise<NewDescriptor> {
  const { parseDescriptor } = await import('../../wallet/index.ts')
  const timestamp = readTimestamp(context, request)
  if (request.desc === undefined) {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Descriptor not found.')
  }
  const descriptor = parseDescriptor(request.desc, requireManager(context).network, true)
  checkRequest(wallet, request, descriptor)
  const [, end] = request.range === undefined ? [0, -1] : parseRange(request.range)
  if (end >= MAX_IMPORTED_RANGE) {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Range is too large')
  }
  const nextIndex = request.next_index ?? 0
  const limit = request.range === undefined ? MAX_IMPORTED_RANGE : end + 1
  if (nextIndex >= limit) {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'next_index is out of range')
  }
  return {
    descriptor,
    isActive: request.active,
    isInternal: request.internal,
    nextIndex,
    rangeEnd: end + 1,
    timestamp,
  }
}

/** Takes one descriptor in, and says how that went. */
async function importOne(context: RpcContext, wallet: Wallet, request: ImportRequest) {
  try {
    const wanted = await createImport(context, wallet, request)
    await wallet.addDescriptors([wanted], findHeight(context, wanted.timestamp))
    if (!wanted.descriptor.isRanged && !request.internal) {
      const own = wallet.keys.ring.find(wanted.descriptor.derive(0).scriptPubKey)
      if (own !== undefined) await wallet.setLabel(wallet.addressOf(own), request.label)
    }
    const isOpen = wanted.descriptor.isRanged && request.range === undefined
    const warnings = isOpen ? ['Range not given, using default keypool range'] : undefined
    return { success: true as const, warnings, timestamp: wanted.timestamp }
  } catch (error) {
    const refusal = toWalletRpcError(error)
    if (!(refusal instanceof RpcError)) throw refusal
    return { success: false as const, error: { code: refusal.code, message: refusal.message } }
  }
}

/** `importdescriptors` */
export const importDescriptors = defineMethod({
  name: 'importdescriptors',
  category: 'wallet',
  summary: 'Takes keys in as descriptors, and looks through the chain for what they got.',
  params: [
    {
      name: 'requests',
      schema: z.array(REQUEST_SCHEMA).max(MAX_REQUESTS),
      description: 'The descriptors.',
    },
  ],
  result: {
    schema: z.array(
      z.object({
        success: z.boolean().describe('Whether it was taken.'),
        warnings: z.array(z.string()).optional().describe('What the caller should know.'),
        error: z
          .object({ code: z.number(), message: z.string() })
          .optional()
          .describe('Why it was not.'),
      }),
    ),
  },
  examples: [[[{ desc: 'wpkh(mykey)#checksum', timestamp: 'now' }]]],
  handler: (context: RpcContext, { requests }, call) =>
    withWallet(context, call, async (wallet) => {
      if (wallet.keys.hasPrivateKeys) wallet.keys.requireUnlocked()
      const results = []
      let earliest: number | undefined
      for (const request of requests) {
        const { timestamp, ...result } = {
          timestamp: undefined,
          ...(await importOne(context, wallet, request)),
        }
        results.push(result)
        if (timestamp !== undefined) earliest = Math.min(earliest ?? timestamp, timestamp)
      }
      if (earliest !== undefined) await wallet.rescan(findHeight(context, earliest))
      return results
    }),
})

/** `listdescriptors` */
export const listDescriptors = defineMethod({
  name: 'listdescriptors',
  category: 'wallet',
  summary: 'Lists the descriptors of a wallet.',
  params: [
    {
      name: 'private',
      schema: z.boolean().default(false),
      description: 'Whether private keys are shown.',
    },
  ],
  result: {
    schema: z.object({
      wallet_name: z.string().describe('The name of the wallet.'),
      descriptors: z.array(
        z.object({
          desc: z.string().describe('The descriptor.'),
          timestamp: z.number().describe('Since when it may have got something.'),
          active: z.boolean().describe('Whether new addresses come from it.'),
          internal: z.boolean().optional().describe('Whether those are for change.'),
          range: z.array(z.number()).optional().describe('The first and last index watched.'),
          next: z.number().optional().describe('The same as next_index.'),
          next_index: z.number().optional().describe('The first index for new addresses.'),
        }),
      ),
    }),
  },
  examples: [[]],
  handler: (context: RpcContext, { private: isPrivate }, call) =>
    withWallet(context, call, (wallet) => {
      const { keys } = wallet
      if (isPrivate && !keys.hasPrivateKeys) {
        throw new RpcError(
          RPC_CODES.WALLET_ERROR,
          "Can't get private descriptor string for watch-only wallets",
        )
      }
      const descriptors = keys.ring.chains.map((chain) => {
        const { record, descriptor, watchedEnd } = chain
        const next = descriptor.isRanged ? record.nextIndex : undefined
        return {
          desc: isPrivate ? (keys.privateTextOf(chain) ?? record.descriptor) : record.descriptor,
          timestamp: record.timestamp,
          active: record.isActive,
          internal: record.isActive ? record.isInternal : undefined,
          range: descriptor.isRanged ? [0, watchedEnd - 1] : undefined,
          next,
          next_index: next,
        }
      })
      return {
        wallet_name: wallet.name,
        descriptors: descriptors.sort((a, b) => (a.desc < b.desc ? -1 : 1)),
      }
    }),
})

/** `rescanblockchain` */
export const rescanBlockchain = defineMethod({
  name: 'rescanblockchain',
  category: 'wallet',
  summary: 'Looks through blocks again for what concerns the wallet.',
  params: [
    { name: 'start_height', schema: z.int().default(0), description: 'The first block.' },
    { name: 'stop_height', schema: z.int().optional(), description: 'The last; the tip without.' },
  ],
  result: {
    schema: z.object({
      start_height: z.number().describe('The first block that was looked through.'),
      stop_height: z.number().describe('The last one.'),
    }),
  },
  examples: [[], [100, 120]],
  handler: (context: RpcContext, { start_height: from, stop_height: to }, call) =>
    withWallet(context, call, async (wallet) => {
      const { height } = context.chain.tip
      const refuse = (message: string): RpcError =>
        new RpcError(RPC_CODES.INVALID_PARAMETER, message)
      if (from < 0 || from > height) throw refuse('Invalid start_height')
      if (to !== undefined && (to < 0 || to > height)) throw refuse('Invalid stop_height')
      if (to !== undefined && to < from) {
        throw refuse('stop_height must be greater than start_height')
      }
      return { start_height: from, stop_height: await wallet.rescan(from, to) }
    }),
})
