/** @module Signatures, by the library that also makes partially signed transactions. */

import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { Transaction as SigningTransaction } from '@scure/btc-signer'
import { MAX_MONEY_SATS } from '../consensus/index.ts'
import {
  encodeTransactionWithoutWitness,
  type Transaction,
  type TxIn,
  type TxOut,
} from '../primitives/index.ts'
import {
  classifyOutput,
  createWitnessScript,
  hash160,
  nobleSignatureEngine,
  precomputeTransactionData,
  ScriptError,
  type ScriptErrorCode,
  SIGHASH_ALL,
  SIGHASH_DEFAULT,
  STANDARD_SCRIPT_FLAGS,
  verifyInput,
} from '../script/index.ts'
import { type Clock, equalBytes, InvariantError, TurnTaker } from '../util/index.ts'
import { computeOutputKey } from './descriptor.ts'

/** What an input spends. */
export interface SpentOutput {
  /** Its amount is all money there can be if nobody has told it: signatures older than segwit do not commit to it. */
  readonly output: TxOut
  readonly redeemScript?: Uint8Array | undefined
  readonly witnessScript?: Uint8Array | undefined
}

/** Private keys that may fit an input: 32 bytes each. */
export type FindKeys = (spent: SpentOutput) => readonly Uint8Array[]

/** Why an input is not signed. */
export interface SigningFailure {
  readonly index: number
  readonly message: string
  /** The output that it spends, if only the amount is missing, which its signatures commit to. */
  readonly lacksAmountOf?: TxOut | undefined
}

/** The script of the segwit output of a key: what a nested one has behind its hash. @param publicKey - 33 bytes. */
export function describeKeyHash(publicKey: Uint8Array): Uint8Array {
  return createWitnessScript({ version: 0, program: hash160(publicKey) })
}

/** Finds the script behind a hash among those that are known. */
export function completeSpent(spent: SpentOutput, scripts: readonly Uint8Array[]): SpentOutput {
  const output = classifyOutput(spent.output.scriptPubKey)
  if (output.type !== 'scripthash' || spent.redeemScript !== undefined) return spent
  const redeemScript = scripts.find((script) => equalBytes(hash160(script), output.hash))
  return { ...spent, redeemScript }
}

/** A transaction with as many signatures as could be made. */
export interface SigningResult {
  readonly tx: Transaction
  /** None if it is complete. */
  readonly failures: readonly SigningFailure[]
}

/** What the library must not refuse: whether a form is standard is the mempool's to say. */
export const SIGNING_OPTIONS = {
  allowUnknownOutputs: true,
  allowUnknownInputs: true,
  allowUnknownVersion: true,
  allowLegacyWitnessUtxo: true,
  disableScriptCheck: true,
} as const
/** Stands for outputs that nobody knows. Signatures that would commit to it are not made. */
const UNKNOWN_OUTPUT = { amount: MAX_MONEY_SATS, script: Uint8Array.of(0x51) }
const MISSING_OUTPUT = 'Input not found or already spent'
/** Where they say more than the interpreter's own words. @see Bitcoin Core `SignTransaction` */
const FAULT_MESSAGES: Partial<Record<ScriptErrorCode, string>> = {
  INVALID_STACK_OPERATION: 'Unable to sign input, invalid stack size (possibly missing key)',
  SIG_NULLFAIL: 'CHECK(MULTI)SIG failing with non-zero signature (possibly need more signatures)',
}

/** The untweaked key of a taproot output that a private key spends; undefined if it does not. */
export function findInternalKey(
  privateKey: Uint8Array,
  scriptPubKey: Uint8Array,
): Uint8Array | undefined {
  const output = classifyOutput(scriptPubKey)
  if (output.type !== 'witness_v1_taproot') return undefined
  const publicKey = secp256k1.getPublicKey(privateKey, true)
  if (!equalBytes(computeOutputKey(publicKey), output.outputKey)) return undefined
  return schnorr.getPublicKey(privateKey)
}

function stripSignatures(tx: Transaction): Transaction {
  const inputs = tx.inputs.map(
    (input): TxIn => ({ ...input, scriptSig: new Uint8Array(), witness: [] }),
  )
  return { ...tx, inputs }
}

/** The library's form of a transaction, with what its inputs spend. */
function prepare(
  tx: Transaction,
  spent: readonly (SpentOutput | undefined)[],
  hashType: number | undefined,
): SigningTransaction {
  const bytes = encodeTransactionWithoutWitness(stripSignatures(tx))
  const signing = SigningTransaction.fromRaw(bytes, SIGNING_OPTIONS)
  for (const [i, coin] of spent.entries()) {
    const witnessUtxo =
      coin === undefined
        ? UNKNOWN_OUTPUT
        : { amount: coin.output.value, script: coin.output.scriptPubKey }
    signing.updateInput(i, {
      witnessUtxo,
      ...(coin?.redeemScript === undefined ? {} : { redeemScript: coin.redeemScript }),
      ...(coin?.witnessScript === undefined ? {} : { witnessScript: coin.witnessScript }),
      ...(hashType === undefined ? {} : { sighashType: hashType }),
    })
  }
  return signing
}

/** Signs one input with whatever key fits. @returns Whether any does. */
function signInput(
  signing: SigningTransaction,
  index: number,
  spent: SpentOutput,
  keys: readonly Uint8Array[],
  hashType: number | undefined,
): boolean {
  let isSigned = false
  const allowed = hashType === undefined ? [SIGHASH_DEFAULT, SIGHASH_ALL] : [hashType]
  for (const key of keys) {
    const tapInternalKey = findInternalKey(key, spent.output.scriptPubKey)
    try {
      if (tapInternalKey !== undefined) signing.updateInput(index, { tapInternalKey })
      if (signing.signIdx(key, index, allowed)) isSigned = true
    } catch {
      // This key is not one of this output's.
    }
  }
  return isSigned
}

function finalize(signing: SigningTransaction, index: number, input: TxIn): TxIn | undefined {
  try {
    signing.finalizeIdx(index)
  } catch {
    return undefined
  }
  const { finalScriptSig, finalScriptWitness } = signing.getInput(index)
  return {
    ...input,
    scriptSig: finalScriptSig ?? new Uint8Array(),
    witness: finalScriptWitness ?? [],
  }
}

/** Tells why an input of a transaction does not satisfy what it spends; undefined if it does. */
type FindFault = (tx: Transaction, index: number) => string | undefined

/** @param spent - What the inputs spend. */
function createFaultFinder(unsigned: Transaction, spent: readonly TxOut[]): FindFault {
  // Nothing of it changes with the signatures.
  const precomputed = precomputeTransactionData(unsigned, spent)
  return (tx, index) => {
    try {
      verifyInput(tx, index, spent, STANDARD_SCRIPT_FLAGS, precomputed, nobleSignatureEngine)
      return undefined
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error
      return FAULT_MESSAGES[error.code] ?? error.reason
    }
  }
}

/** Why an input is not complete after signing. @see Bitcoin Core `SignTransaction` */
function findFailure(
  signed: Transaction,
  index: number,
  coin: SpentOutput | undefined,
  findFault: FindFault,
): SigningFailure | undefined {
  if (coin === undefined) return { index, message: MISSING_OUTPUT }
  const hasWitness = (signed.inputs[index]?.witness.length ?? 0) > 0
  if (hasWitness && coin.output.value === MAX_MONEY_SATS) {
    return { index, message: 'Missing amount', lacksAmountOf: coin.output }
  }
  const message = findFault(signed, index)
  return message === undefined ? undefined : { index, message }
}

/**
 * Signs what the keys can sign. Inputs that are complete already stay as they are. Lets others work meanwhile: each
 * input takes some milliseconds.
 *
 * @param spent - What the inputs spend, in their order; undefined where nobody knows.
 * @param hashType - What signatures sign; undefined for everything.
 * @see Bitcoin Core `SignTransaction`
 */
export async function signTransaction(
  tx: Transaction,
  spent: readonly (SpentOutput | undefined)[],
  findKeys: FindKeys,
  clock: Clock,
  hashType?: number,
): Promise<SigningResult> {
  const isAllKnown = spent.every((coin) => coin !== undefined)
  const outputs = tx.inputs.map(
    (_, i) =>
      spent[i]?.output ?? { value: UNKNOWN_OUTPUT.amount, scriptPubKey: UNKNOWN_OUTPUT.script },
  )
  const signing = prepare(tx, spent, hashType)
  const findFault = createFaultFinder(tx, outputs)
  const turns = new TurnTaker(clock)
  const sign = (input: TxIn, i: number, coin: SpentOutput): TxIn => {
    const isGiven = input.scriptSig.length > 0 || input.witness.length > 0
    if (isGiven && findFault(tx, i) === undefined) return input
    const isTaproot = classifyOutput(coin.output.scriptPubKey).type === 'witness_v1_taproot'
    if (isTaproot && !isAllKnown) return input
    const isSigned = signInput(signing, i, coin, findKeys(coin), hashType)
    return (isSigned ? finalize(signing, i, input) : undefined) ?? input
  }
  const inputs: TxIn[] = []
  for (const [i, input] of tx.inputs.entries()) {
    const coin = spent[i]
    inputs.push(coin === undefined ? input : sign(input, i, coin))
    await turns.next()
  }
  const signed = { ...tx, inputs }
  const failures: SigningFailure[] = []
  for (const index of inputs.keys()) {
    const failure = findFailure(signed, index, spent[index], findFault)
    if (failure !== undefined) failures.push(failure)
    await turns.next()
  }
  return { tx: signed, failures }
}

/** Checks that every input of a transaction of ours satisfies what it spends. */
export function assertComplete({ failures }: SigningResult): void {
  const [first] = failures
  if (first === undefined) return
  throw new InvariantError(`our own input ${first.index} could not be signed: ${first.message}`)
}
