/** @module Partially signed transactions. @see BIP-0174, BIP-0371 */

import { base64 } from '@scure/base'
import { Transaction as PsbtTransaction, RawTx } from '@scure/btc-signer'
import {
  decodeTransaction,
  encodeTransaction,
  type Transaction,
  type TxOut,
  toDisplayHex,
} from '../primitives/index.ts'
import { DecodeError, equalBytes } from '../util/index.ts'
import type { DerivedKey } from './descriptor.ts'
import { disguiseFields, revealFields } from './psbt-maps.ts'
import { findInternalKey, SIGNING_OPTIONS, type SpentOutput } from './signer.ts'
import { WalletError } from './wallet-error.ts'

/** A partially signed transaction as the library has it. */
export type Psbt = PsbtTransaction

/** What somebody else says of a legacy input's amount is not believed without the transaction that proves it. */
const PSBT_OPTIONS = {
  ...SIGNING_OPTIONS,
  allowLegacyWitnessUtxo: false,
  unknown: 'ignore',
} as const
/** Longer texts are refused before they are decoded: no transaction that can be relayed needs so much. */
const MAX_PSBT_TEXT_LENGTH = 16 * 1_048_576

/** @param why - In Bitcoin Core's words or ours, never the library's. */
function damaged(why: string, cause?: unknown): WalletError {
  return new WalletError('bad-psbt', `TX decode failed ${why}`, { cause })
}

/** Makes one out of a transaction without signatures. */
export function createPsbt(tx: Transaction): Psbt {
  const psbt = new PsbtTransaction({
    ...PSBT_OPTIONS,
    version: tx.version,
    lockTime: tx.lockTime,
  })
  for (const { prevout, sequence } of tx.inputs) {
    psbt.addInput({ txid: toDisplayHex(prevout.txid), index: prevout.vout, sequence })
  }
  for (const { value, scriptPubKey } of tx.outputs) {
    psbt.addOutput({ amount: value, script: scriptPubKey })
  }
  return psbt
}

/** Reads base64. @throws {@link WalletError} `bad-psbt` */
export function decodePsbt(text: string): Psbt {
  if (text.length > MAX_PSBT_TEXT_LENGTH) throw damaged('it is too long')
  let bytes: Uint8Array
  try {
    bytes = base64.decode(text)
  } catch {
    throw damaged('invalid base64')
  }
  try {
    return PsbtTransaction.fromPSBT(disguiseFields(bytes), PSBT_OPTIONS)
  } catch (error) {
    throw error instanceof WalletError ? error : damaged('a field of it is not valid', error)
  }
}

/** Writes base64. */
export function encodePsbt(psbt: Psbt): string {
  return base64.encode(revealFields(psbt.toPSBT()))
}

/** The transaction without signatures. */
export function unsignedOf(psbt: Psbt): Transaction {
  try {
    return decodeTransaction(psbt.unsignedTx)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw damaged('its transaction is not valid', error)
  }
}

/** What an input spends, as far as it says so. */
export function spentOf(psbt: Psbt, index: number): TxOut | undefined {
  const { witnessUtxo, nonWitnessUtxo, index: vout = 0 } = psbt.getInput(index)
  const output = nonWitnessUtxo?.outputs[vout] ?? witnessUtxo
  if (output === undefined) return undefined
  return { value: output.amount, scriptPubKey: output.script }
}

/** Joins what several people know of one transaction. @throws {@link WalletError} `bad-payment` */
export function combinePsbts(list: readonly Psbt[]): Psbt {
  const [first, ...others] = list
  if (first === undefined)
    throw new WalletError('bad-transaction', "Parameter 'txs' cannot be empty")
  try {
    for (const other of others) first.combine(other)
    return first
  } catch (error) {
    throw new WalletError('bad-transaction', 'PSBTs not compatible (different transactions)', {
      cause: error,
    })
  }
}

function toNumber(fingerprint: Uint8Array): number {
  return new DataView(fingerprint.buffer, fingerprint.byteOffset).getUint32(0)
}

/** Where a key comes from, in the library's form. */
function describeKey({ kind, publicKey, fingerprint, path, redeemScript }: DerivedKey) {
  const der = { fingerprint: toNumber(fingerprint), path: [...path] }
  if (kind !== 'tr') {
    return {
      bip32Derivation: [[publicKey, der]] as [Uint8Array, typeof der][],
      ...(redeemScript === undefined ? {} : { redeemScript }),
    }
  }
  const tapInternalKey = publicKey.slice(1)
  return {
    tapInternalKey,
    tapBip32Derivation: [[tapInternalKey, { hashes: [], der }]] as [
      Uint8Array,
      { hashes: Uint8Array[]; der: typeof der },
    ][],
  }
}

/** What is known of an output that an input spends. */
export interface InputKnowledge {
  readonly spent: SpentOutput
  /** The transaction that made it. */
  readonly source: Transaction | undefined
  /** The key that spends it, if that may be told. */
  readonly key: DerivedKey | undefined
}

/**
 * Adds what is known of an input.
 *
 * @throws {@link WalletError} `bad-psbt` if the input says something else of what it spends.
 */
export function updateInput(psbt: Psbt, index: number, known: InputKnowledge): void {
  const { output } = known.spent
  const given = spentOf(psbt, index)
  const isOther =
    given !== undefined &&
    (given.value !== output.value || !equalBytes(given.scriptPubKey, output.scriptPubKey))
  if (isOther) throw damaged('an input does not spend what it says')
  const isTaproot = known.key?.kind === 'tr'
  const source = known.source
  psbt.updateInput(index, {
    witnessUtxo: { amount: output.value, script: output.scriptPubKey },
    ...(source === undefined || isTaproot ? {} : { nonWitnessUtxo: encodeTransaction(source) }),
    ...(known.key === undefined ? {} : describeKey(known.key)),
  })
}

/** Tells where an output's key comes from. */
export function updateOutput(psbt: Psbt, index: number, key: DerivedKey): void {
  psbt.updateOutput(index, describeKey(key), true)
}

/** Signs an input with the keys that fit. */
export function signPsbtInput(
  psbt: Psbt,
  index: number,
  keys: readonly Uint8Array[],
  hashType: number,
): void {
  const spent = spentOf(psbt, index)
  if (spent === undefined) return
  for (const key of keys) {
    const tapInternalKey = findInternalKey(key, spent.scriptPubKey)
    try {
      if (tapInternalKey !== undefined) psbt.updateInput(index, { tapInternalKey })
      psbt.signIdx(key, index, tapInternalKey === undefined ? [hashType] : [0, hashType])
    } catch {
      // This key is not one of this output's.
    }
  }
}

/** Whether an input needs nothing more. */
export function isFinalInput(psbt: Psbt, index: number): boolean {
  const { finalScriptSig, finalScriptWitness } = psbt.getInput(index)
  return (finalScriptSig?.length ?? 0) > 0 || (finalScriptWitness?.length ?? 0) > 0
}

/** Turns signatures into what the transaction has in their place, where there are enough. @returns Whether there are. */
export function finalizePsbt(psbt: Psbt): boolean {
  for (let i = 0; i < psbt.inputsLength; i++) {
    if (isFinalInput(psbt, i)) continue
    try {
      psbt.finalizeIdx(i)
    } catch {
      // It needs more signatures, or those of others.
    }
  }
  return psbt.isFinal
}

/** The finished transaction. @throws {@link WalletError} `bad-psbt` */
export function extractTransaction(psbt: Psbt): Transaction {
  try {
    return decodeTransaction(psbt.extract())
  } catch (error) {
    throw damaged('its signatures do not make a transaction', error)
  }
}

/** A partially signed transaction taken apart. */
export interface PsbtParts {
  readonly psbt: Psbt
  /** The transaction without signatures. */
  readonly unsigned: Transaction
  /** Of each input the transaction that it spends an output of, encoded. */
  readonly sources: readonly (Uint8Array | undefined)[]
  /** Satoshis; undefined if not all that is spent is known. */
  readonly fee: bigint | undefined
}

/** Takes one apart, to be shown. */
export function describeParts(psbt: Psbt): PsbtParts {
  const unsigned = unsignedOf(psbt)
  const sources = unsigned.inputs.map((_, i) => {
    const { nonWitnessUtxo } = psbt.getInput(i)
    return nonWitnessUtxo === undefined ? undefined : RawTx.encode(nonWitnessUtxo)
  })
  let fee: bigint | undefined = 0n
  for (const i of unsigned.inputs.keys()) {
    const spent = spentOf(psbt, i)
    fee = fee === undefined || spent === undefined ? undefined : fee + spent.value
  }
  for (const { value } of unsigned.outputs) fee = fee === undefined ? undefined : fee - value
  return { psbt, unsigned, sources, fee }
}
