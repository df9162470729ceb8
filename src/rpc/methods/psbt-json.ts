/** @module A partially signed transaction in words. */

import * as z from 'zod'
import type { ConsensusParams } from '../../consensus/index.ts'
import { decodeTransaction } from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import type { Psbt, PsbtParts } from '../../wallet/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { formatKeyPath } from './get-address-info.ts'
import {
  describeInnerScript,
  describeInputScript,
  describeOutputScript,
  INNER_SCRIPT_SCHEMA,
  INPUT_SCRIPT_SCHEMA,
  OUTPUT_SCRIPT_SCHEMA,
} from './script-json.ts'
import { describeTransaction, TRANSACTION_FIELDS } from './transaction-json.ts'

const KEY_FIELDS = {
  pubkey: z.string().describe('The public key.'),
  master_fingerprint: z.string().describe("The master key's fingerprint."),
  path: z.string().describe('The path from there.'),
} as const

const OWNER_FIELDS = {
  redeem_script: INNER_SCRIPT_SCHEMA.optional().describe('The script behind it, for P2SH.'),
  witness_script: INNER_SCRIPT_SCHEMA.optional().describe('The script behind it, for P2WSH.'),
  bip32_derivs: z.array(z.object(KEY_FIELDS)).optional().describe('Where keys come from.'),
  taproot_internal_key: z.string().optional().describe('The untweaked key.'),
  taproot_bip32_derivs: z
    .array(z.object({ ...KEY_FIELDS, leaf_hashes: z.array(z.string()) }))
    .optional()
    .describe('Where taproot keys come from.'),
} as const

const OBJECT_SCHEMA = z.record(z.string(), z.string())

/** What `decodepsbt` shows. */
export const PSBT_SCHEMA = z.object({
  tx: z.object(TRANSACTION_FIELDS).describe('The transaction without signatures.'),
  global_xpubs: z.array(z.string()).describe('Not shown.'),
  psbt_version: z.number().describe('The version of the format.'),
  proprietary: z.array(z.string()).describe('Not shown.'),
  unknown: OBJECT_SCHEMA.describe('Not shown.'),
  inputs: z.array(
    z.object({
      non_witness_utxo: z.object(TRANSACTION_FIELDS).optional().describe('What made the output.'),
      witness_utxo: z
        .object({ amount: z.number(), scriptPubKey: OUTPUT_SCRIPT_SCHEMA })
        .optional()
        .describe('The output that is spent.'),
      partial_signatures: OBJECT_SCHEMA.optional().describe('Signatures by public key.'),
      sighash: z.string().optional().describe('What they are to sign.'),
      ...OWNER_FIELDS,
      final_scriptSig: INPUT_SCRIPT_SCHEMA.optional(),
      final_scriptwitness: z.array(z.string()).optional(),
      taproot_key_path_sig: z.string().optional().describe('The signature of the key.'),
    }),
  ),
  outputs: z.array(z.object(OWNER_FIELDS)),
  fee: z.number().optional().describe('What it pays, in coins, if that is known.'),
})

const SIGHASH_NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, 'DEFAULT'],
  [0x01, 'ALL'],
  [0x02, 'NONE'],
  [0x03, 'SINGLE'],
  [0x81, 'ALL|ANYONECANPAY'],
  [0x82, 'NONE|ANYONECANPAY'],
  [0x83, 'SINGLE|ANYONECANPAY'],
])
const FINGERPRINT_DIGITS = 8
const HEX_RADIX = 16

type PsbtInput = ReturnType<Psbt['getInput']>
type PsbtOutput = ReturnType<Psbt['getOutput']>

function describeScript(script: Uint8Array | undefined) {
  return script === undefined ? undefined : describeInnerScript(script)
}

function describeKey(
  publicKey: Uint8Array,
  { fingerprint, path }: { fingerprint: number; path: number[] },
) {
  return {
    pubkey: encodeHex(publicKey),
    master_fingerprint: fingerprint.toString(HEX_RADIX).padStart(FINGERPRINT_DIGITS, '0'),
    path: formatKeyPath(path),
  }
}

function describeOwner(owner: PsbtInput | PsbtOutput) {
  const { tapInternalKey, tapBip32Derivation, bip32Derivation } = owner
  return {
    redeem_script: describeScript(owner.redeemScript),
    witness_script: describeScript(owner.witnessScript),
    bip32_derivs: bip32Derivation?.map(([key, der]) => describeKey(key, der)),
    taproot_internal_key: tapInternalKey === undefined ? undefined : encodeHex(tapInternalKey),
    taproot_bip32_derivs: tapBip32Derivation?.map(([key, { hashes, der }]) => ({
      ...describeKey(key, der),
      leaf_hashes: hashes.map(encodeHex),
    })),
  }
}

function describeInput(input: PsbtInput, source: Uint8Array | undefined, params: ConsensusParams) {
  const { witnessUtxo, partialSig, sighashType, finalScriptSig, finalScriptWitness } = input
  const hasScript = finalScriptSig !== undefined && finalScriptSig.length > 0
  const hasWitness = finalScriptWitness !== undefined && finalScriptWitness.length > 0
  return {
    non_witness_utxo:
      source === undefined ? undefined : describeTransaction(decodeTransaction(source), { params }),
    witness_utxo:
      witnessUtxo === undefined
        ? undefined
        : {
            amount: btcAmount(witnessUtxo.amount),
            scriptPubKey: describeOutputScript(witnessUtxo.script, params),
          },
    partial_signatures:
      partialSig === undefined
        ? undefined
        : Object.fromEntries(partialSig.map(([key, sig]) => [encodeHex(key), encodeHex(sig)])),
    sighash: sighashType === undefined ? undefined : SIGHASH_NAMES.get(sighashType),
    ...describeOwner(input),
    final_scriptSig: hasScript ? describeInputScript(finalScriptSig) : undefined,
    final_scriptwitness: hasWitness ? finalScriptWitness.map(encodeHex) : undefined,
    taproot_key_path_sig: input.tapKeySig === undefined ? undefined : encodeHex(input.tapKeySig),
  }
}

/** Fills {@link PSBT_SCHEMA}. */
export function describePsbt({ psbt, unsigned, sources, fee }: PsbtParts, params: ConsensusParams) {
  return {
    tx: describeTransaction(unsigned, { params }),
    global_xpubs: [],
    psbt_version: psbt.opts.PSBTVersion,
    proprietary: [],
    unknown: {},
    inputs: unsigned.inputs.map((_, i) => describeInput(psbt.getInput(i), sources[i], params)),
    outputs: unsigned.outputs.map((_, i) => describeOwner(psbt.getOutput(i))),
    fee: fee === undefined ? undefined : btcAmount(fee),
  }
}
