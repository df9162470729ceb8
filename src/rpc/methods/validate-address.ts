/** @module What an address stands for. */

import * as z from 'zod'
import {
  AddressError,
  classifyOutput,
  decodeAddress,
  describeAsCore,
  encodeAddress,
} from '../../script/index.ts'
import { encodeHex } from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'

/** Kinds of output whose conditions are in a script that only its spender shows. */
const SCRIPT_TYPES: ReadonlySet<string> = new Set([
  'scripthash',
  'witness_v0_scripthash',
  'witness_v1_taproot',
  'anchor',
])
/** Opcodes that push the numbers from 1 on follow this one. */
const OP_NUMBER_BASE = 0x50

/** Version and program of a segwit output: the opcode of a number, then one push. */
function describeWitness(script: Uint8Array) {
  const [first = 0] = script
  return {
    witness_version: first === 0 ? 0 : first - OP_NUMBER_BASE,
    witness_program: encodeHex(script.slice(2)),
  }
}

/** Describes an address that is one. @see Bitcoin Core `DescribeAddress` */
export function describeAddress(script: Uint8Array, address: string) {
  const { type } = classifyOutput(script)
  const isWitness = type === 'anchor' || type.startsWith('witness_')
  return {
    isvalid: true,
    address,
    scriptPubKey: encodeHex(script),
    // Of a witness version that nobody knows yet, nobody can say.
    isscript: type === 'witness_unknown' ? undefined : SCRIPT_TYPES.has(type),
    iswitness: isWitness,
    ...(isWitness ? describeWitness(script) : {}),
  }
}

/** `validateaddress` */
export const validateAddress = defineMethod({
  name: 'validateaddress',
  category: 'util',
  summary: 'Tells whether a text is an address of this chain, and what it pays to.',
  params: [{ name: 'address', schema: z.string(), description: 'The address.' }],
  result: {
    schema: z.object({
      isvalid: z.boolean().describe('Whether it is. If not, only the error follows.'),
      address: z.string().optional().describe('The address.'),
      scriptPubKey: z.string().optional().describe('The output script in hexadecimal.'),
      isscript: z.boolean().optional().describe('Whether it pays to a script.'),
      iswitness: z.boolean().optional().describe('Whether it is a segwit address.'),
      witness_version: z.number().optional().describe('The witness version.'),
      witness_program: z.string().optional().describe('The witness program in hexadecimal.'),
      error_locations: z.array(z.number()).optional().describe('Empty: not searched for.'),
      error: z.string().optional().describe("What is wrong with it, in Bitcoin Core's words."),
      quarry_reason: z
        .string()
        .optional()
        .describe("The same in ours: also which network's it is, if it is another one's."),
    }),
  },
  examples: [['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080']],
  handler: ({ params: { addressPrefixes } }: RpcContext, { address }) => {
    try {
      const script = decodeAddress(address, addressPrefixes)
      return describeAddress(script, encodeAddress(script, addressPrefixes) ?? address)
    } catch (error) {
      if (!(error instanceof AddressError)) throw error
      return {
        isvalid: false,
        error_locations: [],
        error: describeAsCore(address, addressPrefixes),
        quarry_reason: error.message,
      }
    }
  },
})
