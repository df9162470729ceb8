/** @module Every rule that one changed block can break, with the block that breaks it. */

import type { Chain } from '../../src/chain/index.ts'
import {
  type ConsensusErrorCode,
  type ConsensusParams,
  createConsensusParams,
  decodeBits,
  hashToNumber,
  parseChainSpec,
} from '../../src/consensus/index.ts'
import {
  type Block,
  type BlockHash,
  computeBlockHash,
  computeTxid,
  NULL_VOUT,
  type Transaction,
  type TxIn,
  type Txid,
  ZERO_HASH,
} from '../../src/primitives/index.ts'
import { pushNumber } from '../../src/script/index.ts'
import {
  type BlockWishes,
  createBlock,
  OP_TRUE_SCRIPT,
  type PlacedBlock,
  placeGenesis,
  resolveMerkleRoot,
} from './chain-generator.ts'
import { createFixedClock, openMemoryChain } from './memory-chain.ts'

export const SPACING = 10
const SUBSIDY = 5_000_000_000n
const OP_CHECKSIG = 0xac
const OP_FALSE_SCRIPT = Uint8Array.of(0x00)

/** A chain of a window of eight blocks; its blocks are spaced so that the bits never move. */
export function createParams(deployments: object = {}): ConsensusParams {
  return createConsensusParams(
    parseChainSpec({
      version: 1,
      name: 'rules',
      genesis: { time: 1_700_000_000 },
      retarget: { targetSpacingSeconds: SPACING, windowBlocks: 8 },
      coinbaseMaturityBlocks: 2,
      deployments,
    }),
  )
}

/** A valid chain and the means to spend on it. */
export interface Scene {
  readonly params: ConsensusParams
  readonly chain: Chain
  /** Blocks 1 to 6: the next one is 7, the one after begins a window. */
  readonly base: readonly PlacedBlock[]
  readonly tip: PlacedBlock
  readonly clock: ReturnType<typeof createFixedClock>
}

/** Puts blocks 1 to 6 on a chain at genesis. */
export async function createSceneOn(chain: Chain, clock: Scene['clock']): Promise<Scene> {
  const { params } = chain
  const genesis = placeGenesis(params)
  clock.set(genesis.block.header.time + 1_000)
  const base: PlacedBlock[] = []
  let last = genesis
  for (let i = 0; i < 6; i++) {
    last = createBlock(last, params, { time: last.block.header.time + SPACING })
    await chain.acceptBlock(last.block)
    base.push(last)
  }
  return { params, chain, base, tip: last, clock }
}

export async function createScene(params: ConsensusParams): Promise<Scene> {
  const clock = createFixedClock(params.genesis.header.time)
  return createSceneOn(await openMemoryChain(params, clock), clock)
}

export function coinbaseOf({ base }: Scene, height: number): Transaction {
  const tx = base[height - 1]?.block.transactions[0]
  if (tx === undefined) throw new RangeError('no such block')
  return tx
}

export function inputOf(from: Transaction, changes: Partial<TxIn> = {}): TxIn {
  return {
    prevout: { txid: computeTxid(from), vout: 0 },
    scriptSig: new Uint8Array(),
    sequence: 0xffff_ffff,
    witness: [],
    ...changes,
  }
}

/** Spends the coinbase of block 1, which anyone can. */
export function spend(scene: Scene, changes: Partial<Transaction> = {}): Transaction {
  return {
    version: 2,
    inputs: [inputOf(coinbaseOf(scene, 1))],
    outputs: [{ value: SUBSIDY, scriptPubKey: OP_TRUE_SCRIPT }],
    lockTime: 0,
    ...changes,
  }
}

export const output = (value: bigint, scriptPubKey = OP_TRUE_SCRIPT) => ({ value, scriptPubKey })

/** A case: what is done to an otherwise valid block 7, and the rule that it then breaks. */
export interface RuleCase {
  readonly code: ConsensusErrorCode
  readonly name: string
  readonly wishes: (scene: Scene) => BlockWishes
  /** Soft forks that are not the default. */
  readonly deployments?: object
  /** The same block done right. Absent where the right one is a plain block. */
  readonly twin?: (scene: Scene) => BlockWishes
}

const spends = (make: (scene: Scene) => Partial<Transaction>) => (scene: Scene) => ({
  transactions: [spend(scene, make(scene))],
})

const HEADER_CASES: readonly RuleCase[] = [
  {
    code: 'high-hash',
    name: 'a hash above the target',
    wishes: () => ({
      changeBlock: (block) => {
        for (let nonce = 0; ; nonce++) {
          const header = { ...block.header, nonce }
          if (!isBelowPowLimit(header)) return { ...block, header }
        }
      },
    }),
  },
  {
    code: 'high-hash',
    name: 'bits easier than the limit',
    wishes: () => ({ bits: 0x2100ffff }),
  },
  { code: 'bad-diffbits', name: 'bits that do not follow', wishes: () => ({ bits: 0x207ffffe }) },
  {
    code: 'bad-diffbits',
    name: 'bits that are harder than they must be',
    wishes: () => ({ bits: 0x1f7fffff }),
  },
  {
    code: 'prev-blk-not-found',
    name: 'an unknown parent',
    wishes: () => ({
      changeHeader: (header) => ({
        ...header,
        prevBlockHash: new Uint8Array(32).fill(1) as BlockHash,
      }),
    }),
  },
  {
    code: 'time-too-old',
    name: 'the median time past itself',
    // The median of genesis and blocks 1 to 6 is the time of block 3.
    wishes: ({ base }) => ({ time: base[2]?.block.header.time ?? 0 }),
    twin: ({ base }) => ({ time: (base[2]?.block.header.time ?? 0) + 1 }),
  },
  {
    code: 'time-too-new',
    name: 'a time too far ahead of the clock',
    wishes: ({ clock, params }) => ({ time: clock.now() / 1_000 + params.maxFutureSeconds + 1 }),
    twin: ({ clock, params }) => ({ time: clock.now() / 1_000 + params.maxFutureSeconds }),
  },
  {
    code: 'bad-version',
    name: 'a version older than the soft forks',
    wishes: () => ({ version: 3 }),
  },
]

const BLOCK_CASES: readonly RuleCase[] = [
  {
    code: 'bad-txnmrklroot',
    name: 'a root of other transactions',
    wishes: () => ({ changeHeader: (header) => ({ ...header, merkleRoot: new Uint8Array(32) }) }),
  },
  {
    code: 'bad-txns-duplicate',
    name: 'a doubled transaction under the same root (CVE-2012-2459)',
    wishes: (scene) => {
      const one = spend(scene)
      const two = spend(scene, { inputs: [inputOf(coinbaseOf(scene, 2))] })
      return {
        transactions: [one, two],
        changeBlock: (block) => ({ ...block, transactions: [...block.transactions, two] }),
      }
    },
    twin: (scene) => ({
      transactions: [spend(scene), spend(scene, { inputs: [inputOf(coinbaseOf(scene, 2))] })],
    }),
  },
  {
    code: 'bad-blk-length',
    name: 'more than a million bytes without witnesses',
    wishes: spends(() => ({
      outputs: [
        output(SUBSIDY),
        output(0n, new Uint8Array(600_000)),
        output(0n, new Uint8Array(400_000)),
      ],
    })),
  },
  {
    code: 'bad-cb-missing',
    name: 'no coinbase',
    wishes: (scene) => ({
      changeBlock: (block) => resolveMerkleRoot({ ...block, transactions: [spend(scene)] }),
    }),
  },
  {
    code: 'bad-cb-multiple',
    name: 'two coinbases',
    wishes: () => ({
      changeBlock: (block) => {
        const [coinbase] = block.transactions
        if (coinbase === undefined) return block
        return resolveMerkleRoot({
          ...block,
          transactions: [coinbase, { ...coinbase, lockTime: 1 }],
        })
      },
    }),
  },
  {
    code: 'bad-blk-sigops',
    name: 'more signature operations than allowed',
    wishes: spends(() => ({
      outputs: [output(SUBSIDY, new Uint8Array(20_001).fill(OP_CHECKSIG))],
    })),
    twin: spends(() => ({ outputs: [output(SUBSIDY, new Uint8Array(20_000).fill(OP_CHECKSIG))] })),
  },
]

const TRANSACTION_CASES: readonly RuleCase[] = [
  { code: 'bad-txns-vin-empty', name: 'no inputs', wishes: spends(() => ({ inputs: [] })) },
  { code: 'bad-txns-vout-empty', name: 'no outputs', wishes: spends(() => ({ outputs: [] })) },
  {
    code: 'bad-txns-vout-negative',
    name: 'a negative amount (CVE-2010-5139)',
    wishes: spends(() => ({ outputs: [output(-1n)] })),
  },
  {
    code: 'bad-txns-vout-toolarge',
    name: 'more than all the money',
    wishes: spends(() => ({ outputs: [output(2_100_000_000_000_001n)] })),
  },
  {
    code: 'bad-txns-txouttotal-toolarge',
    name: 'outputs that are more than all the money together',
    wishes: spends(() => ({ outputs: [output(2_100_000_000_000_000n), output(1n)] })),
  },
  {
    code: 'bad-txns-inputs-duplicate',
    name: 'one output spent twice by one transaction (CVE-2018-17144)',
    wishes: spends((scene) => ({
      inputs: [inputOf(coinbaseOf(scene, 1)), inputOf(coinbaseOf(scene, 1))],
    })),
  },
  {
    code: 'bad-cb-length',
    name: 'a coinbase script of 101 bytes',
    wishes: () => ({ changeCoinbase: (tx) => withScriptSize(tx, 101) }),
    twin: () => ({ changeCoinbase: (tx) => withScriptSize(tx, 100) }),
  },
  {
    code: 'bad-txns-prevout-null',
    name: 'an input that spends nothing',
    wishes: spends((scene) => ({
      inputs: [
        inputOf(coinbaseOf(scene, 1)),
        inputOf(coinbaseOf(scene, 1), { prevout: { txid: ZERO_HASH as Txid, vout: NULL_VOUT } }),
      ],
    })),
  },
]

const CONTEXT_CASES: readonly RuleCase[] = [
  {
    code: 'bad-txns-nonfinal',
    name: 'a lock to this height',
    wishes: spends((scene) => ({
      lockTime: 7,
      inputs: [inputOf(coinbaseOf(scene, 1), { sequence: 0 })],
    })),
    twin: spends((scene) => ({
      lockTime: 6,
      inputs: [inputOf(coinbaseOf(scene, 1), { sequence: 0 })],
    })),
  },
  {
    code: 'bad-txns-nonfinal',
    name: 'a lock to the median time past (BIP-0113)',
    wishes: spends((scene) => ({
      lockTime: scene.base[2]?.block.header.time ?? 0,
      inputs: [inputOf(coinbaseOf(scene, 1), { sequence: 0 })],
    })),
    twin: spends((scene) => ({
      lockTime: (scene.base[2]?.block.header.time ?? 0) - 1,
      inputs: [inputOf(coinbaseOf(scene, 1), { sequence: 0 })],
    })),
  },
  {
    code: 'bad-txns-nonfinal',
    name: 'a relative lock in blocks (BIP-0068)',
    wishes: spends((scene) => ({ inputs: [inputOf(coinbaseOf(scene, 1), { sequence: 7 })] })),
    twin: spends((scene) => ({ inputs: [inputOf(coinbaseOf(scene, 1), { sequence: 6 })] })),
  },
  {
    code: 'bad-txns-nonfinal',
    name: 'a relative lock in time (BIP-0068)',
    wishes: spends((scene) => ({
      inputs: [inputOf(coinbaseOf(scene, 1), { sequence: 0x0040_0001 })],
    })),
    twin: spends((scene) => ({
      inputs: [inputOf(coinbaseOf(scene, 1), { sequence: 0x0040_0000 })],
    })),
  },
  {
    code: 'bad-cb-height',
    name: 'another height in the coinbase (BIP-0034)',
    wishes: () => ({
      changeCoinbase: (tx) => withScript(tx, Uint8Array.of(...pushNumber(8), 0, 0)),
    }),
  },
  {
    code: 'bad-witness-nonce-size',
    name: 'a commitment without its reserved value',
    wishes: (scene) => ({
      transactions: [withWitness(spend(scene))],
      changeCoinbase: (tx) => withCoinbaseWitness(tx, [new Uint8Array(31)]),
    }),
  },
  {
    code: 'bad-witness-merkle-match',
    name: 'a commitment to other witnesses',
    wishes: (scene) => ({
      transactions: [withWitness(spend(scene))],
      changeCoinbase: (tx) => withCoinbaseWitness(tx, [new Uint8Array(32).fill(1)]),
    }),
  },
  {
    code: 'unexpected-witness',
    name: 'a witness that nothing commits to',
    wishes: (scene) => ({
      transactions: [withWitness(spend(scene))],
      changeCoinbase: (tx) => ({ ...withCoinbaseWitness(tx, []), outputs: tx.outputs.slice(0, 1) }),
    }),
  },
  {
    code: 'bad-blk-weight',
    name: 'witnesses beyond four million weight units',
    wishes: (scene) => ({ transactions: [withWitness(spend(scene), 3_999_000)] }),
  },
]

const COIN_CASES: readonly RuleCase[] = [
  {
    code: 'bad-txns-BIP30',
    name: 'outputs that overwrite unspent ones',
    deployments: { bip34: 1_000 },
    wishes: (scene) => ({ changeCoinbase: () => coinbaseOf(scene, 6) }),
  },
  {
    code: 'bad-txns-inputs-missingorspent',
    name: 'an output spent by two transactions',
    wishes: (scene) => ({ transactions: [spend(scene), spend(scene, { lockTime: 1 })] }),
  },
  {
    code: 'bad-txns-inputs-missingorspent',
    name: 'an output of a later transaction of the block',
    wishes: (scene) => {
      const first = spend(scene)
      return { transactions: [spend(scene, { inputs: [inputOf(first)] }), first] }
    },
    twin: (scene) => {
      const first = spend(scene)
      return { transactions: [first, spend(scene, { inputs: [inputOf(first)] })] }
    },
  },
  {
    code: 'bad-txns-premature-spend-of-coinbase',
    name: 'a coinbase that is one block old',
    wishes: spends((scene) => ({ inputs: [inputOf(coinbaseOf(scene, 6))] })),
    twin: spends((scene) => ({ inputs: [inputOf(coinbaseOf(scene, 5))] })),
  },
  {
    code: 'bad-txns-in-belowout',
    name: 'more out than in',
    wishes: spends(() => ({ outputs: [output(SUBSIDY + 1n)] })),
    twin: spends(() => ({ outputs: [output(SUBSIDY)] })),
  },
  {
    code: 'bad-cb-amount',
    name: 'a satoshi too much for the miner',
    wishes: () => ({ fees: 1n }),
  },
  {
    code: 'bad-cb-amount',
    name: 'fees that nobody paid',
    wishes: (scene) => ({
      fees: 1_001n,
      transactions: [spend(scene, { outputs: [output(SUBSIDY - 1_000n)] })],
    }),
    twin: (scene) => ({
      fees: 1_000n,
      transactions: [spend(scene, { outputs: [output(SUBSIDY - 1_000n)] })],
    }),
  },
  {
    code: 'block-script-verify-flag-failed',
    name: 'a script that ends in false',
    wishes: (scene) => {
      const first = spend(scene, { outputs: [output(SUBSIDY, OP_FALSE_SCRIPT)] })
      return { transactions: [first, spend(scene, { inputs: [inputOf(first)] })] }
    },
  },
]

export const CASES = [
  ...HEADER_CASES,
  ...BLOCK_CASES,
  ...TRANSACTION_CASES,
  ...CONTEXT_CASES,
  ...COIN_CASES,
]

function isBelowPowLimit(header: Block['header']): boolean {
  return hashToNumber(computeBlockHash(header)) <= decodeBits(header.bits).target
}

function withScript(tx: Transaction, scriptSig: Uint8Array): Transaction {
  return { ...tx, inputs: tx.inputs.map((input) => ({ ...input, scriptSig })) }
}

/** Pads a coinbase's script behind its height. */
function withScriptSize(tx: Transaction, size: number): Transaction {
  const script = new Uint8Array(size)
  script.set(tx.inputs[0]?.scriptSig ?? [])
  return withScript(tx, script)
}

function withCoinbaseWitness(tx: Transaction, witness: readonly Uint8Array[]): Transaction {
  return { ...tx, inputs: tx.inputs.map((input) => ({ ...input, witness })) }
}

function withWitness(tx: Transaction, size = 1): Transaction {
  return withCoinbaseWitness(tx, [new Uint8Array(size)])
}

/** Fills in the time that keeps the spacing. */
export function place(scene: Scene, wishes: BlockWishes): BlockWishes {
  return { time: scene.tip.block.header.time + SPACING, ...wishes }
}
