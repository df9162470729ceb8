/** @module Addresses to be paid at. */

import * as z from 'zod'
import type { DescriptorKind } from '../../wallet/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { NOTE_SCHEMA } from './payment-arguments.ts'
import { withWallet } from './wallet-access.ts'

/** Forms of addresses by the names that callers give them. @see Bitcoin Core `ParseOutputType` */
const ADDRESS_TYPES: ReadonlyMap<string, DescriptorKind> = new Map([
  ['legacy', 'pkh'],
  ['p2sh-segwit', 'sh-wpkh'],
  ['bech32', 'wpkh'],
  ['bech32m', 'tr'],
])

const ADDRESS_TYPE_PARAM = {
  name: 'address_type',
  schema: z.string().default('bech32'),
  description:
    'bech32 or bech32m; legacy and p2sh-segwit where such a descriptor has been imported.',
} as const

/** @throws {@link RpcError} -5 */
export function parseAddressType(text: string): DescriptorKind {
  const kind = ADDRESS_TYPES.get(text)
  if (kind !== undefined) return kind
  throw new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, `Unknown address type '${text}'`)
}

/** `getnewaddress` */
export const getNewAddress = defineMethod({
  name: 'getnewaddress',
  category: 'wallet',
  summary: 'Gives an address to be paid at that nobody has been given yet.',
  params: [
    { name: 'label', schema: NOTE_SCHEMA.default(''), description: 'What it is for.' },
    ADDRESS_TYPE_PARAM,
  ],
  result: { schema: z.string(), description: 'The address.' },
  examples: [[], ['rent', 'bech32m']],
  handler: (context: RpcContext, { label, address_type: type }, call) =>
    withWallet(context, call, (wallet) => {
      if (label === '*') {
        throw new RpcError(RPC_CODES.WALLET_INVALID_LABEL_NAME, 'Invalid label name')
      }
      return wallet.createAddress(parseAddressType(type), label)
    }),
})

/** `getrawchangeaddress` */
export const getRawChangeAddress = defineMethod({
  name: 'getrawchangeaddress',
  category: 'wallet',
  summary: 'Gives an address for change, for transactions that are put together by hand.',
  params: [ADDRESS_TYPE_PARAM],
  result: { schema: z.string(), description: 'The address.' },
  examples: [[]],
  handler: (context: RpcContext, { address_type: type }, call) =>
    withWallet(context, call, (wallet) => wallet.createChangeAddress(parseAddressType(type))),
})
