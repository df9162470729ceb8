// @ts-check
/** Makes valid blocks on any block it made before, with transactions that spend what is unspent there. */

import {
  computeBlockMerkleRoot,
  createConsensusParams,
  decodeBits,
  hashToNumber,
  parseChainSpec,
} from '../../dist/consensus/index.js'
import {
  computeBlockHash,
  computeTxid,
  encodeBlock,
  encodeTransaction,
  NULL_VOUT,
  SEQUENCE_FINAL,
  toDisplayHex,
  ZERO_HASH,
} from '../../dist/primitives/index.js'
import { pushData, pushNumber } from '../../dist/script/index.js'

/**
 * @typedef {import('./seeded-random.mjs').SeededRandom} SeededRandom
 * @typedef {{ key: string, txid: any, vout: number, value: bigint, height: number, isCoinbase: boolean }} Coin
 * @typedef {{
 *   hashHex: string, hash: any, header: any, height: number, hex: string, parent: MadeBlock | undefined,
 *   created: readonly Coin[], spent: readonly Coin[], transactions: readonly string[],
 * }} MadeBlock
 */

const MATURITY = 2
const FEE_SATS = 20_000n
const MAX_INPUTS = 3
const MAX_OUTPUTS = 6
const MAX_DATA_SIZE = 40
/** Outputs worth less are not split any further. */
const MIN_SPLIT_SATS = 1_000_000n
const OP_DROP = 0x75
const OP_TRUE = 0x51
/** Seconds that genesis lies in the past: more than there will be blocks. */
const PAST_SECONDS = 200_000

/** A chain on which every second hash is a block, and which never gets harder. */
export function createFastSpec() {
  return {
    version: 1,
    name: 'crash',
    genesis: { time: Math.floor(Date.now() / 1_000) - PAST_SECONDS, bits: '207fffff' },
    retarget: { targetSpacingSeconds: 1, noRetargeting: true },
    coinbaseMaturityBlocks: MATURITY,
  }
}

/** Coins with a pick at random in constant time. */
class CoinPool {
  /** @type {Coin[]} */
  #coins = []
  /** @type {Map<string, number>} */
  #places = new Map()

  get size() {
    return this.#coins.length
  }

  /** @param {Coin} coin */
  add(coin) {
    this.#places.set(coin.key, this.#coins.length)
    this.#coins.push(coin)
  }

  /** @param {Coin} coin */
  remove({ key }) {
    const place = this.#places.get(key)
    const last = this.#coins.pop()
    if (place === undefined || last === undefined) throw new RangeError(`no such coin: ${key}`)
    this.#places.delete(key)
    if (last.key === key) return
    this.#coins[place] = last
    this.#places.set(last.key, place)
  }

  /** @param {SeededRandom} random */
  pick(random) {
    return this.#coins.length === 0 ? undefined : random.pick(this.#coins)
  }
}

/** Makes blocks, and knows what is unspent after each. */
export class BlockMaker {
  #params
  #random
  #pool = new CoinPool()
  /** The block after which the pool's coins are unspent. @type {MadeBlock} */
  #at
  #salt = 0
  /** @type {MadeBlock} */
  genesis

  /** @param {any} spec @param {SeededRandom} random */
  constructor(spec, random) {
    this.#params = createConsensusParams(parseChainSpec(spec))
    this.#random = random
    const { genesis, genesisHash } = this.#params
    this.genesis = {
      hashHex: toDisplayHex(genesisHash),
      hash: genesisHash,
      header: genesis.header,
      height: 0,
      hex: '',
      parent: undefined,
      created: [],
      spent: [],
      transactions: [],
    }
    this.#at = this.genesis
  }

  /** Number of coins after a block. @param {MadeBlock} block */
  countCoins(block) {
    this.#moveTo(block)
    return this.#pool.size
  }

  /**
   * Makes the next block on a parent.
   *
   * @param {MadeBlock} parent - Genesis, or made here.
   * @param {number} transactionCount - The most there will be besides the coinbase.
   * @returns {MadeBlock}
   */
  make(parent, transactionCount) {
    this.#moveTo(parent)
    const height = parent.height + 1
    /** @type {Coin[]} */
    const created = []
    /** @type {Coin[]} */
    const spent = []
    const others = []
    for (let i = 0; i < transactionCount; i++) {
      const transaction = this.#spend(height, created, spent)
      if (transaction !== undefined) others.push(transaction)
    }
    const coinbase = this.#createCoinbase(height)
    const outputs = this.#listOutputs(coinbase, height, true)
    created.unshift(...outputs)
    for (const coin of outputs) this.#pool.add(coin)
    const block = this.#solve(parent, [coinbase, ...others])
    const made = {
      ...block,
      height,
      parent,
      created,
      spent,
      transactions: others.map((tx) => Buffer.from(encodeTransaction(tx)).toString('hex')),
    }
    this.#at = made
    return made
  }

  /** @param {MadeBlock} parent @param {any[]} transactions */
  #solve(parent, transactions) {
    const header = {
      version: 0x2000_0000,
      prevBlockHash: parent.hash,
      merkleRoot: computeBlockMerkleRoot(transactions).root,
      time: parent.header.time + 1,
      bits: parent.header.bits,
      nonce: 0,
    }
    const { target } = decodeBits(header.bits)
    while (hashToNumber(computeBlockHash(header)) > target) header.nonce += 1
    const hash = computeBlockHash(header)
    const hex = Buffer.from(encodeBlock({ header, transactions })).toString('hex')
    return { hashHex: toDisplayHex(hash), hash, header, hex }
  }

  /** @param {number} height */
  #createCoinbase(height) {
    this.#salt += 1
    const salt = new Uint8Array(4)
    new DataView(salt.buffer).setUint32(0, this.#salt)
    return {
      version: 2,
      inputs: [
        {
          prevout: { txid: ZERO_HASH, vout: NULL_VOUT },
          scriptSig: Uint8Array.of(...pushNumber(height), ...pushData(salt)),
          sequence: SEQUENCE_FINAL,
          witness: [],
        },
      ],
      outputs: [{ value: this.#params.subsidySats, scriptPubKey: Uint8Array.of(OP_TRUE) }],
      lockTime: 0,
    }
  }

  /** @param {any} tx @param {number} height @param {boolean} isCoinbase @returns {Coin[]} */
  #listOutputs(tx, height, isCoinbase) {
    const txid = computeTxid(tx)
    const name = toDisplayHex(txid)
    return tx.outputs.map((/** @type {any} */ { value }, /** @type {number} */ vout) => ({
      key: `${name}:${vout}`,
      txid,
      vout,
      value,
      height,
      isCoinbase,
    }))
  }

  /** Anyone can spend it; the data make coins of different sizes. */
  #createScript() {
    const data = this.#random.bytes(this.#random.integer(1, MAX_DATA_SIZE))
    return Uint8Array.of(...pushData(data), OP_DROP, OP_TRUE)
  }

  /**
   * Makes one transaction; undefined if there is nothing to spend.
   *
   * @param {number} height @param {Coin[]} created @param {Coin[]} spent
   */
  #spend(height, created, spent) {
    /** @type {Coin[]} */
    const coins = []
    let total = -FEE_SATS
    for (let i = this.#random.integer(1, MAX_INPUTS); i > 0; i--) {
      const coin = this.#pool.pick(this.#random)
      if (coin === undefined || (coin.isCoinbase && height - coin.height < MATURITY)) continue
      this.#pool.remove(coin)
      coins.push(coin)
      total += coin.value
    }
    if (total <= 0n) {
      for (const coin of coins) this.#pool.add(coin)
      return undefined
    }
    const count = total < MIN_SPLIT_SATS ? 1 : this.#random.integer(1, MAX_OUTPUTS)
    const each = total / BigInt(count)
    const tx = {
      version: 2,
      inputs: coins.map(({ txid, vout }) => ({
        prevout: { txid, vout },
        scriptSig: new Uint8Array(0),
        sequence: SEQUENCE_FINAL,
        witness: [],
      })),
      outputs: Array.from({ length: count }, () => ({
        value: each,
        scriptPubKey: this.#createScript(),
      })),
      lockTime: 0,
    }
    const outputs = this.#listOutputs(tx, height, false)
    for (const coin of outputs) this.#pool.add(coin)
    created.push(...outputs)
    spent.push(...coins)
    return tx
  }

  /** Undoes and redoes blocks until the pool is as after `target`. @param {MadeBlock} target */
  #moveTo(target) {
    /** @type {MadeBlock[]} */
    const up = []
    let next = target
    while (next.height > this.#at.height) {
      up.push(next)
      next = parentOf(next)
    }
    while (this.#at !== next) {
      // Created first: what a block both created and spent is gone either way.
      const { created, spent } = this.#at
      const gone = new Set(spent.map(({ key }) => key))
      const own = new Set(created.map(({ key }) => key))
      for (const coin of created) if (!gone.has(coin.key)) this.#pool.remove(coin)
      for (const coin of spent) if (!own.has(coin.key)) this.#pool.add(coin)
      this.#at = parentOf(this.#at)
      if (next.height > this.#at.height) {
        up.push(next)
        next = parentOf(next)
      }
    }
    for (const block of up.reverse()) {
      const own = new Set(block.created.map(({ key }) => key))
      const gone = new Set(block.spent.map(({ key }) => key))
      for (const coin of block.spent) if (!own.has(coin.key)) this.#pool.remove(coin)
      for (const coin of block.created) if (!gone.has(coin.key)) this.#pool.add(coin)
      this.#at = block
    }
  }
}

/** @param {MadeBlock} block @returns {MadeBlock} */
export function parentOf(block) {
  if (block.parent === undefined) throw new RangeError('genesis has no parent')
  return block.parent
}
