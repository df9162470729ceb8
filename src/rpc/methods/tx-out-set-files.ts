/** @module All unspent outputs, into a file and from a file: a start without the history. */

import * as z from 'zod'
import {
  type Chain,
  encodeSnapshot,
  encodeSnapshotHead,
  readSnapshot,
  type SnapshotContent,
  type SnapshotHead,
  type StoredCoin,
  toElements,
} from '../../chain/index.ts'
import { computeNetworkMagic } from '../../consensus/index.ts'
import { toDisplayHex } from '../../primitives/index.ts'
import {
  DecodeError,
  decodeHex,
  encodeHex,
  equalBytes,
  InvariantError,
  reverseBytes,
} from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { hashSchema, PATH_SCHEMA } from './arguments.ts'
import { addUpCoins, COIN_HASHERS } from './get-tx-out-set-info.ts'

const PATH_PARAM = {
  name: 'path',
  schema: PATH_SCHEMA,
  description: "The file's path, absolute or within the data directory.",
} as const

/** `dumptxoutset` */
export const dumpTxOutSet = defineMethod({
  name: 'dumptxoutset',
  category: 'blockchain',
  summary: 'Writes all unspent outputs to a file, in the form of Bitcoin Core.',
  params: [
    PATH_PARAM,
    {
      name: 'type',
      schema: z.enum(['latest', '']).default('latest'),
      description: 'latest: those of the tip.',
    },
  ],
  result: {
    schema: z.object({
      coins_written: z.number().describe('How many there are.'),
      base_hash: z.string().describe('The hash of the tip.'),
      base_height: z.number().describe('Its height.'),
      path: z.string().describe('The absolute path of the file.'),
      txoutset_hash: z.string().describe('What loadtxoutset has to be told: hash_serialized_3.'),
    }),
  },
  examples: [['utxo.dat']],
  handler: async ({ chain, params, clock, files }: RpcContext, { path }) => {
    const hasher = COIN_HASHERS.hash_serialized_3()
    const networkMagic = computeNetworkMagic(params)
    let { tip } = chain
    let coinCount = 0
    async function* pieces(): AsyncGenerator<Uint8Array> {
      const set = await chain.readAllCoins()
      tip = set.tip
      // How many there are stands before them in the file, and is known after them.
      const head = { networkMagic, baseHash: tip.hash, coinCount: 0 }
      yield* encodeSnapshot(head, counted(set.coins))
    }
    async function* counted(coins: AsyncIterable<StoredCoin>): AsyncGenerator<StoredCoin> {
      for await (const stored of toElements(coins, clock)) {
        hasher.add(stored.element)
        coinCount += 1
        yield stored
      }
    }
    const absolute = await files.write(path, pieces(), () =>
      encodeSnapshotHead({ networkMagic, baseHash: tip.hash, coinCount }),
    )
    return {
      coins_written: coinCount,
      base_hash: tip.hashHex,
      base_height: tip.height,
      path: absolute,
      txoutset_hash: toDisplayHex(hasher.digest() ?? new Uint8Array(0)),
    }
  },
})

/** Reads a snapshot of this chain. */
function readOurSnapshot<Result>(
  { files, params }: RpcContext,
  path: string,
  task: (snapshot: SnapshotContent) => Promise<Result>,
): Promise<Result> {
  return readSnapshot(files.read(path), (snapshot) => {
    const { networkMagic } = snapshot.head
    if (equalBytes(networkMagic, computeNetworkMagic(params))) return task(snapshot)
    throw new RpcError(
      RPC_CODES.DESERIALIZATION_ERROR,
      `Unable to parse metadata: the snapshot is of another chain (magic ${encodeHex(networkMagic)}).`,
    )
  })
}

/** Where the snapshot stands in the chain. */
function findBase(chain: Chain, { baseHash }: SnapshotHead) {
  const hash = toDisplayHex(baseHash)
  const base = chain.getEntry(hash)
  if (base === undefined) {
    throw new RpcError(
      RPC_CODES.INTERNAL_ERROR,
      `The base block header (${hash}) must appear in the headers chain. Headers are fetched up to 20,000 blocks ahead of the tip: make sure that a peer has the block, and call loadtxoutset again when getblockchaininfo shows headers up to it.`,
    )
  }
  const { tip } = chain
  if (base.isFailed || base === tip || base.getAncestor(tip.height) !== tip) {
    throw new RpcError(
      RPC_CODES.INTERNAL_ERROR,
      `Unable to load UTXO snapshot: block ${hash} is not ahead of the tip, at height ${tip.height}, on one branch.`,
    )
  }
  return base
}

function checkContentHash(found: Uint8Array, expected: string): void {
  if (toDisplayHex(found) === expected.toLowerCase()) return
  throw new RpcError(
    RPC_CODES.INTERNAL_ERROR,
    `Unable to load UTXO snapshot: Bad snapshot content hash: expected ${expected}, got ${toDisplayHex(found)}`,
  )
}

/** What is wrong with a file is the caller's fault. */
async function orRpcError<Result>(task: () => Promise<Result>): Promise<Result> {
  try {
    return await task()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new RpcError(
      RPC_CODES.DESERIALIZATION_ERROR,
      `Unable to load UTXO snapshot: ${error.message}`,
      { cause: error },
    )
  }
}

/** `loadtxoutset` */
export const loadTxOutSet = defineMethod({
  name: 'loadtxoutset',
  category: 'blockchain',
  summary:
    'Goes on from the unspent outputs in a file, without the blocks before. They are taken on the word of whoever gave you the hash.',
  params: [
    PATH_PARAM,
    {
      name: 'hash',
      schema: hashSchema('hash'),
      description:
        'The txoutset_hash that dumptxoutset told, or hash_serialized_3 of gettxoutsetinfo at that block, from a node that you trust.',
    },
  ],
  result: {
    schema: z.object({
      coins_loaded: z.number().describe('How many there are.'),
      tip_hash: z.string().describe('The hash of the block that they are of.'),
      base_height: z.number().describe('Its height.'),
      path: z.string().describe('The path that was given.'),
    }),
  },
  examples: [['utxo.dat', 'hash']],
  handler: (context: RpcContext, { path, hash }) =>
    orRpcError(async () => {
      const { chain, mempool } = context
      if (mempool.size > 0) {
        throw new RpcError(
          RPC_CODES.INTERNAL_ERROR,
          "Unable to load UTXO snapshot: Can't activate a snapshot when mempool not empty",
        )
      }
      if (chain.prunedHeight > 0) {
        // What is in its place could not be rebuilt, should the file fail on the way.
        throw new RpcError(
          RPC_CODES.INTERNAL_ERROR,
          "Unable to load UTXO snapshot: Can't activate a snapshot on a chain that was pruned, or began with one. Use another --datadir.",
        )
      }
      if (chain.txIndex !== undefined) {
        throw new RpcError(
          RPC_CODES.INTERNAL_ERROR,
          'Unable to load UTXO snapshot: the index of transactions needs all blocks. Start without --txindex.',
        )
      }
      // Nothing is touched before all of the file is known to be what it should be.
      const { base, txouts } = await readOurSnapshot(context, path, async ({ head, coins }) => {
        const base = findBase(chain, head)
        const hasher = COIN_HASHERS.hash_serialized_3()
        const { txouts } = await addUpCoins(coins, hasher, context.clock)
        checkContentHash(hasher.digest() ?? new Uint8Array(0), hash)
        return { base, txouts }
      })
      await readOurSnapshot(context, path, async ({ coins }) => {
        try {
          await chain.loadCoins(base, coins, reverseBytes(decodeHex(hash)))
        } catch (error) {
          // The coins are neither those of the tip nor those of the snapshot: nobody may ask for them.
          if (!(error instanceof InvariantError)) context.fatal(error)
          throw error
        }
      })
      return { coins_loaded: txouts, tip_hash: base.hashHex, base_height: base.height, path }
    }),
})
