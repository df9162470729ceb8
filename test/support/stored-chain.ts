/** @module A chain that a node has stored, to be damaged, and what its twin knows of it. */

import { createHash } from 'node:crypto'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { BlockMaker, createFastSpec, type MadeBlock } from '../crash/block-maker.mjs'
// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import { SeededRandom } from '../crash/seeded-random.mjs'
import type { NodeProcess, TestNetwork } from './node-process.ts'

const SEED = 20_260_805
const TRANSACTIONS = 60
/** The node is started anew after so many blocks: then LevelDB makes a table of its log. */
const SESSIONS = [50, 30, 30]
/** Blocks that only the twin has at first. */
const LATER_BLOCKS = 10

/** The two databases of a node. */
export type DatabaseName = 'state' | 'blocks'

/** Where a node stands: its tip, and the coins there. */
export interface Position {
  readonly height: number
  readonly bestblock: string
  readonly muhash: string
  readonly txouts: number
}

/** Asks a node where it stands. */
export async function readPosition(node: NodeProcess): Promise<Position> {
  const info = await node.call('gettxoutsetinfo', 'muhash')
  const { height, bestblock, muhash, txouts } = info as Position
  return { height, bestblock, muhash, txouts }
}

/** A database of a node that does not run. */
export function openStopped(path: string): Level<Buffer, Buffer> {
  const options = {
    createIfMissing: false,
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  } as const
  return new Level<Buffer, Buffer>(path, options)
}

/** The folder of a database. */
export function databasePath(dataDir: string, name: DatabaseName): string {
  return join(dataDir, 'regtest', 'db', name)
}

/** Records whose keys begin with a sublevel's name. */
export function sublevelRange(name: string): { readonly gte: Buffer; readonly lt: Buffer } {
  return { gte: Buffer.from(`!${name}!`), lt: Buffer.from(`!${name}"`) }
}

/** What all stored coins hash to: not the node's own word for it. The node must have stopped. */
export async function hashStoredCoins(dataDir: string): Promise<string> {
  const database = openStopped(databasePath(dataDir, 'state'))
  const hash = createHash('sha256')
  let count = 0
  for await (const [key, value] of database.iterator(sublevelRange('coin'))) {
    hash.update(key).update(value)
    count += 1
  }
  await database.close()
  return `${count} ${hash.digest('hex')}`
}

/** A stored chain and the truth about it. */
export class StoredChain {
  readonly specPath: string
  /** By height, genesis included; longer than what is stored. */
  readonly blocks: readonly MadeBlock[]
  /** Where the twin stood, by height. */
  readonly positions: Position[] = []
  /** The height that the stored node has come to. */
  readonly storedHeight = SESSIONS.reduce((sum, count) => sum + count, 0)
  /** Of all coins after the last block, as the twin stores them. */
  coins = ''
  readonly #network: TestNetwork

  private constructor(network: TestNetwork) {
    this.#network = network
    const spec = createFastSpec()
    this.specPath = join(network.directory, 'stored.json')
    writeFileSync(this.specPath, JSON.stringify(spec))
    const maker = new BlockMaker(spec, new SeededRandom(SEED))
    const blocks = [maker.genesis]
    let last = maker.genesis
    for (let i = 0; i < this.storedHeight + LATER_BLOCKS; i++) {
      last = maker.make(last, TRANSACTIONS)
      blocks.push(last)
    }
    this.blocks = blocks
  }

  /** Runs a twin to the end of the chain, and a node to {@link storedHeight} in several sessions. */
  static async create(network: TestNetwork): Promise<StoredChain> {
    const chain = new StoredChain(network)
    const twin = await network.start('twin', { chain: chain.specPath })
    chain.positions.push(await readPosition(twin))
    for (const block of chain.blocks.slice(1)) {
      await chain.submit(twin, block.height)
      chain.positions.push(await readPosition(twin))
    }
    await twin.stop()
    chain.coins = await hashStoredCoins(twin.wishes.dataDir)
    let height = 0
    for (const count of SESSIONS) {
      const node = await network.start('stored', { chain: chain.specPath })
      for (let i = 0; i < count; i++) await chain.submit(node, ++height)
      await node.stop()
    }
    return chain
  }

  /** Gives a node the block of a height. */
  async submit(node: NodeProcess, height: number): Promise<void> {
    const answer = await node.call('submitblock', this.blockAt(height).hex)
    if (answer !== null && answer !== 'duplicate') throw new Error(`submitblock: ${answer}`)
  }

  blockAt(height: number): MadeBlock {
    const block = this.blocks[height]
    if (block === undefined) throw new RangeError(`no block at height ${height}`)
    return block
  }

  /** A copy of the stored node's data directory. */
  copy(name: string): string {
    const dataDir = join(this.#network.directory, name)
    cpSync(join(this.#network.directory, 'stored'), dataDir, { recursive: true })
    return dataDir
  }
}
