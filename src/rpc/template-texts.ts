/** @module The transactions of block templates as JSON, for the many miners who ask for the same one. */

import type { TemplateTransaction } from '../mining/index.ts'
import {
  computeTxid,
  computeWtxid,
  encodeTransaction,
  type Transaction,
  toDisplayHex,
} from '../primitives/index.ts'
import { type Clock, encodeHex, sleep } from '../util/index.ts'
import { JsonText } from './json-text.ts'

/** Others get their turn after so long. */
const TURN_MS = 10
/** The time is looked at after so many. */
const TURN_TRANSACTIONS = 256

/** What never changes of a transaction in a template. */
interface TransactionText {
  readonly txid: string
  /** Of the transactions that it spends from. */
  readonly parents: readonly string[]
  /** JSON before and after the list of those it depends on. */
  readonly before: string
  readonly after: string
}

function describe(
  { tx, fee, weight, sigopsCost }: TemplateTransaction,
  scale: number,
): TransactionText {
  const txid = toDisplayHex(computeTxid(tx))
  const hash = toDisplayHex(computeWtxid(tx))
  const data = encodeHex(encodeTransaction(tx))
  const sigops = Math.trunc(sigopsCost / scale)
  return {
    txid,
    parents: tx.inputs.map(({ prevout }) => toDisplayHex(prevout.txid)),
    before: `{"data":"${data}","txid":"${txid}","hash":"${hash}","depends":[`,
    after: `],"fee":${fee},"sigops":${sigops},"weight":${weight}}`,
  }
}

/**
 * Keeps the text of the last template, and those of its transactions: the next one has most of them again. So what is
 * kept is bounded by the weight of a block.
 */
export class TemplateTexts {
  readonly #clock: Clock
  #known: ReadonlyMap<Transaction, TransactionText> = new Map()
  #scale = 1
  #last:
    | { readonly transactions: readonly TemplateTransaction[]; readonly text: Promise<JsonText> }
    | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * An array of a template's transactions, made once for all who ask, in turns with everybody else.
   *
   * @param scale - What signature operations are divided by: 1, or before segwit 4.
   */
  get(transactions: readonly TemplateTransaction[], scale: number): Promise<JsonText> {
    if (this.#last?.transactions !== transactions) {
      this.#last = { transactions, text: this.#make(transactions, scale) }
    }
    return this.#last.text
  }

  async #make(transactions: readonly TemplateTransaction[], scale: number): Promise<JsonText> {
    const clock = this.#clock
    const known = this.#scale === scale ? this.#known : undefined
    const texts = new Map<Transaction, TransactionText>()
    const places = new Map<string, number>()
    const parts: string[] = []
    let turnMs = clock.monotonic()
    for (const [index, chosen] of transactions.entries()) {
      if (index % TURN_TRANSACTIONS === 0 && clock.monotonic() - turnMs > TURN_MS) {
        await sleep(clock, 0)
        turnMs = clock.monotonic()
      }
      const text = known?.get(chosen.tx) ?? describe(chosen, scale)
      texts.set(chosen.tx, text)
      places.set(text.txid, index + 1)
      const depends = new Set<number>()
      for (const parent of text.parents) {
        const place = places.get(parent)
        if (place !== undefined) depends.add(place)
      }
      parts.push(`${index === 0 ? '' : ','}${text.before}${[...depends]}${text.after}`)
    }
    this.#known = texts
    this.#scale = scale
    return new JsonText(`[${parts.join('')}]`)
  }
}
