/** @module Transactions and scripts, without any key. */

import { sha256 } from '@noble/hashes/sha2.js'
import * as z from 'zod'
import type { ConsensusParams } from '../../consensus/index.ts'
import { encodeTransaction } from '../../primitives/index.ts'
import {
  classifyOutput,
  createScriptHashScript,
  createWitnessScript,
  encodeAddress,
  hash160,
  hasValidOpcodes,
  isSuccessOpcode,
  isUnspendable,
  OP_CHECKSIGADD,
  readSteps,
} from '../../script/index.ts'
import { DecodeError, decodeHex, encodeHex } from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { CREATE_PARAMS, constructTransaction } from './raw-transaction-inputs.ts'
import { describeOutputScript } from './script-json.ts'

/** `createrawtransaction` */
export const createRawTransaction = defineMethod({
  name: 'createrawtransaction',
  category: 'rawtransactions',
  summary: 'Puts a transaction together. It is neither signed nor sent.',
  params: CREATE_PARAMS,
  result: { schema: z.string(), description: 'The encoded transaction in hexadecimal.' },
  examples: [[[{ txid: 'mytxid', vout: 0 }], [{ address: 0.01 }]]],
  handler: (context: RpcContext, args) =>
    encodeHex(encodeTransaction(constructTransaction(context, args))),
})

const SCRIPT_FIELDS = {
  asm: z.string().describe('The script in words.'),
  desc: z.string().describe('The script as an output descriptor.'),
  type: z.string().describe('Its form, such as witness_v0_keyhash.'),
  address: z.string().optional().describe('Its address, if it has one.'),
} as const

/** Forms that P2SH may wrap, and whether a segwit output may too. */
const WRAPPABLE: ReadonlyMap<string, boolean> = new Map([
  ['pubkey', true],
  ['pubkeyhash', true],
  ['multisig', true],
  ['nonstandard', true],
  ['witness_v0_keyhash', false],
  ['witness_v0_scripthash', false],
])
const COMPRESSED_KEY_SIZE = 33

/** Whether an opcode in it makes a script one that nobody can spend, or one that only tapscript knows. */
function hasTapscriptOpcode(script: Uint8Array): boolean {
  return readSteps(script).steps.some(
    ({ opcode }) => opcode === OP_CHECKSIGADD || isSuccessOpcode(opcode),
  )
}

/** The segwit output that pays to the same; undefined if there is none. */
function toSegwit(script: Uint8Array): Uint8Array | undefined {
  const output = classifyOutput(script)
  if (WRAPPABLE.get(output.type) !== true) return undefined
  const isCompressed = ({ length }: Uint8Array): boolean => length === COMPRESSED_KEY_SIZE
  if (output.type === 'pubkey') {
    if (!isCompressed(output.publicKey)) return undefined
    return createWitnessScript({ version: 0, program: hash160(output.publicKey) })
  }
  if (output.type === 'pubkeyhash') return createWitnessScript({ version: 0, program: output.hash })
  if (output.type === 'multisig' && !output.publicKeys.every(isCompressed)) return undefined
  return createWitnessScript({ version: 0, program: sha256(script) })
}

/** How a script can be wrapped. @see Bitcoin Core `decodescript`, `can_wrap` and `can_wrap_P2WSH` */
function describeWrapped(script: Uint8Array, params: ConsensusParams) {
  const isSpendable =
    hasValidOpcodes(script) && !isUnspendable(script) && !hasTapscriptOpcode(script)
  if (!isSpendable || !WRAPPABLE.has(classifyOutput(script).type)) return {}
  const nest = (inner: Uint8Array): string | undefined =>
    encodeAddress(createScriptHashScript(hash160(inner)), params.addressPrefixes)
  const segwit = toSegwit(script)
  return {
    p2sh: nest(script),
    segwit:
      segwit === undefined
        ? undefined
        : { ...describeOutputScript(segwit, params, [script]), 'p2sh-segwit': nest(segwit) },
  }
}

/** `decodescript` */
export const decodeScript = defineMethod({
  name: 'decodescript',
  category: 'rawtransactions',
  summary: 'Shows what an output script says, and how it could be wrapped.',
  params: [{ name: 'hexstring', schema: z.string(), description: 'The script in hexadecimal.' }],
  result: {
    schema: z.object({
      ...SCRIPT_FIELDS,
      p2sh: z.string().optional().describe('The address of the script behind a hash (P2SH).'),
      segwit: z
        .object({
          ...SCRIPT_FIELDS,
          hex: z.string().describe('The output script in hexadecimal.'),
          'p2sh-segwit': z.string().optional().describe('The address of that one behind a hash.'),
        })
        .optional()
        .describe('The segwit output that pays to the same.'),
    }),
  },
  examples: [['76a914bd23b0ca2a1ab9fbc0a1d1b6b46a8ad6a2ad9d9388ac']],
  handler: ({ params }: RpcContext, { hexstring }) => {
    let script: Uint8Array
    try {
      script = decodeHex(hexstring)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const message = `argument must be hexadecimal string (not '${hexstring.slice(0, 100)}')`
      throw new RpcError(RPC_CODES.INVALID_PARAMETER, message, { cause: error })
    }
    const { hex: _, ...described } = describeOutputScript(script, params)
    return { ...described, ...describeWrapped(script, params) }
  },
})
