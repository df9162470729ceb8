/** @module All keys of a wallet, by the outputs that pay to them. */

import { type Clock, encodeHex } from '../util/index.ts'
import { type DerivedKey, type Descriptor, parseDescriptor } from './descriptor.ts'
import type { KeyNetwork } from './key-source.ts'
import type { ChainRecord } from './wallet-file.ts'

/** So many addresses beyond the last used one are watched. @see BIP-0044, "Address gap limit" */
export const GAP_LIMIT = 20

/** A descriptor at work. */
export interface KeyChain {
  readonly descriptor: Descriptor
  readonly record: ChainRecord
  /** Its place among the wallet's descriptors. */
  readonly position: number
  /** Indexes below this are watched. */
  readonly watchedEnd: number
}

interface MutableChain extends KeyChain {
  record: ChainRecord
  watchedEnd: number
}

/** An output script of ours: whose it is, and which key spends it. */
export interface OwnScript {
  readonly chain: KeyChain
  readonly index: number
  readonly key: DerivedKey
}

const NO_KEYS: ReadonlyMap<number, DerivedKey> = new Map()

/** Indexes below this are to be watched. */
function findWatchedEnd({ isRanged }: Descriptor, { nextIndex, rangeEnd }: ChainRecord): number {
  return isRanged ? Math.max(nextIndex + GAP_LIMIT, rangeEnd) : 1
}

/** Watches outputs of all descriptors, always {@link GAP_LIMIT} beyond what is used. */
export class KeyRing {
  readonly #network: KeyNetwork
  readonly #chains: MutableChain[] = []
  readonly #scripts = new Map<string, OwnScript>()

  private constructor(network: KeyNetwork) {
    this.#network = network
  }

  /** Watches the outputs of descriptors; lets others work while their keys are derived. */
  static async open(
    network: KeyNetwork,
    records: readonly ChainRecord[],
    clock: Clock,
  ): Promise<KeyRing> {
    const ring = new KeyRing(network)
    for (const record of records) ring.add(record, await ring.deriveAhead(record, clock))
    return ring
  }

  get chains(): readonly KeyChain[] {
    return this.#chains
  }

  /** How many outputs are watched. */
  get size(): number {
    return this.#scripts.size
  }

  #findSame({ descriptor }: ChainRecord): MutableChain | undefined {
    return this.#chains.find((chain) => chain.descriptor.toPublicText() === descriptor)
  }

  /** The keys that {@link add} will need for a descriptor, by index. Lets others work meanwhile. */
  async deriveAhead(record: ChainRecord, clock: Clock): Promise<ReadonlyMap<number, DerivedKey>> {
    const known = this.#findSame(record)
    const descriptor = known?.descriptor ?? parseDescriptor(record.descriptor, this.#network)
    const from = known?.watchedEnd ?? 0
    const keys = await descriptor.deriveRange(from, findWatchedEnd(descriptor, record), clock)
    return new Map(keys.map((key, i) => [from + i, key]))
  }

  /** Takes a descriptor, or the same one with another record. @param keys - Those of {@link deriveAhead}. */
  add(record: ChainRecord, keys: ReadonlyMap<number, DerivedKey>): KeyChain {
    const known = this.#findSame(record)
    if (known !== undefined) {
      // What was given out stays given out.
      const nextIndex = Math.max(known.record.nextIndex, record.nextIndex)
      const rangeEnd = Math.max(known.record.rangeEnd, record.rangeEnd)
      known.record = { ...record, nextIndex, rangeEnd }
      this.#watch(known, keys)
      return known
    }
    const descriptor = parseDescriptor(record.descriptor, this.#network)
    const chain = { descriptor, record, position: this.#chains.length, watchedEnd: 0 }
    this.#chains.push(chain)
    this.#watch(chain, keys)
    return chain
  }

  /** Whose an output script is. */
  find(scriptPubKey: Uint8Array): OwnScript | undefined {
    // No output of ours is longer.
    if (scriptPubKey.length > 34) return undefined
    return this.#scripts.get(encodeHex(scriptPubKey))
  }

  /**
   * Remembers that an output of ours was seen, so that no one is given its address again.
   *
   * @returns Whether more outputs are watched since.
   */
  markUsed({ chain, index }: OwnScript): boolean {
    const own = this.#chains[chain.position]
    if (own === undefined || index < own.record.nextIndex) return false
    return this.#advance(own, index + 1)
  }

  /** The next address that nobody has, which counts as given out from now on. */
  takeNext(chain: KeyChain): OwnScript | undefined {
    const own = this.#chains[chain.position]
    if (own === undefined) return undefined
    const index = own.descriptor.isRanged ? own.record.nextIndex : 0
    this.#advance(own, index + 1)
    return this.find(own.descriptor.derive(index).scriptPubKey)
  }

  /** Changes how descriptors are used. */
  update(chain: KeyChain, changes: Partial<ChainRecord>): void {
    const own = this.#chains[chain.position]
    if (own === undefined) return
    own.record = { ...own.record, ...changes }
    this.#watch(own)
  }

  #advance(chain: MutableChain, nextIndex: number): boolean {
    chain.record = { ...chain.record, nextIndex }
    return this.#watch(chain)
  }

  #watch(chain: MutableChain, keys: ReadonlyMap<number, DerivedKey> = NO_KEYS): boolean {
    const { descriptor, record } = chain
    const before = chain.watchedEnd
    const wanted = findWatchedEnd(descriptor, record)
    for (let index = before; index < wanted; index++) {
      const key = keys.get(index) ?? descriptor.derive(index)
      this.#scripts.set(encodeHex(key.scriptPubKey), { chain, index, key })
    }
    chain.watchedEnd = Math.max(before, wanted)
    return wanted > before
  }
}
