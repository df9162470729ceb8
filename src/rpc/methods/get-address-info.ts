/** @module What a wallet knows of an address. */

import * as z from 'zod'
import { classifyOutput, describeAsCore } from '../../script/index.ts'
import { encodeHex } from '../../util/index.ts'
import type { OwnScript } from '../../wallet/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { decodeAddressArgument } from './address-argument.ts'
import { describeAddress } from './validate-address.ts'
import { withWallet } from './wallet-access.ts'

const HARDENED_OFFSET = 0x8000_0000

/** A path as Bitcoin Core writes it: `m/84h/1h/0h/0/0`. */
export function formatKeyPath(path: readonly number[]): string {
  const steps = path.map((step) =>
    step >= HARDENED_OFFSET ? `/${step - HARDENED_OFFSET}h` : `/${step}`,
  )
  return `m${steps.join('')}`
}

function describeOwn({ chain, key }: OwnScript) {
  const { descriptor, record } = chain
  return {
    desc: descriptor.describe(key),
    parent_desc: record.descriptor,
    pubkey: encodeHex(key.publicKey),
    timestamp: record.timestamp,
    hdkeypath: formatKeyPath(key.path),
    hdseedid: '0'.repeat(40),
    hdmasterfingerprint: encodeHex(key.fingerprint),
  }
}

/** `getaddressinfo` */
export const getAddressInfo = defineMethod({
  name: 'getaddressinfo',
  category: 'wallet',
  summary: 'Tells what the wallet knows of an address.',
  params: [{ name: 'address', schema: z.string(), description: 'The address.' }],
  result: {
    schema: z.object({
      address: z.string().describe('The address.'),
      scriptPubKey: z.string().describe('Its output script in hexadecimal.'),
      ismine: z.boolean().describe("Whether it is the wallet's."),
      solvable: z.boolean().describe('Whether the wallet knows what spends it.'),
      desc: z.string().optional().describe('Its descriptor.'),
      parent_desc: z.string().optional().describe('The descriptor that it comes from.'),
      iswatchonly: z.boolean().describe('Always false.'),
      isscript: z.boolean().optional().describe('Whether it pays to a script.'),
      iswitness: z.boolean().describe('Whether it is a segwit address.'),
      witness_version: z.number().optional().describe('The witness version.'),
      witness_program: z.string().optional().describe('The witness program in hexadecimal.'),
      pubkey: z.string().optional().describe('Its public key.'),
      ischange: z.boolean().describe('Whether it is for change.'),
      timestamp: z.number().optional().describe('Since when its descriptor is watched.'),
      hdkeypath: z.string().optional().describe("Its key's path."),
      hdseedid: z.string().optional().describe('Left over: zeros.'),
      hdmasterfingerprint: z.string().optional().describe("The master key's fingerprint."),
      labels: z.array(z.string()).describe('What it is for.'),
    }),
  },
  examples: [['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080']],
  handler: (context: RpcContext, { address }, call) =>
    withWallet(context, call, (wallet) => {
      const { addressPrefixes } = context.params
      const script = decodeAddressArgument(
        address,
        addressPrefixes,
        describeAsCore(address, addressPrefixes),
      )
      const own = wallet.keys.ring.find(script)
      const label = wallet.labelOf(address)
      const { isvalid: _, ...described } = describeAddress(script, address)
      return {
        ...described,
        ismine: own !== undefined,
        solvable: own !== undefined && classifyOutput(script).type !== 'nonstandard',
        ...(own === undefined ? {} : describeOwn(own)),
        iswatchonly: false,
        ischange: own?.chain.record.isInternal === true,
        labels: label === undefined ? [] : [label],
      }
    }),
})
