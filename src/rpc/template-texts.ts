/** @module The transactions of block templates as JSON, for the many miners who ask for the same one. */

import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { TemplateTransaction } from '../mining/index.ts'
import {
  computeTxid,
  computeWtxid,
  encodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../primitives/index.ts'
import { type Clock, encodeHex, Mutex, sleep } from '../util/index.ts'
import { JsonText } from './json-text.ts'

/** Others get their turn after so long. */
const TURN_MS = 10
/** The time is looked at after so many. */
const TURN_TRANSACTIONS = 256

/** What a transaction dependent on nothing has between its hash and its fee. */
const NO_DEPENDS = '"depends":[]'
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c

/** A transaction of the last template. */
interface KnownTransaction {
  readonly txid: string
  /** Of the transactions that it spends from. */
  readonly parents: readonly string[]
  /** JSON in UTF-8, as if it depended on nothing. */
  readonly json: Uint8Array
  /** Its place in the template that is being made, from 1; another one's if {@link turn} is of that. */
  place: number
  turn: number
}

function describe(
  { tx, fee, weight, sigopsCost }: TemplateTransaction,
  scale: number,
): KnownTransaction {
  const txid = toDisplayHex(computeTxid(tx))
  const hash = toDisplayHex(computeWtxid(tx))
  const data = encodeHex(encodeTransaction(tx))
  const sigops = Math.trunc(sigopsCost / scale)
  const text = `{"data":"${data}","txid":"${txid}","hash":"${hash}",${NO_DEPENDS},"fee":${fee},"sigops":${sigops},"weight":${weight}}`
  const parents = tx.inputs.map(({ prevout }) => toDisplayHex(prevout.txid))
  return { txid, parents, json: utf8ToBytes(text), place: 0, turn: 0 }
}

/** Joined as bytes: a text of megabytes would have to be made, and then encoded. */
function joinArray(items: readonly Uint8Array[]): Uint8Array {
  const size = items.reduce((sum, item) => sum + item.length + 1, 2)
  const json = new Uint8Array(items.length === 0 ? size : size - 1)
  json[0] = OPEN_BRACKET
  let at = 1
  for (const item of items) {
    if (at > 1) json[at++] = COMMA
    json.set(item, at)
    at += item.length
  }
  json[at] = CLOSE_BRACKET
  return json
}

/**
 * Keeps the text of the last template, and those of its transactions: the next one has most of them again. So what is
 * kept is bounded by the weight of a block.
 */
export class TemplateTexts {
  readonly #clock: Clock
  readonly #turns = new Mutex()
  readonly #known = new Map<Transaction, KnownTransaction>()
  readonly #byTxid = new Map<string, KnownTransaction>()
  /** Of what is known. */
  #scale = 1
  /** Counts templates. */
  #turn = 0
  #last:
    | { readonly transactions: readonly TemplateTransaction[]; readonly text: Promise<JsonText> }
    | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many transactions' texts are kept. */
  get size(): number {
    return this.#known.size
  }

  /**
   * An array of a template's transactions, made once for all who ask, in turns with everybody else.
   *
   * @param scale - What signature operations are divided by: 1, or before segwit 4.
   */
  get(transactions: readonly TemplateTransaction[], scale: number): Promise<JsonText> {
    if (this.#last?.transactions !== transactions) {
      const text = this.#turns.run(() => this.#make(transactions, scale))
      this.#last = { transactions, text }
    }
    return this.#last.text
  }

  async #make(transactions: readonly TemplateTransaction[], scale: number): Promise<JsonText> {
    const clock = this.#clock
    this.#turn += 1
    if (this.#scale !== scale) this.#forget(() => true)
    this.#scale = scale
    const items: Uint8Array[] = []
    let turnMs = clock.monotonic()
    for (const [index, chosen] of transactions.entries()) {
      if (index % TURN_TRANSACTIONS === 0 && clock.monotonic() - turnMs > TURN_MS) {
        await sleep(clock, 0)
        turnMs = clock.monotonic()
      }
      const known = this.#know(chosen, scale)
      known.place = index + 1
      known.turn = this.#turn
      items.push(this.#write(known))
    }
    this.#forget(({ turn }) => turn !== this.#turn)
    return new JsonText(joinArray(items))
  }

  #know(chosen: TemplateTransaction, scale: number): KnownTransaction {
    let known = this.#known.get(chosen.tx)
    if (known === undefined) {
      known = describe(chosen, scale)
      this.#known.set(chosen.tx, known)
      this.#byTxid.set(known.txid, known)
    }
    return known
  }

  #write({ parents, json }: KnownTransaction): Uint8Array {
    const places: number[] = []
    for (const txid of parents) {
      const parent = this.#byTxid.get(txid)
      if (parent?.turn === this.#turn) places.push(parent.place)
    }
    if (places.length === 0) return json
    const depends = `"depends":[${[...new Set(places)]}]`
    return utf8ToBytes(new TextDecoder().decode(json).replace(NO_DEPENDS, depends))
  }

  #forget(isGone: (known: KnownTransaction) => boolean): void {
    for (const [tx, known] of this.#known) {
      if (!isGone(known)) continue
      this.#known.delete(tx)
      // Another transaction object of the same id may have come meanwhile.
      if (this.#byTxid.get(known.txid) === known) this.#byTxid.delete(known.txid)
    }
  }
}
