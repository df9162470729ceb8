/** @module The wallets of a node. */

import { toDisplayHex } from '../primitives/index.ts'
import {
  type Clock,
  type KeyValueStore,
  type Logger,
  Mutex,
  type RandomSource,
  type Timer,
  toErrorMessage,
} from '../util/index.ts'
import { createKeyNetwork, type KeyNetwork } from './key-source.ts'
import { Wallet } from './wallet.ts'
import { WalletError } from './wallet-error.ts'
import {
  decodeWalletFile,
  encodeWalletFile,
  isWalletName,
  type WalletContent,
  type WalletFiles,
} from './wallet-file.ts'
import { createId, createWalletContent, type NewKeys, WalletKeys } from './wallet-keys.ts'
import type { WalletNode } from './wallet-node.ts'
import { WalletRecords } from './wallet-records.ts'

/** What wallets are kept with. */
export interface WalletManagerDeps {
  readonly node: WalletNode
  readonly files: WalletFiles
  readonly store: KeyValueStore
  readonly clock: Clock
  readonly random: RandomSource
  readonly logger: Logger
}

/** How a new wallet is to be. */
export type WalletWishes = Omit<NewKeys, 'birthHeight' | 'birthTime' | 'genesis'> & {
  /** Blocks below this height have nothing of it; the tip's by default. */
  readonly birthHeight?: number
}

/** So many may be loaded at a time. */
export const MAX_LOADED_WALLETS = 64
/** How often payments that wait nowhere are sent again. */
const RESUBMIT_INTERVAL_MS = 30 * 60_000

/** Creates, loads and lets go of wallets. */
export class WalletManager {
  readonly network: KeyNetwork
  readonly #deps: WalletManagerDeps
  readonly #loaded = new Map<string, Wallet>()
  readonly #changing = new Mutex()
  #unlisten: (() => void) | undefined
  #timer: Timer | undefined

  constructor(deps: WalletManagerDeps) {
    this.#deps = deps
    const { rpcChain, addressPrefixes } = deps.node.params
    this.network = createKeyNetwork(rpcChain === 'main', addressPrefixes.secretKey)
  }

  /** Those that are loaded, in the order in which they were. */
  wallets(): readonly Wallet[] {
    return [...this.#loaded.values()]
  }

  get(name: string): Wallet | undefined {
    return this.#loaded.get(name)
  }

  /** The names of all that there are, loaded or not. */
  listFiles(): Promise<readonly string[]> {
    return this.#deps.files.list()
  }

  /** Listens to the node, and loads the wallets that are to be loaded at every start. */
  async start(): Promise<void> {
    const { node, files, logger } = this.#deps
    this.#unlisten = node.listen({
      onBlockConnected: (block, position) => {
        for (const { follower } of this.wallets()) follower.onBlockConnected(block, position)
      },
      onBlockDisconnected: (hash) => {
        for (const { follower } of this.wallets()) follower.onBlockDisconnected(hash)
      },
      onTransactionWaiting: (tx) => {
        for (const { follower } of this.wallets()) follower.onTransactionWaiting(tx)
      },
    })
    this.#scheduleResubmit()
    for (const name of await files.list()) {
      try {
        const content = await this.#read(name)
        if (content.isLoadedOnStart) await this.load(name)
      } catch (error) {
        // The node is worth more than one of its wallets: it starts without.
        logger.error('a wallet could not be loaded', { name, reason: toErrorMessage(error) })
      }
    }
  }

  #scheduleResubmit(): void {
    this.#timer = this.#deps.clock.schedule(RESUBMIT_INTERVAL_MS, () => {
      this.#scheduleResubmit()
      void Promise.all(this.wallets().map((wallet) => wallet.resubmit()))
    })
  }

  async #read(name: string): Promise<WalletContent> {
    const { files, node } = this.#deps
    const bytes = isWalletName(name) ? await files.read(name) : undefined
    if (bytes === undefined) {
      throw new WalletError(
        'not-found',
        `Wallet file verification failed. Failed to load database path '${files.locate(name)}'. Path does not exist.`,
      )
    }
    const content = decodeWalletFile(bytes)
    if (content.genesis !== toDisplayHex(node.params.genesisHash)) {
      throw new WalletError('wrong-chain', 'The wallet belongs to another chain')
    }
    return content
  }

  /** @throws {@link WalletError} `already-loaded`, `not-found`, `damaged`, `wrong-chain`, `pruned` */
  load(name: string, isLoadedOnStart?: boolean): Promise<Wallet> {
    return this.#changing.run(async () => {
      if (this.#loaded.has(name)) {
        throw new WalletError('already-loaded', `Wallet "${name}" is already loaded.`)
      }
      const wallet = await this.#open(name, await this.#read(name))
      if (isLoadedOnStart !== undefined) await wallet.keys.setLoadedOnStart(isLoadedOnStart)
      return wallet
    })
  }

  async #open(name: string, content: WalletContent): Promise<Wallet> {
    if (this.#loaded.size >= MAX_LOADED_WALLETS) {
      throw new WalletError('refused', `At most ${MAX_LOADED_WALLETS} wallets can be loaded`)
    }
    const { node, store, files, clock, random, logger } = this.#deps
    const deps = { files, network: this.network, clock, random }
    const keys = await WalletKeys.open(deps, name, content)
    const records = new WalletRecords(store, content.recordsId)
    const wallet = await Wallet.open({ keys, node, records, clock, logger })
    // From here on it hears of what leaves the chain while it catches up.
    this.#loaded.set(name, wallet)
    try {
      await wallet.start()
    } catch (error) {
      this.#loaded.delete(name)
      await wallet.stop()
      throw error
    }
    void wallet.resubmit()
    logger.info('wallet loaded', { name, transactions: wallet.log.size })
    return wallet
  }

  /** @throws {@link WalletError} `bad-name`, `exists` */
  create(name: string, wishes: WalletWishes): Promise<Wallet> {
    return this.#changing.run(async () => {
      const { node, random } = this.#deps
      await this.#checkIsNew(name)
      const { height, time } = node.tip()
      const content = await createWalletContent(
        {
          birthHeight: height,
          birthTime: time,
          genesis: toDisplayHex(node.params.genesisHash),
          ...wishes,
        },
        { network: this.network, random },
      )
      return this.#add(name, content)
    })
  }

  /** Takes a wallet back out of a backup. @throws {@link WalletError} `bad-name`, `exists`, `damaged`, `wrong-chain` */
  restore(name: string, backup: Uint8Array, isLoadedOnStart: boolean): Promise<Wallet> {
    return this.#changing.run(async () => {
      await this.#checkIsNew(name)
      const content = decodeWalletFile(backup)
      if (content.genesis !== toDisplayHex(this.#deps.node.params.genesisHash)) {
        throw new WalletError('wrong-chain', 'The wallet belongs to another chain')
      }
      return this.#add(name, {
        ...content,
        recordsId: createId(this.#deps.random),
        isLoadedOnStart,
      })
    })
  }

  async #add(name: string, content: WalletContent): Promise<Wallet> {
    await this.#deps.files.write(name, encodeWalletFile(content))
    return this.#open(name, content)
  }

  async #checkIsNew(name: string): Promise<void> {
    const { files } = this.#deps
    if (!isWalletName(name)) {
      throw new WalletError(
        'bad-name',
        'Wallet name: use up to 64 letters, digits, blanks, and any of _ - . within',
      )
    }
    if ((await files.read(name)) === undefined) return
    throw new WalletError(
      'exists',
      `Wallet file verification failed. Failed to create database path '${files.locate(name)}'. Database already exists.`,
    )
  }

  /** Lets go of a wallet; its file stays. */
  unload(name: string, isLoadedOnStart?: boolean): Promise<void> {
    return this.#changing.run(async () => {
      const wallet = this.#loaded.get(name)
      if (wallet === undefined) return
      if (isLoadedOnStart !== undefined) await wallet.keys.setLoadedOnStart(isLoadedOnStart)
      this.#loaded.delete(name)
      await wallet.stop()
    })
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#unlisten?.()
    const stopping = this.wallets().map((wallet) => wallet.stop())
    await Promise.allSettled(stopping)
    this.#loaded.clear()
  }
}
