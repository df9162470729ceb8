/** Whole nodes in this process, each with its own chain, mempool and libp2p over TCP on loopback. */

import { subscribe } from 'node:diagnostics_channel'
import { tcp } from '@libp2p/tcp'
import { MemoryLevel } from 'memory-level'
import { params } from './scene.mjs'

const { Chain, createInlineScriptChecker } = await import('../../../dist/chain/index.js')
const { Mempool } = await import('../../../dist/mempool/index.js')
const { createLibp2pNetwork, generateIdentity } = await import('../../../dist/p2p/index.js')
const { systemClock, systemRandom } = await import('../../../dist/platform/system.js')
const { decodeBlock, decodeTransaction } = await import('../../../dist/primitives/index.js')
const { nobleSignatureEngine } = await import('../../../dist/script/index.js')
const { LevelChainStore } = await import('../../../dist/store/index.js')
const { Synchronizer } = await import('../../../dist/sync/index.js')

const MAX_PEERS = 40

const ignore = () => undefined
export const log = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore }

const sockets = new Set()
// Every connection once: at the end that dialled it.
subscribe('net.client.socket', ({ socket }) => sockets.add(socket))

/** All bytes that have gone over TCP so far, in both directions, encryption and all. */
export function countBytes() {
  let bytes = 0
  for (const { bytesRead, bytesWritten } of sockets) bytes += bytesRead + bytesWritten
  return bytes
}

function createDatabase() {
  const view = { keyEncoding: 'view', valueEncoding: 'view', storeEncoding: 'view' }
  return new MemoryLevel(view)
}

/** Something that does all that another does, but for some methods. */
function change(target, methods) {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return methods[name]
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A node with a chain and a full mempool. */
export class BenchNode {
  /** When it had a block whole and checked, and when it had it connected, by `performance.now()`; 0 before. */
  checkedMs = 0
  connectedMs = 0
  /** Whether it asked for the block instead of waiting for it. */
  hasFetched = false
  /** While this is pending no block is connected. */
  gate = Promise.resolve()
  /** When it last published one of its own, and how large that was. */
  publishedMs = 0
  publishedSize = 0

  /**
   * @param blocks - Encoded.
   * @param transactions - Encoded, for the mempool.
   * @param options - `maxWholeBlockSize` of the synchroniser.
   * @param signatures - Who verifies signatures.
   */
  static async create(blocks, transactions, options, signatures = nobleSignatureEngine) {
    const databases = { blocks: createDatabase(), state: createDatabase() }
    const store = await LevelChainStore.open(databases, params.chainId)
    const scriptChecker = createInlineScriptChecker(signatures)
    const deps = { clock: systemClock, log }
    const chain = new Chain({ ...deps, store, scriptChecker }, params)
    await chain.open()
    for (const bytes of blocks) await chain.acceptBlock(decodeBlock(bytes))
    const mempool = new Mempool(
      { ...deps, chain, scriptChecker, signatures },
      { requiresStandard: false },
    )
    for (const bytes of transactions) await mempool.accept(decodeTransaction(bytes))
    const network = createLibp2pNetwork(
      {
        transports: [tcp()],
        privateKey: await generateIdentity(systemRandom),
        clock: systemClock,
        random: systemRandom,
        log,
      },
      {
        chainId: params.chainId,
        listen: ['/ip4/127.0.0.1/tcp/0'],
        maxPeers: MAX_PEERS,
        isDevnet: true,
        userAgent: '/bench/',
      },
    )
    const node = new BenchNode(chain, mempool, network, options)
    await node.sync.start()
    return node
  }

  constructor(chain, mempool, network, options) {
    this.chain = chain
    this.mempool = mempool
    this.network = network
    const deps = { mempool, clock: systemClock, random: systemRandom, log }
    this.sync = new Synchronizer(
      {
        ...deps,
        chain: change(chain, {
          acceptBlock: (block, bytes, onChecked) => this.#accept(block, bytes, onChecked),
        }),
        network: change(network, { publishBlock: (block) => this.#publish(block) }),
        fatal: (error) => {
          throw error
        },
        onCaughtUp: ignore,
      },
      { userAgent: '/bench/', expectsPeers: true, ...options },
    )
    chain.events.on('tipChanged', () => {
      this.connectedMs = performance.now()
    })
  }

  #accept(block, bytes, onChecked) {
    return this.chain.acceptBlock(block, bytes, async (entry) => {
      if (this.checkedMs === 0) this.checkedMs = performance.now()
      // Nobody asks to be told of what was fetched.
      if (onChecked === undefined) this.hasFetched = true
      else await onChecked(entry)
      await this.gate
    })
  }

  #publish(block) {
    this.publishedMs = performance.now()
    this.publishedSize = block.bytes.length
    return this.network.publishBlock(block)
  }

  async stop() {
    await this.sync.stop()
    await this.chain.close()
  }
}
