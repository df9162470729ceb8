/** @module A wallet that is loaded: keys, transactions, payments. */

import {
  computeTransactionSize,
  computeTxid,
  type OutPoint,
  outPointKey,
  type Transaction,
  type TxidHex,
  type TxOut,
  toDisplayHex,
} from '../primitives/index.ts'
import { encodeAddress } from '../script/index.ts'
import { type Clock, type Logger, Mutex, toErrorMessage } from '../util/index.ts'
import { ChainFollower, createRecord } from './chain-follower.ts'
import type { DescriptorKind } from './descriptor.ts'
import { feeAt, measureInput } from './input-weight.ts'
import type { KeyChain, OwnScript } from './key-ring.ts'
import { assertComplete } from './signer.ts'
import { TransactionLog } from './transaction-log.ts'
import { WalletError } from './wallet-error.ts'
import type { NewDescriptor, WalletKeys } from './wallet-keys.ts'
import type { WalletNode } from './wallet-node.ts'
import type { ScanProgress, WalletRecords, WalletTransaction } from './wallet-records.ts'
import {
  type PaymentWishes,
  SEQUENCE_REPLACEABLE,
  type UnsignedPayment,
  WalletSpender,
} from './wallet-spender.ts'
import { WalletView } from './wallet-view.ts'

/** What a wallet works with. */
export interface WalletDeps {
  readonly keys: WalletKeys
  readonly node: WalletNode
  readonly records: WalletRecords
  readonly clock: Clock
  readonly logger: Logger
}

/** What the owner notes about a payment. */
export interface PaymentNotes {
  readonly comment?: string | undefined
  readonly commentTo?: string | undefined
  /** The transaction whose fee it raises. */
  readonly replaces?: TxidHex | undefined
}

/** A payment that was sent. */
export interface SentPayment {
  readonly tx: Transaction
  readonly txid: TxidHex
  /** Satoshis. */
  readonly fee: bigint
}

/** How a fee is to be raised. */
export interface BumpWishes {
  /** Satoshis per 1,000 virtual bytes; undefined for one that is enough. */
  readonly feeRate: bigint | undefined
  readonly targetBlocks: number | undefined
  readonly isReplaceable: boolean
}

/** A payment with a higher fee than before. */
export interface BumpedPayment extends SentPayment {
  /** Satoshis that the one before paid. */
  readonly oldFee: bigint
}

/** As callers name them. @see Bitcoin Core `FormatOutputType` */
const TYPE_NAMES: Readonly<Record<DescriptorKind, string>> = {
  pkh: 'legacy',
  'sh-wpkh': 'p2sh-segwit',
  wpkh: 'bech32',
  tr: 'bech32m',
}
/** Labels are kept for at most so many addresses. */
export const MAX_LABELS = 100_000
/** How much more a replacement pays unless it is told otherwise. @see Bitcoin Core `WALLET_INCREMENTAL_RELAY_FEE` */
const BUMP_STEP_SATS_PER_KVB = 5_000n
/** The least that it has to pay more. @see Bitcoin Core `DEFAULT_INCREMENTAL_RELAY_FEE` */
const INCREMENTAL_FEE_SATS_PER_KVB = 100n
const BYTES_PER_KVB = 1_000n
/** More confirmations than any coin has. */
export const ANY_DEPTH = 9_999_999

/** One wallet. Calls may overlap; payments are made one at a time, so that no coin is spent twice. */
export class Wallet {
  readonly keys: WalletKeys
  readonly log: TransactionLog
  readonly view: WalletView
  readonly follower: ChainFollower
  readonly spender: WalletSpender
  readonly #deps: WalletDeps
  readonly #labels: Map<string, string>
  readonly #lockedCoins = new Set<string>()
  readonly #sending = new Mutex()
  readonly #stopping = new AbortController()

  private constructor(
    deps: WalletDeps,
    log: TransactionLog,
    labels: ReadonlyMap<string, string>,
    start: ScanProgress,
  ) {
    const { keys, node, records, clock, logger } = deps
    this.#deps = deps
    this.#labels = new Map(labels)
    this.keys = keys
    this.log = log
    this.view = new WalletView(log, node)
    this.follower = new ChainFollower({ node, ring: keys.ring, log, records, clock, logger }, start)
    this.spender = new WalletSpender({
      keys,
      view: this.view,
      node,
      clock,
      nextChangeScript: (isTaproot) => this.#nextChangeScript(isTaproot),
      isLockedCoin: (key) => this.#lockedCoins.has(key),
    })
  }

  /** Reads what a wallet has kept. */
  static async open(deps: WalletDeps): Promise<Wallet> {
    const { keys, node, records } = deps
    const { transactions, labels, progress } = await records.load()
    const log = new TransactionLog(keys.ring)
    log.load(transactions)
    const birth = node.at(Math.max(0, keys.birthHeight - 1)) ?? node.at(0) ?? node.tip()
    return new Wallet(deps, log, labels, progress ?? birth)
  }

  get name(): string {
    return this.keys.name
  }

  /** Follows the chain: up to the tip first, then as it goes. @throws {@link WalletError} `pruned` */
  async start(): Promise<void> {
    await this.follower.catchUp(this.#stopping.signal)
  }

  /** Aborted when the wallet is let go of. */
  get stopSignal(): AbortSignal {
    return this.#stopping.signal
  }

  /** Writes what is left, and forgets the keys. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#sending.run(async () => undefined)
    await this.follower.stop()
    this.keys.lock()
  }

  // Addresses.

  /** An output's address. Those of wallets always have one. */
  addressOf({ key }: OwnScript): string {
    return encodeAddress(key.scriptPubKey, this.#deps.node.params.addressPrefixes) ?? ''
  }

  /** The label of an address; undefined if it was never given out to be paid. */
  labelOf(address: string | undefined): string | undefined {
    return address === undefined ? undefined : this.#labels.get(address)
  }

  /** @throws {@link WalletError} `keys-ran-out`, `refused` if no descriptor makes such addresses, or any at all. */
  requireActive(kind: DescriptorKind, isInternal: boolean): KeyChain {
    const chain = this.keys.findActive(kind, isInternal)
    if (chain !== undefined) return chain
    const hasAny = this.keys.ring.chains.some(
      ({ record }) => record.isActive && record.isInternal === isInternal,
    )
    if (!hasAny) throw new WalletError('refused', 'Error: This wallet has no available keys')
    throw new WalletError('keys-ran-out', `Error: No ${TYPE_NAMES[kind]} addresses available.`)
  }

  /** A new address to be paid at. */
  async createAddress(kind: DescriptorKind, label: string): Promise<string> {
    const address = this.addressOf(await this.keys.takeAddress(this.requireActive(kind, false)))
    await this.setLabel(address, label)
    return address
  }

  /** A new address for change. */
  async createChangeAddress(kind: DescriptorKind): Promise<string> {
    return this.addressOf(await this.keys.takeAddress(this.requireActive(kind, true)))
  }

  async setLabel(address: string, label: string): Promise<void> {
    if (!this.#labels.has(address) && this.#labels.size >= MAX_LABELS) {
      if (label === '') return
      throw new WalletError('refused', `A wallet has at most ${MAX_LABELS} labels`)
    }
    this.#labels.set(address, label)
    await this.#deps.records.write({ labels: [[address, label]] })
  }

  async #nextChangeScript(isTaproot: boolean): Promise<Uint8Array> {
    const kinds: readonly DescriptorKind[] = isTaproot ? ['tr', 'wpkh'] : ['wpkh', 'tr']
    for (const isInternal of [true, false]) {
      for (const kind of kinds) {
        const chain = this.keys.findActive(kind, isInternal)
        if (chain !== undefined) return chain.descriptor.derive(chain.record.nextIndex).scriptPubKey
      }
    }
    throw new WalletError(
      'bad-payment',
      "Transaction needs a change address, but we can't generate it. Error: This wallet has no available keys",
    )
  }

  /** Whether an output is change: ours, and never given to anybody. */
  isChange({ scriptPubKey }: TxOut): boolean {
    return this.keys.ring.find(scriptPubKey)?.chain.record.isInternal === true
  }

  // Coins that are not to be spent.

  lockCoin(outPoint: OutPoint): void {
    this.#lockedCoins.add(outPointKey(outPoint))
  }

  unlockCoin(outPoint: OutPoint): void {
    this.#lockedCoins.delete(outPointKey(outPoint))
  }

  unlockAllCoins(): void {
    this.#lockedCoins.clear()
  }

  /** As `txid:vout`. */
  lockedCoins(): ReadonlySet<string> {
    return this.#lockedCoins
  }

  // Payments.

  /** Pays, and sends the transaction. @throws {@link WalletError} */
  pay(wishes: PaymentWishes, notes: PaymentNotes = {}): Promise<SentPayment> {
    return this.payPrepared(() => this.spender.prepare(wishes), notes)
  }

  /** Pays as somebody else has prepared it, while no other payment is made. */
  payPrepared(
    prepare: () => Promise<UnsignedPayment>,
    notes: PaymentNotes = {},
  ): Promise<SentPayment> {
    return this.#sending.run(async () => {
      this.keys.requireUnlocked()
      const { tx: unsigned, fee } = await prepare()
      const result = await this.spender.sign(unsigned)
      assertComplete(result)
      return { ...(await this.#commit(result.tx, notes)), fee }
    })
  }

  /** Writes a transaction down, and then sends it: whatever happens, its coins are not spent a second time. */
  async #commit(tx: Transaction, notes: PaymentNotes): Promise<Omit<SentPayment, 'fee'>> {
    const { node, clock } = this.#deps
    const { comment, commentTo, replaces } = notes
    const record = createRecord(tx, Math.floor(clock.now() / 1_000), this.log)
    const { txid } = record
    this.log.markUsed(tx)
    this.log.put({
      ...record,
      ...(comment ? { comment } : {}),
      ...(commentTo ? { commentTo } : {}),
      ...(replaces === undefined ? {} : { replaces }),
    })
    this.log.refreshAll()
    // What is spent needs no lock any more.
    for (const { prevout } of tx.inputs) this.unlockCoin(prevout)
    await this.follower.write()
    try {
      await node.submit(tx)
    } catch (error) {
      await this.#takeBack(txid, error)
    }
    return { tx, txid }
  }

  /** The node has refused a transaction, so nobody has seen it. */
  async #takeBack(txid: TxidHex, error: unknown): Promise<never> {
    if (this.#deps.node.getWaiting(txid) === undefined) {
      this.log.forget(txid)
      await this.follower.write()
    }
    const reason = toErrorMessage(error)
    const message = `Error: The transaction was rejected! Reason given: ${reason}`
    throw new WalletError('refused', message, { cause: error })
  }

  /** Sends again what is ours and waits nowhere, such as after a restart. */
  async resubmit(): Promise<void> {
    const { node, logger } = this.#deps
    // Parents come before children.
    const records = [...this.log.records()].sort((a, b) => a.order - b.order)
    for (const record of records) {
      const { tx, txid, place, conflict, isAbandoned, replacedBy } = record
      if (this.#stopping.signal.aborted) return
      const isSettled = place !== undefined || conflict !== undefined || isAbandoned
      if (isSettled || replacedBy !== undefined || node.getWaiting(txid) !== undefined) continue
      if (this.log.amountsOf(tx).debit === 0n) continue
      try {
        await node.submit(tx)
      } catch (error) {
        logger.debug('transaction not sent again', { txid, reason: toErrorMessage(error) })
      }
    }
  }

  /** A transaction of the wallet. @throws {@link WalletError} `unknown-transaction` */
  requireTransaction(txid: TxidHex): WalletTransaction {
    const record = this.log.get(txid)
    if (record !== undefined) return record
    throw new WalletError('unknown-transaction', 'Invalid or non-wallet transaction id')
  }

  /** Gives up a transaction that waits nowhere, and those that need it, so that its coins can be spent again. */
  async abandon(txid: TxidHex): Promise<void> {
    const record = this.requireTransaction(txid)
    const isWaiting = this.view.waiting(record) !== undefined
    if (isWaiting || record.place !== undefined || record.conflict !== undefined) {
      throw new WalletError('unknown-transaction', 'Transaction not eligible for abandonment')
    }
    this.log.abandon(record)
    await this.follower.write()
  }

  /** Pays more for a payment that waits: sends one in its place. @throws {@link WalletError} */
  bump(txid: TxidHex, wishes: BumpWishes): Promise<BumpedPayment> {
    return this.#sending.run(async () => {
      this.keys.requireUnlocked()
      const record = this.requireTransaction(txid)
      const oldFee = this.#requireBumpable(record)
      const payment = this.#createBump(record, oldFee, wishes)
      const { tx: unsigned, fee } = await this.#prepareBump(payment)
      const result = await this.spender.sign(unsigned)
      assertComplete(result)
      this.#checkBumpFee(result.tx, fee, oldFee)
      const sent = await this.#commit(result.tx, {
        comment: record.comment,
        commentTo: record.commentTo,
        replaces: txid,
      })
      const current = this.log.get(txid)
      if (current !== undefined) this.log.put({ ...current, replacedBy: sent.txid })
      await this.follower.write()
      return { ...sent, fee, oldFee }
    })
  }

  /** @returns What it pays. */
  #requireBumpable(record: WalletTransaction): bigint {
    const refuse = (message: string): WalletError => new WalletError('refused', message)
    if (this.log.hasSpenders(record)) {
      throw new WalletError('bad-transaction', 'Transaction has descendants in the wallet')
    }
    if ((this.view.waiting(record)?.descendantCount ?? 1) > 1) {
      throw new WalletError('bad-transaction', 'Transaction has descendants in the mempool')
    }
    if (this.view.depthOf(record) !== 0) {
      throw refuse('Transaction has been mined, or is conflicted with a mined transaction')
    }
    if (record.replacedBy !== undefined) {
      throw refuse(
        `Cannot bump transaction ${record.txid} which was already bumped by transaction ${record.replacedBy}`,
      )
    }
    const { fee } = this.log.amountsOf(record.tx)
    if (fee === undefined) {
      throw refuse("Transaction contains inputs that don't belong to this wallet")
    }
    return fee
  }

  #createBump({ tx }: WalletTransaction, oldFee: bigint, wishes: BumpWishes): PaymentWishes {
    const change = tx.outputs.find((output) => this.isChange(output))
    const { virtualSize } = computeTransactionSize(tx)
    const least = (oldFee * BYTES_PER_KVB) / BigInt(virtualSize) + BUMP_STEP_SATS_PER_KVB
    const usual = this.spender.chooseFeeRate(wishes.targetBlocks)
    const inputs = tx.inputs.map(({ prevout }, i) => ({
      outPoint: prevout,
      sequence: wishes.isReplaceable ? SEQUENCE_REPLACEABLE : undefined,
      weight: measureInput(tx, i),
    }))
    return {
      outputs: tx.outputs.filter((output) => output !== change),
      subtractFrom: [],
      feeRate: wishes.feeRate ?? (usual > least ? usual : least),
      inputs,
      mayAddInputs: true,
      changeScript: change?.scriptPubKey,
      changePosition: change === undefined ? undefined : tx.outputs.indexOf(change),
      includesUnsafe: false,
      // A replacement must not need what no block has yet.
      minDepth: 1,
      maxDepth: ANY_DEPTH,
      isReplaceable: wishes.isReplaceable,
      lockTime: tx.lockTime,
      version: tx.version,
    }
  }

  async #prepareBump(wishes: PaymentWishes): Promise<UnsignedPayment> {
    try {
      return await this.spender.prepare(wishes)
    } catch (error) {
      if (!(error instanceof WalletError)) throw error
      const message = `Unable to create transaction. ${error.message}`
      throw new WalletError('refused', message, { cause: error })
    }
  }

  #checkBumpFee(tx: Transaction, fee: bigint, oldFee: bigint): void {
    const { virtualSize } = computeTransactionSize(tx)
    const step = feeAt(INCREMENTAL_FEE_SATS_PER_KVB, virtualSize)
    if (fee >= oldFee + step) return
    throw new WalletError(
      'bad-transaction',
      `Insufficient total fee ${fee}, must be at least ${oldFee + step} (oldFee ${oldFee} + incrementalFee ${step}, in satoshis)`,
    )
  }

  // Keys from elsewhere.

  /** Takes descriptors in; what they got before is found by a rescan. */
  async addDescriptors(list: readonly NewDescriptor[], birthHeight: number): Promise<void> {
    await this.keys.addDescriptors(list, birthHeight)
    this.log.refreshAll()
    await this.follower.write()
  }

  /** Looks through blocks again. @returns The height of the last one. */
  rescan(from: number, to?: number): Promise<number> {
    return this.follower.rescan(from, to, this.#stopping.signal)
  }

  /** The id of a transaction as the wallet's methods take it. */
  idOf(tx: Transaction): TxidHex {
    return toDisplayHex(computeTxid(tx))
  }
}
