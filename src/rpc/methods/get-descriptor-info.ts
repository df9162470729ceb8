/** @module Descriptors without a wallet. */

import * as z from 'zod'
import { encodeAddress, withDescriptorChecksum } from '../../script/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { parseRange, RANGE_SCHEMA } from './import-descriptors.ts'
import { parseOutputDescriptor } from './output-descriptor.ts'
import { refusing } from './wallet-access.ts'

/** Addresses that one call gives at most: each takes a key derivation, during which nobody else has a turn. */
const MAX_DERIVED = 10_000
/** What holds no key. */
const KEYLESS = /^(addr|raw)\(/

/** Loads what reads descriptors: libraries that nothing else needs. */
async function parse({ params }: RpcContext, text: string, isChecksumRequired: boolean) {
  const wallet = await import('../../wallet/index.ts')
  const { rpcChain, addressPrefixes } = params
  const network = wallet.createKeyNetwork(rpcChain === 'main', addressPrefixes.secretKey)
  return wallet.parseDescriptor(text, network, isChecksumRequired)
}

/** `getdescriptorinfo` */
export const getDescriptorInfo = defineMethod({
  name: 'getdescriptorinfo',
  category: 'util',
  summary: 'Checks a descriptor, and tells its checksum.',
  params: [{ name: 'descriptor', schema: z.string(), description: 'The descriptor.' }],
  result: {
    schema: z.object({
      descriptor: z.string().describe('Without private keys, with checksum.'),
      checksum: z.string().describe('The checksum of what was given.'),
      isrange: z.boolean().describe('Whether it stands for many outputs.'),
      issolvable: z.boolean().describe('Whether it tells how they are spent.'),
      hasprivatekeys: z.boolean().describe('Whether it has a private key.'),
    }),
  },
  examples: [['wpkh(02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5)']],
  handler: (context: RpcContext, { descriptor: text }) =>
    refusing(async () => {
      const [bare = ''] = text.split('#', 1)
      if (KEYLESS.test(text)) {
        parseOutputDescriptor(text, context.params.addressPrefixes)
        const whole = withDescriptorChecksum(bare)
        const checksum = whole.slice(bare.length + 1)
        const nothing = { isrange: false, issolvable: false, hasprivatekeys: false }
        return { descriptor: whole, checksum, ...nothing }
      }
      const descriptor = await parse(context, text, false)
      return {
        descriptor: descriptor.toPublicText(),
        checksum: withDescriptorChecksum(bare).slice(bare.length + 1),
        isrange: descriptor.isRanged,
        issolvable: true,
        hasprivatekeys: descriptor.hasPrivateKey,
      }
    }),
})

/** `deriveaddresses` */
export const deriveAddresses = defineMethod({
  name: 'deriveaddresses',
  category: 'util',
  summary: 'Tells the addresses that a descriptor stands for.',
  params: [
    { name: 'descriptor', schema: z.string(), description: 'The descriptor, with checksum.' },
    {
      name: 'range',
      schema: RANGE_SCHEMA.optional(),
      description: 'The last index, or the first and the last.',
    },
  ],
  result: { schema: z.array(z.string().describe('An address.')) },
  examples: [['wpkh(mykey/0/*)#checksum', [0, 2]]],
  handler: (context: RpcContext, { descriptor: text, range }) =>
    refusing(async () => {
      const { addressPrefixes } = context.params
      const refuse = (message: string): RpcError =>
        new RpcError(RPC_CODES.INVALID_PARAMETER, message)
      const toAddress = (script: Uint8Array): string => {
        const address = encodeAddress(script, addressPrefixes)
        if (address !== undefined) return address
        throw new RpcError(
          RPC_CODES.INVALID_ADDRESS_OR_KEY,
          'Descriptor does not have a corresponding address',
        )
      }
      if (KEYLESS.test(text)) return [toAddress(parseOutputDescriptor(text, addressPrefixes))]
      const descriptor = await parse(context, text, true)
      if (!descriptor.isRanged) {
        if (range !== undefined)
          throw refuse('Range should not be specified for an un-ranged descriptor')
        return [toAddress(descriptor.derive(0).scriptPubKey)]
      }
      if (range === undefined) throw refuse('Range must be specified for a ranged descriptor')
      const [low, high] = parseRange(range)
      if (high - low >= MAX_DERIVED) throw refuse('Range is too large')
      const keys = await descriptor.deriveRange(low, high + 1, context.clock)
      return keys.map(({ scriptPubKey }) => toAddress(scriptPubKey))
    }),
})
