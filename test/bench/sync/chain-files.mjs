/**
 * Makes the chains that are synchronised: empty blocks, and full ones of transactions that are really signed. Each
 * is a block file, made once and kept in `.bench`.
 */

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as secp256k1 from 'tiny-secp256k1'

const consensus = await import('../../../dist/consensus/index.js')
const primitives = await import('../../../dist/primitives/index.js')
const script = await import('../../../dist/script/index.js')
const { concatBytes } = await import('../../../dist/util/index.js')

const FOLDER = fileURLToPath(new URL('../../../.bench/', import.meta.url))
/** Changes when the chains do, so that old files are left alone. */
const VERSION = 1
const GENESIS_TIME = 1_700_000_000
const KEY_COUNT = 512
/** Coins before the first full block. */
const FIRST_COINS = 3_000
const FEE = 200n
/** Coins of less are spent in pairs, so that their outputs stay worth something. */
const SMALL_SATS = 2_000n
const NOTHING = new Uint8Array()

/** A chain on which work is free and coinbases can be spent at once. */
const SPEC = {
  version: 1,
  name: 'bench-sync',
  genesis: { time: GENESIS_TIME, bits: '207fffff' },
  retarget: { targetSpacingSeconds: 1, noRetargeting: true },
  coinbaseMaturityBlocks: 1,
}

/** The path of the chain spec, for `--chain`. */
export function writeSpec() {
  mkdirSync(FOLDER, { recursive: true })
  const path = join(FOLDER, 'bench-sync.json')
  writeFileSync(path, JSON.stringify(SPEC))
  return path
}

const params = consensus.createConsensusParams(consensus.parseChainSpec(SPEC))
const MAGIC = Buffer.from(params.chainId, 'hex')

/** The same numbers in every run. */
function createRandom(seed) {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

function createKeys() {
  return Array.from({ length: KEY_COUNT }, (_, index) => {
    const secret = new Uint8Array(32).fill(7)
    new DataView(secret.buffer).setUint32(28, index + 1)
    const publicKey = secp256k1.pointFromScalar(secret, true)
    const keyHash = script.hash160(publicKey)
    return {
      secret,
      publicKey,
      code: script.createKeyHashScript(keyHash),
      output: script.createWitnessScript({ version: 0, program: keyHash }),
    }
  })
}

/** A number of a signature as DER has it. */
function encodeDerInteger(bytes) {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const digits = bytes.subarray(start)
  return digits[0] >= 0x80
    ? concatBytes(Uint8Array.of(0x02, digits.length + 1, 0), digits)
    : concatBytes(Uint8Array.of(0x02, digits.length), digits)
}

function signInput(tx, index, { coin, shared }) {
  const all = script.SIGHASH_ALL
  const { key, value } = coin
  const hash = script.computeWitnessV0SignatureHash(tx, index, key.code, value, all, shared)
  const compact = secp256k1.sign(hash, key.secret)
  const r = encodeDerInteger(compact.subarray(0, 32))
  const s = encodeDerInteger(compact.subarray(32))
  const head = Uint8Array.of(0x30, r.length + s.length)
  return [concatBytes(head, r, s, Uint8Array.of(all)), key.publicKey]
}

function createInput(coin) {
  const { txid, vout } = coin
  return { prevout: { txid, vout }, scriptSig: NOTHING, sequence: 0xffff_fffd, witness: [] }
}

/** Spends coins into outputs; returns the transaction and the coins that it makes. */
function spend(coins, outputs) {
  const unsigned = {
    version: 2,
    inputs: coins.map(createInput),
    outputs: outputs.map(({ key, value }) => ({ value, scriptPubKey: key.output })),
    lockTime: 0,
  }
  const spent = coins.map(({ key, value }) => ({ value, scriptPubKey: key.output }))
  const shared = script.precomputeTransactionData(unsigned, spent)
  const inputs = unsigned.inputs.map((input, index) => ({
    ...input,
    witness: signInput(unsigned, index, { coin: coins[index], shared }),
  }))
  const tx = { ...unsigned, inputs }
  const txid = primitives.computeTxid(tx)
  return { tx, made: outputs.map(({ key, value }, vout) => ({ txid, vout, key, value })) }
}

function createCoinbase(height, value, output, others) {
  const hasWitness = others.length > 0
  const coinbase = {
    version: 2,
    inputs: [
      {
        prevout: { txid: primitives.ZERO_HASH, vout: primitives.NULL_VOUT },
        scriptSig: concatBytes(script.pushNumber(height), Uint8Array.of(0x51)),
        sequence: primitives.SEQUENCE_FINAL,
        witness: hasWitness ? [primitives.ZERO_HASH] : [],
      },
    ],
    outputs: [{ value, scriptPubKey: output }],
    lockTime: 0,
  }
  if (!hasWitness) return coinbase
  const root = consensus.computeWitnessMerkleRoot([coinbase, ...others])
  const commitment = consensus.computeWitnessCommitment(root, primitives.ZERO_HASH)
  const scriptPubKey = consensus.createCommitmentScript(commitment)
  return { ...coinbase, outputs: [...coinbase.outputs, { value: 0n, scriptPubKey }] }
}

/** Builds blocks one on another and writes them to a file. */
class ChainWriter {
  #file
  #prev = params.genesisHash
  height = 0

  constructor(path) {
    this.#file = openSync(path, 'w')
  }

  /** @returns The coin of the coinbase. */
  add(others, fees, key) {
    this.height += 1
    const value = consensus.computeSubsidy(this.height, params) + fees
    const coinbase = createCoinbase(this.height, value, key.output, others)
    const transactions = [coinbase, ...others]
    const header = this.#solve({
      version: 0x2000_0000,
      prevBlockHash: this.#prev,
      merkleRoot: consensus.computeBlockMerkleRoot(transactions).root,
      time: GENESIS_TIME + this.height,
      bits: 0x207f_ffff,
      nonce: 0,
    })
    const bytes = primitives.encodeBlock({ header, transactions })
    const head = Buffer.alloc(8)
    MAGIC.copy(head)
    head.writeUInt32LE(bytes.length, 4)
    writeSync(this.#file, Buffer.concat([head, bytes]))
    return { txid: primitives.computeTxid(coinbase), vout: 0, key, value }
  }

  close() {
    closeSync(this.#file)
  }

  #solve(header) {
    for (let nonce = 0; ; nonce++) {
      const candidate = { ...header, nonce }
      const hash = primitives.computeBlockHash(candidate)
      if (hash[31] >= 0x80) continue
      this.#prev = hash
      return candidate
    }
  }
}

/** Makes a file with its draft beside it, so that half a file is never taken for a whole one. */
function once(name, make) {
  mkdirSync(FOLDER, { recursive: true })
  const path = join(FOLDER, name)
  if (existsSync(path)) return path
  process.stderr.write(`making ${path}; later runs take it as it is\n`)
  make(`${path}.draft`)
  renameSync(`${path}.draft`, path)
  return path
}

/** A file of empty blocks. */
export function makeEmptyChain(count) {
  return once(`empty-${VERSION}-${count}.blocks`, (path) => {
    const writer = new ChainWriter(path)
    const [key] = createKeys()
    for (let i = 0; i < count; i++) writer.add([], 0n, key)
    writer.close()
  })
}

/** How many blocks come before the full ones: one for a coin, one to split it. */
export const LEAD_BLOCKS = 2

/**
 * A file of full blocks: P2WPKH throughout, one or two inputs, two outputs, coins of any age.
 *
 * @param count - Of full blocks.
 * @param size - Transactions in each, besides the coinbase.
 */
export function makeFullChain(count, size) {
  return once(`full-${VERSION}-${count}x${size}.blocks`, (path) => {
    const random = createRandom(5)
    const keys = createKeys()
    const anyKey = () => keys[random(keys.length)]
    const writer = new ChainWriter(path)
    const first = writer.add([], 0n, anyKey())
    const each = (first.value - FEE * 1_000n) / BigInt(FIRST_COINS)
    const split = spend(
      [first],
      Array.from({ length: FIRST_COINS }, () => ({ key: anyKey(), value: each })),
    )
    writer.add([split.tx], 0n, anyKey())
    const coins = split.made
    const take = () => {
      const at = random(coins.length)
      const coin = coins[at]
      const last = coins.pop()
      if (at < coins.length) coins[at] = last
      return coin
    }
    for (let i = 0; i < count; i++) {
      const made = []
      const transactions = Array.from({ length: size }, () => {
        const spent = [take()]
        if (spent[0].value < SMALL_SATS || random(2) === 1) spent.push(take())
        const value = spent.reduce((sum, coin) => sum + coin.value, 0n) - FEE
        const part = (value * BigInt(30 + random(40))) / 100n
        const result = spend(spent, [
          { key: anyKey(), value: part },
          { key: anyKey(), value: value - part },
        ])
        made.push(...result.made)
        return result.tx
      })
      writer.add(transactions, FEE * BigInt(size), anyKey())
      coins.push(...made)
      if (i % 50 === 49) process.stderr.write(`  ${i + 1} of ${count} blocks\n`)
    }
    writer.close()
  })
}
