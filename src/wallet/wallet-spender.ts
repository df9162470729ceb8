/** @module Payments: from what is wanted to a signed transaction. */

import type { Coin } from '../consensus/index.ts'
import {
  computeTransactionSize,
  computeTxid,
  type OutPoint,
  outPointKey,
  SEQUENCE_FINAL,
  type Transaction,
  type TxIn,
  type TxOut,
  toDisplayHex,
} from '../primitives/index.ts'
import { classifyOutput } from '../script/index.ts'
import { type Clock, TurnTaker } from '../util/index.ts'
import { type Candidate, type Payment, type Selection, selectCoins } from './coin-selection.ts'
import { dustThreshold, INPUT_WEIGHTS } from './input-weight.ts'
import type { OwnScript } from './key-ring.ts'
import {
  isFinalInput,
  type Psbt,
  signPsbtInput,
  spentOf,
  unsignedOf,
  updateInput,
  updateOutput,
} from './psbt.ts'
import { type SigningResult, type SpentOutput, signTransaction } from './signer.ts'
import { WalletError } from './wallet-error.ts'
import type { WalletKeys } from './wallet-keys.ts'
import type { WalletNode } from './wallet-node.ts'
import type { CoinStatus, WalletView } from './wallet-view.ts'

/** An input that somebody wants spent. */
export interface ChosenInput {
  readonly outPoint: OutPoint
  /** Undefined for the wallet's usual one. */
  readonly sequence: number | undefined
  /** Of the input once it is signed; needed for outputs that are not ours. */
  readonly weight: number | undefined
}

/** What a payment is to be. */
export interface PaymentWishes {
  readonly outputs: readonly TxOut[]
  /** Numbers of the outputs that bear the fee. */
  readonly subtractFrom: readonly number[]
  /** Satoshis per 1,000 virtual bytes. */
  readonly feeRate: bigint
  readonly inputs: readonly ChosenInput[]
  /** Whether others of our coins may be added. */
  readonly mayAddInputs: boolean
  /** Where change goes; undefined for an address of the wallet. */
  readonly changeScript: Uint8Array | undefined
  /** The change output's number; undefined for any. */
  readonly changePosition: number | undefined
  /** Whether coins from others that no block has yet may be spent. */
  readonly includesUnsafe: boolean
  /** Confirmations that coins need. */
  readonly minDepth: number
  readonly maxDepth: number
  /** Whether it says that it may be replaced. */
  readonly isReplaceable: boolean
  /** Undefined for the height of the tip, so that nobody gains from rewriting it. */
  readonly lockTime: number | undefined
  readonly version: number
}

/** A payment that is not signed. */
export interface UnsignedPayment {
  readonly tx: Transaction
  /** Satoshis. */
  readonly fee: bigint
  /** The number of the change output; -1 if there is none. */
  readonly changePosition: number
}

/** The highest sequence number with which a transaction may be replaced. @see BIP-0125 */
export const SEQUENCE_REPLACEABLE = SEQUENCE_FINAL - 2
const SEQUENCE_LOCKED = SEQUENCE_FINAL - 1
/** Nobody means to pay more. @see Bitcoin Core `DEFAULT_TRANSACTION_MAXFEE` */
export const MAX_FEE_SATS = 10_000_000n
/** Where there is nothing to estimate by, on chains whose coins are worth nothing. */
const FALLBACK_FEE_SATS_PER_KVB = 20_000n
/** Nobody is to wait with so many others for a block. @see Bitcoin Core `DEFAULT_ANCESTOR_LIMIT` */
const MAX_FAMILY_COUNT = 25
/** @see Bitcoin Core `MAX_STANDARD_TX_WEIGHT` */
const MAX_WEIGHT = 400_000
/** @see BIP-0431 */
const TRUC_VERSION = 3
/** Up to here a lock time is a height. */
const LOCKTIME_THRESHOLD = 500_000_000
const DEFAULT_TARGET_BLOCKS = 6

/** A coin that a payment may spend. */
interface PaymentCoin extends Candidate {
  readonly outPoint: OutPoint
  readonly sequence: number | undefined
}

/** What payments are made of. */
export interface SpenderDeps {
  readonly keys: WalletKeys
  readonly view: WalletView
  readonly node: WalletNode
  readonly clock: Clock
  /** The next change address for payments to such an output; the same until it is used. */
  nextChangeScript(isTaproot: boolean): Promise<Uint8Array>
  isLockedCoin(key: string): boolean
}

/** The larger of two amounts: `Math.max` knows no bigints. */
export function maxOf(a: bigint, b: bigint): bigint {
  return a < b ? b : a
}

function checkOutputs(outputs: readonly TxOut[], subtractFrom: readonly number[]): void {
  for (const { value, scriptPubKey } of outputs) {
    if (value < dustThreshold(scriptPubKey)) {
      throw new WalletError('bad-payment', 'Transaction amount too small')
    }
  }
  if (subtractFrom.some((i) => outputs[i] === undefined)) {
    throw new WalletError('bad-payment', 'Invalid parameter, position out of bounds')
  }
}

function formatRate(rate: bigint): string {
  return `${(Number(rate) / 1_000).toFixed(3)} sat/vB`
}

/** Chooses among coins whose transactions do not wait with too many others. @throws {@link WalletError} */
function chooseCoins(
  preset: readonly PaymentCoin[],
  candidates: readonly PaymentCoin[],
  payment: Payment,
  { mayAddInputs }: PaymentWishes,
): Selection<PaymentCoin> {
  const usable = candidates.filter(({ tier }) => tier < MAX_FAMILY_COUNT)
  try {
    return selectCoins(preset, usable, payment)
  } catch (error) {
    const isShort = error instanceof WalletError && error.code === 'insufficient-funds'
    if (isShort && !mayAddInputs) {
      throw new WalletError(
        'insufficient-funds',
        'The preselected coins total amount does not cover the transaction target. Please allow other inputs to be automatically selected or include more coins manually',
        { cause: error },
      )
    }
    if (!isShort || usable.length === candidates.length) throw error
    selectCoins(preset, candidates, payment)
    throw new WalletError(
      'insufficient-funds',
      'Unconfirmed UTXOs are available, but spending them creates a chain of transactions that will be rejected by the mempool',
      { cause: error },
    )
  }
}

/** Makes payments out of a wallet's coins. */
export class WalletSpender {
  readonly #deps: SpenderDeps

  constructor(deps: SpenderDeps) {
    this.#deps = deps
  }

  /** The fee rate that nobody has chosen, satoshis per 1,000 virtual bytes. @throws {@link WalletError} `bad-payment` */
  chooseFeeRate(targetBlocks = DEFAULT_TARGET_BLOCKS, isConservative = false): bigint {
    const { node } = this.#deps
    const fallback = node.params.rpcChain === 'main' ? undefined : FALLBACK_FEE_SATS_PER_KVB
    const rate = node.estimateFeeRate(targetBlocks, isConservative) ?? fallback
    if (rate === undefined) {
      throw new WalletError(
        'bad-payment',
        'Fee estimation failed. Fallbackfee is disabled. Wait a few blocks or enable -fallbackfee.',
      )
    }
    return maxOf(rate, node.minFeeRate())
  }

  /**
   * Chooses coins and change for a payment.
   *
   * @throws {@link WalletError} `insufficient-funds`, `bad-payment`
   */
  async prepare(wishes: PaymentWishes): Promise<UnsignedPayment> {
    const { outputs, subtractFrom, feeRate } = wishes
    checkOutputs(outputs, subtractFrom)
    this.#checkFeeRate(feeRate)
    const changeScript = wishes.changeScript ?? (await this.#chooseChange(outputs))
    const preset = await this.#resolveInputs(wishes.inputs)
    const chosen = new Set(preset.map(({ outPoint }) => outPointKey(outPoint)))
    const candidates = wishes.mayAddInputs ? this.#candidates(wishes, chosen) : []
    const payment = { outputs, subtractFrom, feeRate, changeScript }
    return this.#assemble(chooseCoins(preset, candidates, payment, wishes), wishes)
  }

  /** @see Bitcoin Core `CreateTransactionInternal` */
  #checkFeeRate(feeRate: bigint): void {
    const least = this.#deps.node.minFeeRate()
    if (feeRate >= least) return
    throw new WalletError(
      'bad-payment',
      `Fee rate (${formatRate(feeRate)}) is lower than the minimum fee rate setting (${formatRate(least)})`,
    )
  }

  #chooseChange(outputs: readonly TxOut[]): Promise<Uint8Array> {
    const isTaproot = outputs.some(
      ({ scriptPubKey }) => classifyOutput(scriptPubKey).type === 'witness_v1_taproot',
    )
    return this.#deps.nextChangeScript(isTaproot)
  }

  async #resolveInputs(given: readonly ChosenInput[]): Promise<readonly PaymentCoin[]> {
    // Named twice, a coin still counts once.
    const inputs = [...new Map(given.map((input) => [outPointKey(input.outPoint), input])).values()]
    const coins = await this.#deps.node.readCoins(inputs.map(({ outPoint }) => outPoint))
    return inputs.map(({ outPoint, sequence, weight }, i) => {
      const own = this.#deps.view.findCoin(outPoint)
      const output = own?.coin.output ?? this.findOutput(outPoint, coins[i])
      const ownWeight = own === undefined ? undefined : INPUT_WEIGHTS[own.coin.own.key.kind]
      const used = weight ?? ownWeight
      if (output === undefined) {
        throw new WalletError('bad-payment', 'Unable to find UTXO for external input')
      }
      if (used === undefined) {
        throw new WalletError(
          'bad-payment',
          `Not solvable pre-selected input ${outPointKey(outPoint)}: its weight is not known`,
        )
      }
      return { outPoint, sequence, value: output.value, weight: used, tier: 0 }
    })
  }

  /** An output that is in the chain or waits. */
  findOutput({ txid, vout }: OutPoint, coin: Coin | undefined): TxOut | undefined {
    if (coin !== undefined) return coin.output
    return this.#deps.node.getWaiting(toDisplayHex(txid))?.tx.outputs[vout]
  }

  #candidates(wishes: PaymentWishes, chosen: ReadonlySet<string>): readonly PaymentCoin[] {
    const candidates: PaymentCoin[] = []
    for (const status of this.#deps.view.coins()) {
      const { record, vout, output, own } = status.coin
      const key = `${record.txid}:${vout}`
      if (chosen.has(key) || this.#deps.isLockedCoin(key)) continue
      const tier = this.#tierOf(status, wishes)
      if (tier === undefined || !this.#canSign(own)) continue
      const outPoint = outPointOf(status)
      const weight = INPUT_WEIGHTS[own.key.kind]
      candidates.push({ outPoint, sequence: undefined, value: output.value, weight, tier })
    }
    return candidates
  }

  #canSign({ chain }: OwnScript): boolean {
    const { keys } = this.#deps
    return !keys.hasPrivateKeys || keys.isLocked || keys.canSpend(chain)
  }

  /** Confirmed coins first, then those of few waiting transactions, then of many. */
  #tierOf(status: CoinStatus, wishes: PaymentWishes): number | undefined {
    const { depth, isMature, isSafe, coin } = status
    const isAllowed = isSafe || wishes.includesUnsafe
    if (!isMature || !isAllowed || depth < wishes.minDepth || depth > wishes.maxDepth) {
      return undefined
    }
    if (depth > 0) return 0
    // While they wait they go with their like only, two at a time.
    if (coin.record.tx.version === TRUC_VERSION || wishes.version === TRUC_VERSION) return undefined
    const { ancestorCount = 1, descendantCount = 1 } = this.#deps.view.waiting(coin.record) ?? {}
    return Math.max(ancestorCount, descendantCount)
  }

  #assemble(selection: Selection<PaymentCoin>, wishes: PaymentWishes): UnsignedPayment {
    const { coins, change, fee } = selection
    if (fee > MAX_FEE_SATS) {
      throw new WalletError(
        'bad-payment',
        'Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)',
      )
    }
    const usual = wishes.isReplaceable ? SEQUENCE_REPLACEABLE : SEQUENCE_LOCKED
    const inputs = coins.map(
      ({ outPoint, sequence = usual }): TxIn => ({
        prevout: outPoint,
        scriptSig: new Uint8Array(),
        sequence,
        witness: [],
      }),
    )
    const outputs = [...selection.outputs]
    const changePosition = change === undefined ? -1 : (wishes.changePosition ?? outputs.length)
    if (changePosition > outputs.length) {
      throw new WalletError('bad-payment', 'changePosition out of bounds')
    }
    if (change !== undefined) outputs.splice(changePosition, 0, change)
    const { height } = this.#deps.node.tip()
    const lockTime = wishes.lockTime ?? Math.min(height, LOCKTIME_THRESHOLD - 1)
    const tx = { version: wishes.version, inputs, outputs, lockTime }
    if (computeTransactionSize(tx).weight > MAX_WEIGHT) {
      throw new WalletError('bad-payment', 'Transaction too large')
    }
    return { tx, fee, changePosition }
  }

  /** Signs with the wallet's keys. @throws {@link WalletError} `locked`, `no-private-keys` */
  async sign(
    tx: Transaction,
    known: ReadonlyMap<string, SpentOutput> = new Map(),
    hashType?: number,
  ): Promise<SigningResult> {
    const { keys, node, clock } = this.#deps
    keys.requireUnlocked()
    const coins = await node.readCoins(tx.inputs.map(({ prevout }) => prevout))
    const spent = tx.inputs.map(({ prevout }, i) => {
      const given = known.get(outPointKey(prevout))
      if (given !== undefined) return given
      const own = this.#deps.view.findOutput(prevout)
      const output = own ?? this.findOutput(prevout, coins[i])
      return output === undefined ? undefined : this.describeSpent(output)
    })
    return signTransaction(tx, spent, (coin) => this.#findKeys(coin), clock, hashType)
  }

  /**
   * Adds what the wallet knows to a partially signed transaction, and signs what it can.
   *
   * @param hashType - What signatures sign; undefined to sign nothing.
   * @param tellsPaths - Whether it says where keys come from.
   * @throws {@link WalletError} `locked`, `bad-psbt`
   */
  async process(psbt: Psbt, hashType: number | undefined, tellsPaths: boolean): Promise<void> {
    const { keys, view, node, clock } = this.#deps
    if (hashType !== undefined) keys.requireUnlocked()
    const tx = unsignedOf(psbt)
    const coins = await node.readCoins(tx.inputs.map(({ prevout }) => prevout))
    const turns = new TurnTaker(clock)
    for (const [i, { prevout }] of tx.inputs.entries()) {
      await turns.next()
      if (isFinalInput(psbt, i)) continue
      const source = view.findSource(prevout)
      const output = view.findOutput(prevout) ?? this.findOutput(prevout, coins[i])
      const script = (output ?? spentOf(psbt, i))?.scriptPubKey
      const own = script === undefined ? undefined : keys.ring.find(script)
      if (output !== undefined) {
        const key = tellsPaths ? own?.key : undefined
        updateInput(psbt, i, { spent: this.describeSpent(output), source, key })
      }
      if (hashType === undefined || own === undefined) continue
      const key = keys.privateKeyOf(own)
      if (key !== undefined) signPsbtInput(psbt, i, [key], hashType)
    }
    if (!tellsPaths) return
    for (const [i, { scriptPubKey }] of tx.outputs.entries()) {
      const own = keys.ring.find(scriptPubKey)
      if (own !== undefined) updateOutput(psbt, i, own.key)
    }
  }

  /** An output with the script that only its owner knows. */
  describeSpent(output: TxOut): SpentOutput {
    const own = this.#deps.keys.ring.find(output.scriptPubKey)
    return { output, redeemScript: own?.key.redeemScript }
  }

  #findKeys({ output }: SpentOutput): readonly Uint8Array[] {
    const { keys } = this.#deps
    const own = keys.ring.find(output.scriptPubKey)
    const key = own === undefined ? undefined : keys.privateKeyOf(own)
    return key === undefined ? [] : [key]
  }
}

function outPointOf({ coin }: CoinStatus): OutPoint {
  return { txid: computeTxid(coin.record.tx), vout: coin.vout }
}
