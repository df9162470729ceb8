/**
 * @module What nodes relay: forms of transactions that are known to be harmless. Blocks may hold others.
 *
 * Reasons are spelled as in Bitcoin Core.
 *
 * @see Bitcoin Core `policy/policy.cpp`
 */

import type { Coin } from '../consensus/index.ts'
import {
  computeTransactionSize,
  outPointKey,
  type Transaction,
  type TxOut,
} from '../primitives/index.ts'
import {
  classifyOutput,
  countLegacySigops,
  isPushOnly,
  isScriptHash,
  isUnspendable,
  readSteps,
  readWitnessProgram,
} from '../script/index.ts'
import { feeFor } from './fee-rate.ts'
import type { MempoolEntry } from './mempool-entry.ts'
import { MempoolError } from './mempool-error.ts'
import type { MempoolPolicy } from './mempool-policy.ts'

/** A transaction above this weight is not relayed. @see Bitcoin Core `MAX_STANDARD_TX_WEIGHT` */
export const MAX_STANDARD_TX_WEIGHT = 400_000
/** Nor one that is shorter without its witnesses: 64 bytes look like an inner node of a merkle tree. */
export const MIN_STANDARD_TX_NONWITNESS_SIZE = 65

const MAX_STANDARD_VERSION = 3
/** Enough for 15 signatures and a redeem script. @see Bitcoin Core `MAX_STANDARD_SCRIPTSIG_SIZE` */
const MAX_STANDARD_SCRIPT_SIG_SIZE = 1_650
const MAX_BARE_MULTISIG_KEYS = 3
const MAX_DUST_OUTPUTS = 1
const MAX_P2SH_SIGOPS = 15
/** @see Bitcoin Core `MAX_STANDARD_P2WSH_SCRIPT_SIZE` */
const MAX_STANDARD_WITNESS_SCRIPT_SIZE = 3_600
const MAX_STANDARD_WITNESS_ITEMS = 100
const MAX_STANDARD_WITNESS_ITEM_SIZE = 80
const ANNEX_TAG = 0x50
const TAPSCRIPT_LEAF_VERSION = 0xc0
const LEAF_VERSION_MASK = 0xfe
/** An input that spends an output: outpoint, sequence, an empty script; and a signature with its key. */
const SPENDING_INPUT_SIZE = 148
/** The same with signature and key in the witness, where they count a quarter. */
const SPENDING_WITNESS_INPUT_SIZE = 67

/**
 * Whether an output costs more to spend than a third of it.
 *
 * @param dustFeeRate - Satoshis per 1,000 virtual bytes.
 * @see Bitcoin Core `IsDust`
 */
export function isDust(output: TxOut, dustFeeRate: bigint): boolean {
  const { scriptPubKey, value } = output
  if (isUnspendable(scriptPubKey)) return false
  const isWitness = readWitnessProgram(scriptPubKey) !== undefined
  const sizePrefix = scriptPubKey.length < 0xfd ? 1 : 3
  const size = 8 + sizePrefix + scriptPubKey.length
  const spending = isWitness ? SPENDING_WITNESS_INPUT_SIZE : SPENDING_INPUT_SIZE
  return value < feeFor(dustFeeRate, size + spending)
}

/**
 * Checks a transaction's own form.
 *
 * @throws {@link MempoolError} `version`, `tx-size`, `scriptsig-size`, `scriptsig-not-pushonly`, `scriptpubkey`,
 * `bare-multisig`, `datacarrier`, `dust` or `tx-size-small`.
 * @see Bitcoin Core `IsStandardTx`
 */
export function checkStandardTransaction(tx: Transaction, policy: MempoolPolicy): void {
  if (tx.version > MAX_STANDARD_VERSION || tx.version < 1) throw new MempoolError('version')
  const { weight, strippedSize } = computeTransactionSize(tx)
  if (weight > MAX_STANDARD_TX_WEIGHT) throw new MempoolError('tx-size', { weight })
  for (const { scriptSig } of tx.inputs) {
    if (scriptSig.length > MAX_STANDARD_SCRIPT_SIG_SIZE) throw new MempoolError('scriptsig-size')
    if (!isPushOnly(scriptSig)) throw new MempoolError('scriptsig-not-pushonly')
  }
  checkStandardOutputs(tx, policy)
  if (strippedSize < MIN_STANDARD_TX_NONWITNESS_SIZE) {
    throw new MempoolError('tx-size-small', { size: strippedSize })
  }
}

function checkStandardOutputs(tx: Transaction, policy: MempoolPolicy): void {
  let dataBytes = 0
  for (const { scriptPubKey } of tx.outputs) {
    const output = classifyOutput(scriptPubKey)
    if (output.type === 'nonstandard') throw new MempoolError('scriptpubkey')
    if (output.type === 'multisig') {
      if (output.publicKeys.length > MAX_BARE_MULTISIG_KEYS) throw new MempoolError('scriptpubkey')
      if (!policy.permitsBareMultisig) throw new MempoolError('bare-multisig')
    }
    if (output.type === 'nulldata') dataBytes += scriptPubKey.length
  }
  if (dataBytes > policy.maxDataCarrierBytes) throw new MempoolError('datacarrier', { dataBytes })
  const dust = tx.outputs.filter((output) => isDust(output, policy.dustFeeRate))
  if (dust.length > MAX_DUST_OUTPUTS) throw new MempoolError('dust')
}

/**
 * Checks that dust, which somebody may spend at once with a fee for both, comes without a fee of its own: so nobody
 * mines it alone.
 *
 * @param fee - Satoshis, with and without what mining counts beside it.
 * @throws {@link MempoolError} `dust`.
 * @see Bitcoin Core `PreCheckEphemeralTx`
 */
export function checkEphemeralDust(
  tx: Transaction,
  fee: bigint,
  modifiedFee: bigint,
  dustFeeRate: bigint,
): void {
  if (fee === 0n && modifiedFee === 0n) return
  if (tx.outputs.some((output) => isDust(output, dustFeeRate))) {
    throw new MempoolError('dust', { detail: 'tx with dust output must be 0-fee' })
  }
}

/**
 * Checks that who spends of a waiting transaction with dust spends the dust too, so that it never stays behind.
 *
 * @param parents - Waiting transactions whose outputs are spent.
 * @throws {@link MempoolError} `missing-ephemeral-spends`.
 * @see Bitcoin Core `CheckEphemeralSpends`
 */
export function checkDustIsSpent(
  { tx, txid, wtxid }: Pick<MempoolEntry, 'tx' | 'txid' | 'wtxid'>,
  parents: Iterable<MempoolEntry>,
  dustFeeRate: bigint,
): void {
  const spent = new Set(tx.inputs.map(({ prevout }) => outPointKey(prevout)))
  for (const parent of parents) {
    for (const [vout, output] of parent.tx.outputs.entries()) {
      if (!isDust(output, dustFeeRate) || spent.has(`${parent.txid}:${vout}`)) continue
      throw new MempoolError('missing-ephemeral-spends', {
        detail: `tx ${txid} (wtxid=${wtxid}) did not spend parent's ephemeral dust`,
      })
    }
  }
}

/**
 * Checks what is spent, and how.
 *
 * @param spent - The coins, in the order of the inputs.
 * @throws {@link MempoolError} `bad-txns-nonstandard-inputs` or `bad-witness-nonstandard`.
 * @see Bitcoin Core `AreInputsStandard`, `IsWitnessStandard`
 */
export function checkStandardInputs(tx: Transaction, spent: readonly Coin[]): void {
  for (const [i, input] of tx.inputs.entries()) {
    const script = spent[i]?.output.scriptPubKey
    if (script === undefined) continue
    const { type } = classifyOutput(script)
    const isKnown = type !== 'nonstandard' && type !== 'witness_unknown'
    if (!(isKnown && isRedeemScriptStandard(script, input.scriptSig))) {
      throw new MempoolError('bad-txns-nonstandard-inputs', { input: i })
    }
    if (input.witness.length > 0 && !isWitnessStandard(script, input.scriptSig, input.witness)) {
      throw new MempoolError('bad-witness-nonstandard', { input: i })
    }
  }
}

/** The script that an input gives for a P2SH output: what its last step pushes. */
function readRedeemScript(scriptSig: Uint8Array): Uint8Array | undefined {
  const { steps, isWhole } = readSteps(scriptSig)
  return isWhole ? steps.at(-1)?.data : undefined
}

function isRedeemScriptStandard(script: Uint8Array, scriptSig: Uint8Array): boolean {
  if (!isScriptHash(script)) return true
  const redeemScript = readRedeemScript(scriptSig)
  return redeemScript !== undefined && countLegacySigops(redeemScript, true) <= MAX_P2SH_SIGOPS
}

function isWitnessStandard(
  script: Uint8Array,
  scriptSig: Uint8Array,
  witness: readonly Uint8Array[],
): boolean {
  const { type } = classifyOutput(script)
  if (type === 'anchor') return false
  const isNested = isScriptHash(script)
  const inner = isNested ? readRedeemScript(scriptSig) : script
  const program = inner === undefined ? undefined : readWitnessProgram(inner)
  if (program === undefined) return false
  if (program.version === 0 && program.program.length === 32) {
    const items = witness.slice(0, -1)
    return (
      (witness.at(-1)?.length ?? 0) <= MAX_STANDARD_WITNESS_SCRIPT_SIZE &&
      items.length <= MAX_STANDARD_WITNESS_ITEMS &&
      items.every(isItemStandard)
    )
  }
  const isTaproot = program.version === 1 && program.program.length === 32 && !isNested
  return !isTaproot || isTaprootWitnessStandard(witness)
}

function isTaprootWitnessStandard(witness: readonly Uint8Array[]): boolean {
  if (witness.length < 2) return true
  if (witness.at(-1)?.[0] === ANNEX_TAG) return false
  const leafVersion = (witness.at(-1)?.[0] ?? 0) & LEAF_VERSION_MASK
  return leafVersion !== TAPSCRIPT_LEAF_VERSION || witness.slice(0, -2).every(isItemStandard)
}

function isItemStandard(item: Uint8Array): boolean {
  return item.length <= MAX_STANDARD_WITNESS_ITEM_SIZE
}
