/** @module The transactions of block templates as JSON, for the many miners who ask for the same one. */

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

/** A transaction of the last template. */
interface KnownTransaction {
  readonly txid: string
  /** Of the transactions that it spends from. */
  readonly parents: readonly string[]
  /** JSON, as if it depended on nothing. */
  readonly text: string
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
  return { txid, parents, text, place: 0, turn: 0 }
}

/** @param texts - At least one; the first and the last are changed. */
function joinArray(texts: string[]): string {
  texts[0] = `[${texts[0]}`
  texts.push(`${texts.pop()}]`)
  return texts.join(',')
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
    const texts: string[] = []
    let turnMs = clock.monotonic()
    for (const [index, chosen] of transactions.entries()) {
      if (index % TURN_TRANSACTIONS === 0 && clock.monotonic() - turnMs > TURN_MS) {
        await sleep(clock, 0)
        turnMs = clock.monotonic()
      }
      const known = this.#know(chosen, scale)
      known.place = index + 1
      known.turn = this.#turn
      texts.push(this.#write(known))
    }
    this.#forget(({ turn }) => turn !== this.#turn)
    // Brackets go to single texts: around the whole they would have it copied once more.
    return new JsonText(texts.length === 0 ? '[]' : joinArray(texts))
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

  #write({ parents, text }: KnownTransaction): string {
    const places: number[] = []
    for (const txid of parents) {
      const parent = this.#byTxid.get(txid)
      if (parent?.turn === this.#turn) places.push(parent.place)
    }
    if (places.length === 0) return text
    return text.replace(NO_DEPENDS, `"depends":[${[...new Set(places)]}]`)
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
