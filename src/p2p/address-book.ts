/** @module Nodes that could be dialled: who told of them, and how it went. */

import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { KnownAddress, PeerId } from '../sync/index.ts'
import {
  type Clock,
  concatBytes,
  DecodeError,
  type KeyValueStore,
  type Logger,
  type RandomSource,
  shuffle,
} from '../util/index.ts'
import {
  type AddressEntry,
  chooseAddresses,
  createEntry,
  decodeEntry,
  encodeEntry,
  reachOfEntry,
} from './address-entry.ts'
import { AddressSlots } from './address-slots.ts'
import { hostOf, isBelievable, originOf, type Reach, reachOf } from './host.ts'
import {
  ADDRESS_FAILURES_MAX,
  ADDRESS_FAILURES_MAX_UNTRIED,
  ADDRESS_HORIZON_MS,
  ADDRESS_RETRY_MAX_MS,
  ADDRESS_RETRY_MS,
  ADDRESS_SECRET_SIZE,
  MAX_ADDR_RECORDS,
  MAX_CLOCK_SKEW_MS,
  MAX_CONTESTED_ADDRESSES,
} from './limits.ts'
import type { CertifiedRecord } from './peer-records.ts'
import { RecordWriter } from './record-writer.ts'

/** What the book works with. */
export interface AddressBookDeps {
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  /** Keeps the book over restarts. Key: 0 for the secret, 1 and the peer id for an entry. */
  readonly store?: KeyValueStore | undefined
}

/** What became of a record: it was taken, it says nothing new, there was no place for it. */
export type AddOutcome = 'taken' | 'known' | 'refused'

const SECRET_KEY = Uint8Array.of(0)
const ENTRY_PREFIX = Uint8Array.of(1)
const SHARE_TOLD = 0.23
/** So many are told of whatever their share is: a young network has to become known to itself. */
const MIN_TOLD = 64

function entryKey(id: PeerId): Uint8Array {
  return concatBytes(ENTRY_PREFIX, utf8ToBytes(id))
}

/**
 * The address book: two tables, of nodes that others told of (new) and of nodes that we were connected to (tried), each
 * of buckets with so many places. A source reaches a few buckets of the one, a network a few of the other, so neither
 * can fill them; a place is given to another only once its holder is of no use any more.
 *
 * Differs from Bitcoin: an address stands in one bucket alone, and every address comes with its node's signature.
 *
 * @see Bitcoin Core `AddrMan`
 */
export class AddressBook {
  readonly #deps: AddressBookDeps
  readonly #writer: RecordWriter
  readonly #selfId: PeerId
  readonly #entries = new Map<PeerId, AddressEntry>()
  readonly #newSlots = new Map<number, PeerId>()
  readonly #triedSlots = new Map<number, PeerId>()
  /** Who holds a place that another has earned: worth a look whether they are still there. */
  readonly #contested = new Set<PeerId>()
  #slots: AddressSlots

  constructor(deps: AddressBookDeps, selfId: PeerId) {
    this.#deps = deps
    this.#selfId = selfId
    this.#writer = new RecordWriter(deps.store, deps.log)
    this.#slots = new AddressSlots(new Uint8Array(ADDRESS_SECRET_SIZE))
  }

  /** Reads what is stored. To be called before anything else. */
  async load(): Promise<void> {
    let secret: Uint8Array | undefined
    for await (const [key, value] of this.#deps.store?.entries() ?? []) {
      if (key[0] === SECRET_KEY[0]) {
        secret = Uint8Array.from(value)
        this.#slots = new AddressSlots(secret)
      } else this.#restore(key, value)
    }
    if (secret !== undefined) return
    const fresh = this.#deps.random.bytes(ADDRESS_SECRET_SIZE)
    this.#slots = new AddressSlots(fresh)
    this.#writer.put(SECRET_KEY, fresh)
  }

  /** Settles when all is stored. */
  flush(): Promise<void> {
    return this.#writer.flush()
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Takes what somebody told.
   *
   * @param source - The multiaddr of whoever told it.
   */
  add(record: CertifiedRecord, source: string): AddOutcome {
    if (record.id === this.#selfId) return 'known'
    const host = hostOf(source)
    const sourceReach = host === undefined ? 'public' : reachOf(host)
    const addresses = chooseAddresses(record.addresses, sourceReach)
    const now = this.#deps.clock.now()
    const isOfItsTime =
      record.recordedAtMs > now - ADDRESS_HORIZON_MS &&
      record.recordedAtMs < now + MAX_CLOCK_SKEW_MS
    if (addresses.length === 0 || !isOfItsTime) return 'refused'
    const known = this.#entries.get(record.id)
    if (known === undefined) {
      return this.#place(createEntry(record, addresses, originOf(source).group))
        ? 'taken'
        : 'refused'
    }
    if (record.recordedAtMs <= known.recordedAtMs) return 'known'
    this.#renew(known, createEntry(record, addresses, known.sourceGroup))
    return 'known'
  }

  /** Notes that a node was dialled, and whether it was one of ours. */
  noteDial(id: PeerId, isSuccess: boolean): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    entry.lastTryMs = this.#deps.clock.now()
    this.#contested.delete(id)
    if (isSuccess) {
      entry.failures = 0
      entry.lastSuccessMs = entry.lastTryMs
      if (!entry.isTried) this.#promote(entry)
    } else entry.failures++
    this.#store(entry)
  }

  /** Whether a node's record has an address. */
  has(id: PeerId, address: string): boolean {
    return this.#entries.get(id)?.addresses.includes(address) ?? false
  }

  /**
   * Chooses whom to dial next, from either table with equal chance; undefined if nobody is due.
   *
   * @param isWanted - Judges an address of a node.
   */
  choose(
    isWanted: (id: PeerId, address: string) => boolean,
    pace = 1,
  ): { readonly id: PeerId; readonly address: string } | undefined {
    const now = this.#deps.clock.now()
    const due = [...this.#entries.values()].filter(
      (entry) => this.#isDue(entry, now, pace) && isWanted(entry.id, nextAddress(entry)),
    )
    const tried = due.filter(({ isTried }) => isTried)
    const untried = due.filter(({ isTried }) => !isTried)
    const isFromTried =
      untried.length === 0 || (tried.length > 0 && this.#deps.random.float() < 0.5)
    const chosen = this.#pick(isFromTried ? tried : untried)
    return chosen && { id: chosen.id, address: nextAddress(chosen) }
  }

  /** Chooses whom to look after: a holder of a contested place, or somebody that we were never connected to. */
  chooseFeeler(
    isWanted: (id: PeerId, address: string) => boolean,
    pace = 1,
  ): { readonly id: PeerId; readonly address: string } | undefined {
    for (const id of this.#contested) {
      const entry = this.#entries.get(id)
      if (entry !== undefined && isWanted(id, nextAddress(entry))) {
        return { id, address: nextAddress(entry) }
      }
    }
    return this.choose((id, address) => {
      return this.#entries.get(id)?.isTried === false && isWanted(id, address)
    }, pace)
  }

  /** Records to tell others of: a random part of them, without those of no use, or out of their reach. */
  sample(asker: Reach): readonly Uint8Array[] {
    const now = this.#deps.clock.now()
    const entries = [...this.#entries.values()].filter(
      (entry) => !isUseless(entry, now) && isBelievable(reachOfEntry(entry), asker),
    )
    const share = Math.max(MIN_TOLD, Math.ceil(entries.length * SHARE_TOLD))
    const count = Math.min(entries.length, share, MAX_ADDR_RECORDS)
    return shuffle(this.#deps.random, entries, count).map(({ record }) => record)
  }

  /** Everybody, in random order. */
  list(): readonly KnownAddress[] {
    return shuffle(this.#deps.random, [...this.#entries.values()]).map(
      ({ id, addresses: [address = ''], recordedAtMs, isTried }) => ({
        id,
        address,
        recordedAtMs,
        isTried,
      }),
    )
  }

  #restore(key: Uint8Array, value: Uint8Array): void {
    try {
      const entry = decodeEntry(value)
      if (this.#entries.has(entry.id) || isUseless(entry, this.#deps.clock.now())) {
        this.#writer.put(key, undefined)
      } else if (!this.#settle(entry)) this.#writer.put(key, undefined)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#deps.log.warn('A stored address cannot be read', { error: error.message })
      this.#writer.put(key, undefined)
    }
  }

  /** Finds a place for a new entry; tells whether there was one. */
  #place(entry: AddressEntry): boolean {
    if (!this.#settle(entry)) return false
    this.#store(entry)
    return true
  }

  #settle(entry: AddressEntry): boolean {
    const table = entry.isTried ? this.#triedSlots : this.#newSlots
    entry.slot = entry.isTried
      ? this.#slots.triedSlot(entry.group, entry.id)
      : this.#slots.newSlot(entry.group, entry.sourceGroup, entry.id)
    if (!this.#vacate(table, entry.slot)) return false
    table.set(entry.slot, entry.id)
    this.#entries.set(entry.id, entry)
    return true
  }

  /** Makes a place free if its holder is of no use any more; tells whether it is free. */
  #vacate(table: ReadonlyMap<number, PeerId>, slot: number): boolean {
    const holder = this.#entries.get(table.get(slot) ?? '')
    if (holder === undefined) return true
    if (!isUseless(holder, this.#deps.clock.now())) return false
    this.#remove(holder)
    return true
  }

  /** Moves an entry to the tried ones. Where the place is taken it stays, and its holder is looked after. */
  #promote(entry: AddressEntry): void {
    const slot = this.#slots.triedSlot(entry.group, entry.id)
    if (!this.#vacate(this.#triedSlots, slot)) {
      const holder = this.#triedSlots.get(slot)
      if (holder !== undefined && this.#contested.size < MAX_CONTESTED_ADDRESSES) {
        this.#contested.add(holder)
      }
      return
    }
    this.#newSlots.delete(entry.slot)
    entry.isTried = true
    entry.slot = slot
    this.#triedSlots.set(slot, entry.id)
  }

  /** Puts a later record in the place of an earlier one. Elsewhere, a node has to show again that it is there. */
  #renew(known: AddressEntry, fresh: AddressEntry): void {
    const { lastTryMs, lastSuccessMs, failures, isTried, slot } = known
    if (fresh.group === known.group) {
      const entry = { ...fresh, isTried, lastTryMs, lastSuccessMs, failures, slot }
      this.#entries.set(entry.id, entry)
      this.#store(entry)
      return
    }
    this.#remove(known)
    this.#place(fresh)
  }

  #remove(entry: AddressEntry): void {
    this.#entries.delete(entry.id)
    this.#contested.delete(entry.id)
    const table = entry.isTried ? this.#triedSlots : this.#newSlots
    table.delete(entry.slot)
    this.#writer.put(entryKey(entry.id), undefined)
  }

  #store(entry: AddressEntry): void {
    this.#writer.put(entryKey(entry.id), encodeEntry(entry))
  }

  /** Whether it is time to dial a node again. */
  #isDue(entry: AddressEntry, now: number, pace: number): boolean {
    if (entry.lastTryMs === 0) return true
    const pause = Math.min(ADDRESS_RETRY_MS * 2 ** entry.failures, ADDRESS_RETRY_MAX_MS)
    return now - entry.lastTryMs >= pause * pace || now < entry.lastTryMs
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.#deps.random.float() * items.length)]
  }
}

/** Takes turns among the addresses of a node that does not answer. */
function nextAddress({ addresses, failures }: AddressEntry): string {
  return addresses[failures % addresses.length] ?? ''
}

/** Whether a place is wasted on an entry. @see Bitcoin Core `AddrInfo::IsTerrible` */
function isUseless(entry: AddressEntry, now: number): boolean {
  if (entry.failures === 0 && entry.lastSuccessMs > now - ADDRESS_HORIZON_MS) return false
  if (entry.recordedAtMs < now - ADDRESS_HORIZON_MS) return true
  const isUntried = entry.lastSuccessMs === 0
  return entry.failures >= (isUntried ? ADDRESS_FAILURES_MAX_UNTRIED : ADDRESS_FAILURES_MAX)
}
