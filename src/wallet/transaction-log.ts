/** @module The transactions of a wallet, and the coins that follow from them. */

import {
  isCoinbase,
  type OutPoint,
  outPointKey,
  type Transaction,
  type TxidHex,
  type TxOut,
  toDisplayHex,
} from '../primitives/index.ts'
import type { KeyRing, OwnScript } from './key-ring.ts'
import type { BlockPlace, WalletTransaction } from './wallet-records.ts'

/** An output of ours that nothing has spent. */
export interface WalletCoin {
  readonly record: WalletTransaction
  readonly vout: number
  readonly output: TxOut
  readonly own: OwnScript
}

/** What a transaction is to its wallet, in satoshis. */
export interface TransactionAmounts {
  /** Of our own outputs. */
  readonly credit: bigint
  /** Of what it spends of ours. */
  readonly debit: bigint
  /** What it pays; undefined unless all that it spends is ours. */
  readonly fee: bigint | undefined
}

/** What is to be written. */
export interface LogChanges {
  readonly transactions: readonly WalletTransaction[]
  readonly forgotten: readonly TxidHex[]
}

/**
 * Every transaction that pays to the wallet or spends of it. What is unspent follows from them and from nothing else,
 * so that blocks that are taken back and put on again leave no trace.
 */
export class TransactionLog {
  readonly #ring: KeyRing
  readonly #records = new Map<TxidHex, WalletTransaction>()
  /** Who spends an outpoint, of the transactions here. */
  readonly #spenders = new Map<string, Set<TxidHex>>()
  readonly #coins = new Map<string, WalletCoin>()
  /** Changed since they were last taken, and gone since. */
  readonly #changed = new Set<TxidHex>()
  readonly #forgotten = new Set<TxidHex>()
  #nextOrder = 0

  constructor(ring: KeyRing) {
    this.#ring = ring
  }

  /** The number of the next transaction. */
  get nextOrder(): number {
    return this.#nextOrder
  }

  get size(): number {
    return this.#records.size
  }

  get(txid: TxidHex): WalletTransaction | undefined {
    return this.#records.get(txid)
  }

  records(): IterableIterator<WalletTransaction> {
    return this.#records.values()
  }

  /** All that is unspent, whether it may be spent yet or not. */
  coins(): IterableIterator<WalletCoin> {
    return this.#coins.values()
  }

  getCoin(outPoint: OutPoint): WalletCoin | undefined {
    return this.#coins.get(outPointKey(outPoint))
  }

  /** Whether anything is to be written. */
  get hasChanges(): boolean {
    return this.#changed.size + this.#forgotten.size > 0
  }

  /** What is to be written; it counts as written from now on. */
  takeChanged(): LogChanges {
    const transactions = [...this.#changed].flatMap((txid) => this.#records.get(txid) ?? [])
    const forgotten = [...this.#forgotten]
    this.#changed.clear()
    this.#forgotten.clear()
    return { transactions, forgotten }
  }

  /** What was taken could not be written. */
  restoreChanged({ transactions, forgotten }: LogChanges): void {
    for (const { txid } of transactions) if (this.#records.has(txid)) this.#changed.add(txid)
    for (const txid of forgotten) if (!this.#records.has(txid)) this.#forgotten.add(txid)
  }

  /** Takes what was read from the store: it is written already. */
  load(records: readonly WalletTransaction[]): void {
    for (const record of records) this.put(record)
    for (let isMore = true; isMore; ) {
      isMore = false
      for (const { tx } of records) if (this.markUsed(tx)) isMore = true
    }
    this.refreshAll()
    this.#changed.clear()
  }

  /** An output of a transaction here, if it is ours. */
  findOwnOutput({ txid, vout }: OutPoint): { output: TxOut; own: OwnScript } | undefined {
    const output = this.#records.get(toDisplayHex(txid))?.tx.outputs[vout]
    const own = output === undefined ? undefined : this.#ring.find(output.scriptPubKey)
    return output === undefined || own === undefined ? undefined : { output, own }
  }

  /** Whether a transaction pays to the wallet, spends of it, or spends what one of its transactions does. */
  isRelevant(tx: Transaction): boolean {
    return (
      tx.outputs.some(({ scriptPubKey }) => this.#ring.find(scriptPubKey) !== undefined) ||
      tx.inputs.some(({ prevout }) => this.findOwnOutput(prevout) !== undefined)
    )
  }

  /** Has every output of a transaction that is ours count as used. @returns Whether more is watched since. */
  markUsed(tx: Transaction): boolean {
    let isMore = false
    for (const { scriptPubKey } of tx.outputs) {
      const own = this.#ring.find(scriptPubKey)
      if (own !== undefined && this.#ring.markUsed(own)) isMore = true
    }
    return isMore
  }

  /** Takes a record in, or another state of one that is here. */
  put(record: WalletTransaction): void {
    const { tx, txid } = record
    if (!this.#records.has(txid) && !isCoinbase(tx)) {
      for (const { prevout } of tx.inputs) {
        const key = outPointKey(prevout)
        const spenders = this.#spenders.get(key)
        if (spenders === undefined) this.#spenders.set(key, new Set([txid]))
        else spenders.add(txid)
      }
    }
    this.#records.set(txid, record)
    this.#nextOrder = Math.max(this.#nextOrder, record.order + 1)
    this.#changed.add(txid)
    this.#forgotten.delete(txid)
    this.#refreshAround(tx, txid)
  }

  /** Forgets a transaction that nobody has seen. */
  forget(txid: TxidHex): void {
    const record = this.#records.get(txid)
    if (record === undefined) return
    this.#records.delete(txid)
    this.#changed.delete(txid)
    this.#forgotten.add(txid)
    for (const { prevout } of record.tx.inputs) {
      this.#spenders.get(outPointKey(prevout))?.delete(txid)
    }
    this.#refreshAround(record.tx, txid)
  }

  /** Finds coins anew after more outputs have become ours. */
  refreshAll(): void {
    for (const { tx, txid } of this.#records.values()) this.#refreshAround(tx, txid)
  }

  #refreshAround(tx: Transaction, txid: TxidHex): void {
    for (const { prevout } of tx.inputs) this.#refresh(toDisplayHex(prevout.txid), prevout.vout)
    for (const vout of tx.outputs.keys()) this.#refresh(txid, vout)
  }

  /** Decides about one output whether it is a coin. */
  #refresh(txid: TxidHex, vout: number): void {
    const key = `${txid}:${vout}`
    const record = this.#records.get(txid)
    const output = record?.tx.outputs[vout]
    const own = output === undefined ? undefined : this.#ring.find(output.scriptPubKey)
    const isCoin =
      record !== undefined && output !== undefined && own !== undefined && !this.#isSpent(key)
    if (isCoin) this.#coins.set(key, { record, vout, output, own })
    else this.#coins.delete(key)
  }

  /** @see Bitcoin Core `CWallet::IsSpent` */
  #isSpent(key: string): boolean {
    for (const txid of this.#spenders.get(key) ?? []) {
      const spender = this.#records.get(txid)
      if (spender === undefined || spender.conflict !== undefined) continue
      if (spender.place !== undefined || !spender.isAbandoned) return true
    }
    return false
  }

  /** Other transactions that spend something that this one does. @see Bitcoin Core `GetConflicts` */
  conflictsOf({ tx, txid }: WalletTransaction): readonly TxidHex[] {
    const others = new Set<TxidHex>()
    for (const { prevout } of tx.inputs) {
      for (const other of this.#spenders.get(outPointKey(prevout)) ?? []) others.add(other)
    }
    others.delete(txid)
    return [...others].sort()
  }

  /** A transaction with all here that need it, itself first. */
  collectDescendants(start: WalletTransaction): readonly WalletTransaction[] {
    const reached = new Set([start])
    for (const { tx, txid } of reached) {
      for (const vout of tx.outputs.keys()) {
        for (const spender of this.#spenders.get(`${txid}:${vout}`) ?? []) {
          const record = this.#records.get(spender)
          if (record !== undefined) reached.add(record)
        }
      }
    }
    return [...reached]
  }

  /** Whether anything here spends an output of a transaction. */
  hasSpenders({ tx, txid }: WalletTransaction): boolean {
    return tx.outputs.some((_, vout) => (this.#spenders.get(`${txid}:${vout}`)?.size ?? 0) > 0)
  }

  /** A block has a transaction: whatever else spends the same can never be in this chain. */
  markConflicts(tx: Transaction, txid: TxidHex, block: { hash: string; height: number }): void {
    for (const { prevout } of tx.inputs) {
      for (const other of this.#spenders.get(outPointKey(prevout)) ?? []) {
        const record = this.#records.get(other)
        if (other === txid || record === undefined) continue
        for (const loser of this.collectDescendants(record)) {
          const { hash, height } = block
          this.put({ ...loser, place: undefined, conflict: { hash, height } })
        }
      }
    }
  }

  /** A transaction is in a block of the active chain. */
  confirm(record: WalletTransaction, place: BlockPlace): void {
    this.put({ ...record, place, conflict: undefined, isAbandoned: false })
  }

  /** A block is on the active chain no more. */
  disconnect(hash: string): void {
    for (const { txid } of [...this.#records.values()]) {
      const record = this.#records.get(txid)
      if (record?.conflict?.hash === hash) this.put({ ...record, conflict: undefined })
      if (record?.place?.hash !== hash) continue
      this.put({ ...record, place: undefined })
      if (isCoinbase(record.tx)) this.abandon(record)
    }
  }

  /**
   * Gives up a transaction and those that need it, so that what they spend can be spent again. Those that need coins of
   * a block that was taken back can never be valid on another branch.
   */
  abandon(record: WalletTransaction): void {
    for (const { txid } of this.collectDescendants(record)) {
      const current = this.#records.get(txid)
      if (current !== undefined) this.put({ ...current, isAbandoned: true })
    }
  }

  /** @see Bitcoin Core `CachedTxGetDebit`, `CachedTxGetCredit` */
  amountsOf(tx: Transaction): TransactionAmounts {
    let credit = 0n
    let paid = 0n
    for (const { value, scriptPubKey } of tx.outputs) {
      paid += value
      if (this.#ring.find(scriptPubKey) !== undefined) credit += value
    }
    let debit = 0n
    let isAllOurs = true
    for (const { prevout } of tx.inputs) {
      const spent = this.findOwnOutput(prevout)
      if (spent === undefined) isAllOurs = false
      else debit += spent.output.value
    }
    return { credit, debit, fee: isAllOurs ? debit - paid : undefined }
  }
}
