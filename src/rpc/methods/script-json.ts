/** @module Scripts as methods show them. */

import * as z from 'zod'
import type { ConsensusParams } from '../../consensus/index.ts'
import { classifyOutput, disassemble, encodeAddress } from '../../script/index.ts'
import { encodeHex } from '../../util/index.ts'
import { inferDescriptor } from './output-descriptor.ts'

/** Schema of an output script. */
export const OUTPUT_SCRIPT_SCHEMA = z.object({
  asm: z.string().describe('The script in words.'),
  desc: z.string().describe('The script as an output descriptor.'),
  hex: z.string().describe('The script in hexadecimal.'),
  address: z.string().optional().describe('Its address, if it has one.'),
  type: z.string().describe('Its form, such as witness_v0_keyhash.'),
})

/**
 * Fills {@link OUTPUT_SCRIPT_SCHEMA}.
 *
 * @param known - Scripts behind hashes that its descriptor may name.
 * @see Bitcoin Core `ScriptToUniv`
 */
export function describeOutputScript(
  script: Uint8Array,
  params: ConsensusParams,
  known: readonly Uint8Array[] = [],
) {
  const { type } = classifyOutput(script)
  const address = encodeAddress(script, params.addressPrefixes)
  return {
    asm: disassemble(script),
    desc: inferDescriptor(script, address, known),
    hex: encodeHex(script),
    address,
    type,
  }
}

/** Schema of an input script. */
export const INPUT_SCRIPT_SCHEMA = z.object({
  asm: z.string().describe('The script in words; signatures name their hash type.'),
  hex: z.string().describe('The script in hexadecimal.'),
})

/** Fills {@link INPUT_SCRIPT_SCHEMA}. @see Bitcoin Core `TxToUniv` */
export function describeInputScript(script: Uint8Array) {
  return { asm: disassemble(script, { namesHashTypes: true }), hex: encodeHex(script) }
}

/** Schema of a script behind a hash. */
export const INNER_SCRIPT_SCHEMA = z.object({
  asm: z.string().describe('The script in words.'),
  hex: z.string().describe('The script in hexadecimal.'),
  type: z.string().describe('Its form.'),
})

/** Fills {@link INNER_SCRIPT_SCHEMA}. @see Bitcoin Core `ScriptToUniv` */
export function describeInnerScript(script: Uint8Array) {
  return { asm: disassemble(script), hex: encodeHex(script), type: classifyOutput(script).type }
}
