/** The stores that are compared: each writes changes of coins, reads coins, and closes. */

import { mkdirSync } from 'node:fs'
import { Level } from 'level'
import { open } from 'lmdb'

const { encodeCoin, MUHASH_STATE_SIZE } = await import('../../../dist/chain/index.js')
const { openLevelDatabase } = await import('../../../dist/platform/nodejs/databases.js')
const { LevelChainStore } = await import('../../../dist/store/index.js')
const { coinKey } = await import('../../../dist/store/key-map.js')

const NOTHING = new Uint8Array(32)
const UTXO_HASH = new Uint8Array(MUHASH_STATE_SIZE)

/** LevelDB as a node uses it: one atomic batch with the tip, checksums and the journal of batches. */
async function openQuarry(folder) {
  const [blocks, state] = await Promise.all(
    ['blocks', 'state'].map((name) => openLevelDatabase(folder, name)),
  )
  const store = await LevelChainStore.open({ blocks, state }, '00000000')
  return {
    write: (changes) =>
      store.writeTip({ hash: NOTHING, utxoHash: UTXO_HASH, coins: changes, entries: [] }),
    read: (outPoints) => store.readCoins(outPoints),
    close: () => store.close(),
  }
}

/** LevelDB with one put for each change. */
async function openSinglePuts(folder) {
  const database = new Level(folder, { keyEncoding: 'view', valueEncoding: 'view' })
  await database.open()
  return {
    write: (changes) =>
      Promise.all(
        changes.map(({ outPoint, coin }) => {
          const key = coinKey(outPoint)
          return coin === undefined ? database.del(key) : database.put(key, encodeCoin(coin))
        }),
      ),
    read: (outPoints) => Promise.all(outPoints.map((outPoint) => database.get(coinKey(outPoint)))),
    close: () => database.close(),
  }
}

/** LMDB with one transaction for all changes, as its documentation advises for many writes. */
function openLmdb(folder) {
  const database = open({ path: folder, keyEncoding: 'binary', encoding: 'binary' })
  return {
    write: (changes) =>
      database.transaction(() => {
        for (const { outPoint, coin } of changes) {
          const key = Buffer.from(coinKey(outPoint))
          if (coin === undefined) void database.remove(key)
          else void database.put(key, Buffer.from(encodeCoin(coin)))
        }
      }),
    read: async (outPoints) =>
      outPoints.map((outPoint) => database.get(Buffer.from(coinKey(outPoint)))),
    close: () => database.close(),
  }
}

const OPENERS = { quarry: openQuarry, singlePuts: openSinglePuts, lmdb: openLmdb }

/** In the order in which they are measured. */
export const CANDIDATES = Object.keys(OPENERS)

/** Opens a candidate in a folder that is empty. */
export async function openCandidate(name, folder) {
  mkdirSync(folder, { recursive: true })
  return OPENERS[name](folder)
}
