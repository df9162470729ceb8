/** Files of all coins: their form, and a chain that goes on from one. */

import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeSnapshot, readSnapshot, type StoredCoin } from '../../../src/chain/index.ts'
import {
  computeNetworkMagic,
  createConsensusParams,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import type { Txid } from '../../../src/primitives/index.ts'
import { concatBytes, decodeHex, encodeHex } from '../../../src/util/index.ts'
import { createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import { createMemoryDatabases, openMemoryChain } from '../../support/memory-chain.ts'
import {
  createMemoryFiles,
  createRegtestNode,
  type RegtestNode,
} from '../../support/regtest-node.ts'

const params = createConsensusParams(REGTEST_SPEC)
const genesis = placeGenesis(params)
const networkMagic = computeNetworkMagic(params)
const baseHash = params.genesisHash
/** The generator's y is even, so is that of its key here; the other one is its mirror image. */
const KEY = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
const Y = '483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8'

async function* each<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items
}

function coinAt(
  txid: number,
  vout: number,
  script: Uint8Array,
  value = 5_000_000_000n,
): StoredCoin {
  return {
    outPoint: { txid: new Uint8Array(32).fill(txid) as Txid, vout },
    coin: { output: { value, scriptPubKey: script }, height: 7, isCoinbase: true },
  }
}

async function encode(coins: readonly StoredCoin[]): Promise<Uint8Array> {
  const head = { networkMagic, baseHash, coinCount: coins.length }
  const pieces: Uint8Array[] = []
  for await (const piece of encodeSnapshot(head, each(coins))) pieces.push(piece)
  return concatBytes(...pieces)
}

async function decode(bytes: Uint8Array, pieceSize = 1_000): Promise<readonly StoredCoin[]> {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += pieceSize)
    pieces.push(bytes.subarray(at, at + pieceSize))
  return readSnapshot(each(pieces), async ({ coins }) => {
    const found: StoredCoin[] = []
    for await (const coin of coins) found.push(coin)
    return found
  })
}

async function failureOf(bytes: Uint8Array): Promise<string> {
  try {
    await decode(bytes)
    return 'none'
  } catch (error) {
    return (error as Error).name
  }
}

describe('a snapshot', () => {
  it.each([
    ['P2PKH', `76a914${'11'.repeat(20)}88ac`, `00${'11'.repeat(20)}`],
    ['P2SH', `a914${'22'.repeat(20)}87`, `01${'22'.repeat(20)}`],
    ['P2PK', `2102${KEY}ac`, `02${KEY}`],
    ['P2PK, odd', `2103${KEY}ac`, `03${KEY}`],
    ['P2PK, uncompressed', `4104${KEY}${Y}ac`, `04${KEY}`],
    ['uncompressed, off the curve', `4104${KEY}${KEY}ac`, `49${`4104${KEY}${KEY}ac`}`],
    ['P2WPKH', `0014${'33'.repeat(20)}`, `1c0014${'33'.repeat(20)}`],
    ['empty', '', '06'],
  ])('has the bytes of Bitcoin Core: %s', async (_, script, compressed) => {
    const coins = [coinAt(1, 0, decodeHex(script))]
    const bytes = encodeHex(await encode(coins))
    const head = `7574786fff0200fabfb5da${encodeHex(baseHash)}0100000000000000`
    // Height 7 and the coinbase flag are 15; 50 coins compress to 50 (compressor.cpp's own example).
    expect(bytes).toBe(`${head}${'01'.repeat(32)}01000f32${compressed}`)
    expect(await decode(decodeHex(bytes))).toEqual(coins)
  })

  it.each([
    [0n, '00'],
    [1n, '01'],
    [1_000_000n, '07'],
    [100_000_000n, '09'],
    [5_000_000_000n, '32'],
    [2_100_000_000_000_000n, '8980dd40'],
  ])('compresses %s as Bitcoin Core', async (value, compressed) => {
    // compress_tests.cpp: 1 is 0x1, CENT 0x7, COIN 0x9, 50 COIN 0x32, 21,000,000 COIN 0x1406f40, here as
    // variable numbers.
    const bytes = encodeHex(await encode([coinAt(1, 0, new Uint8Array(0), value)]))
    const tail = bytes.slice(bytes.indexOf('01'.repeat(32)) + 64)
    expect(tail).toBe(`01000f${compressed}06`)
  })

  it('comes back as it was, in pieces of any size', async () => {
    const script = fc.uint8Array({ maxLength: 80 }).filter((bytes) => bytes[0] !== 0x6a)
    const coin = fc.tuple(fc.nat(5), fc.nat(300), script, fc.bigInt(0n, 2_100_000_000_000_000n))
    await fc.assert(
      fc.asyncProperty(
        fc.array(coin, { maxLength: 20 }),
        fc.integer({ min: 1, max: 200 }),
        async (raw, size) => {
          const unique = new Map(
            raw.map(([txid, vout, bytes, value]) => [
              txid * 1_000 + vout,
              coinAt(txid, vout, bytes, value),
            ]),
          )
          const coins = [...unique].sort(([a], [b]) => a - b).map(([, stored]) => stored)
          expect(await decode(await encode(coins), size)).toEqual(coins)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('that is damaged is refused, wherever it is cut', async () => {
    const bytes = await encode([
      coinAt(1, 0, Uint8Array.of(0x51)),
      coinAt(2, 3, Uint8Array.of(0x52)),
    ])
    for (let size = 0; size < bytes.length; size++) {
      expect(await failureOf(bytes.subarray(0, size))).toBe('DecodeError')
    }
    expect(await failureOf(concatBytes(bytes, Uint8Array.of(0)))).toBe('DecodeError')
  })

  it('throws nothing but DecodeError on random changes', async () => {
    const bytes = await encode([
      coinAt(1, 0, decodeHex(`4104${KEY}${Y}ac`)),
      coinAt(2, 3, Uint8Array.of(0x52)),
    ])
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, byte) => {
        const changed = Uint8Array.from(bytes)
        changed[at] = byte
        expect(['none', 'DecodeError']).toContain(await failureOf(changed))
      }),
    )
  })
})

describe('loadtxoutset', () => {
  const blocks = createBlocks(genesis, params, 30, { payoutScript: Uint8Array.of(0x51) })
  const files = createMemoryFiles()
  afterEach(() => expect(files.openCount, 'files left open').toBe(0))

  async function createSource(): Promise<{ readonly node: RegtestNode; readonly hash: string }> {
    const node = await createRegtestNode({ context: { files } })
    for (const { block } of blocks.slice(0, 25)) await node.chain.acceptBlock(block)
    files.contents.clear()
    const dump = (await node.call('dumptxoutset', 'utxo.dat')) as Record<string, unknown>
    expect(dump).toMatchObject({ coins_written: 25, base_height: 25, path: 'utxo.dat' })
    const info = (await node.call('gettxoutsetinfo')) as Record<string, unknown>
    expect(dump['txoutset_hash']).toBe(info['hash_serialized_3'])
    return { node, hash: String(dump['txoutset_hash']) }
  }

  /** A node that knows headers, and the first blocks at most. */
  async function createFresh(bodies = 0): Promise<RegtestNode> {
    const node = await createRegtestNode({ context: { files } })
    for (const { block } of blocks.slice(0, bodies)) await node.chain.acceptBlock(block)
    node.chain.acceptHeaders(blocks.map(({ block }) => block.header))
    return node
  }

  it.each([0, 3])('starts a node that has %i blocks, and it goes on', async (bodies) => {
    const { node: source, hash } = await createSource()
    const node = await createFresh(bodies)
    const tips: number[] = []
    node.chain.events.on('tipChanged', ({ tip }) => tips.push(tip.height))
    expect(await node.call('loadtxoutset', 'utxo.dat', hash)).toEqual({
      coins_loaded: 25,
      tip_hash: source.chain.tip.hashHex,
      base_height: 25,
      path: 'utxo.dat',
    })
    expect(tips).toEqual([25])
    expect(await node.call('getblockchaininfo')).toMatchObject({
      blocks: 25,
      pruned: true,
      pruneheight: 26,
    })
    for (const { block } of blocks.slice(25)) {
      await node.chain.acceptBlock(block)
      await source.chain.acceptBlock(block)
    }
    expect(node.chain.tip.height).toBe(30)
    expect(await node.call('gettxoutsetinfo', 'muhash')).toEqual(
      await source.call('gettxoutsetinfo', 'muhash'),
    )
  })

  it('is as it was after a restart', async () => {
    const { hash } = await createSource()
    const databases = createMemoryDatabases()
    const node = await createRegtestNode({ context: { files }, databases })
    node.chain.acceptHeaders(blocks.map(({ block }) => block.header))
    await node.call('loadtxoutset', 'utxo.dat', hash)
    const again = await openMemoryChain(params, node.clock, databases)
    expect(again.tip.height).toBe(25)
    expect(again.prunedHeight).toBe(25)
    for (const { block } of blocks.slice(25)) await again.acceptBlock(block)
    expect(again.tip.height).toBe(30)
  })

  it('takes a body that came before', async () => {
    const { hash } = await createSource()
    const node = await createFresh()
    for (const { block } of blocks.slice(25)) await node.chain.acceptBlock(block)
    expect(node.chain.tip.height).toBe(0)
    await node.call('loadtxoutset', 'utxo.dat', hash)
    expect(node.chain.tip.height).toBe(30)
  })

  it('touches nothing if the file is not what the hash says', async () => {
    const { hash } = await createSource()
    const node = await createFresh(3)
    const bytes = files.contents.get('utxo.dat') as Uint8Array
    const wrong = hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
    await expect(node.call('loadtxoutset', 'utxo.dat', wrong)).rejects.toMatchObject({
      code: -32603,
      message: expect.stringContaining('Bad snapshot content hash'),
    })
    files.contents.set('cut.dat', bytes.subarray(0, bytes.length - 1))
    await expect(node.call('loadtxoutset', 'cut.dat', hash)).rejects.toMatchObject({ code: -22 })
    const foreign = Uint8Array.from(bytes)
    foreign[7] = 0
    files.contents.set('foreign.dat', foreign)
    await expect(node.call('loadtxoutset', 'foreign.dat', hash)).rejects.toMatchObject({
      code: -22,
    })
    await expect(node.call('loadtxoutset', 'none.dat', hash)).rejects.toMatchObject({ code: -8 })
    expect(node.chain.tip.height).toBe(3)
    expect(await node.call('gettxoutsetinfo', 'muhash')).toMatchObject({ txouts: 3 })
  })

  it('stops the node if the file is another one when it is read again', async () => {
    const { hash } = await createSource()
    let reads = 0
    const fatal: unknown[] = []
    const context = {
      files: {
        write: files.write,
        read: (path: string) => {
          reads += 1
          if (reads === 2) {
            const bytes = files.contents.get(path) as Uint8Array
            bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1
          }
          return files.read(path)
        },
      },
      fatal: (error: unknown) => {
        fatal.push(error)
      },
    }
    const node = await createRegtestNode({ context })
    node.chain.acceptHeaders(blocks.map(({ block }) => block.header))
    await expect(node.call('loadtxoutset', 'utxo.dat', hash)).rejects.toThrow()
    expect(fatal).toHaveLength(1)
  })

  it('is not for a chain that was pruned, or began with a snapshot', async () => {
    const { hash } = await createSource()
    const node = await createFresh()
    await node.call('loadtxoutset', 'utxo.dat', hash)
    for (const { block } of blocks.slice(25)) await node.chain.acceptBlock(block)
    await expect(node.call('loadtxoutset', 'utxo.dat', hash)).rejects.toMatchObject({
      message: expect.stringContaining("Can't activate a snapshot on a chain that was pruned"),
    })
  })

  it('is not for a node with an index of transactions', async () => {
    const { hash } = await createSource()
    const node = await createRegtestNode({ context: { files }, chain: { hasTxIndex: true } })
    await expect(node.call('loadtxoutset', 'utxo.dat', hash)).rejects.toMatchObject({
      message: expect.stringContaining('Start without --txindex'),
    })
  })

  it('needs the header, and a block ahead of the tip', async () => {
    const { hash } = await createSource()
    const empty = await createRegtestNode({ context: { files } })
    await expect(empty.call('loadtxoutset', 'utxo.dat', hash)).rejects.toMatchObject({
      message: expect.stringContaining('must appear in the headers chain'),
    })
    const ahead = await createFresh(26)
    await expect(ahead.call('loadtxoutset', 'utxo.dat', hash)).rejects.toMatchObject({
      message: expect.stringContaining('is not ahead of the tip'),
    })
  })
})
