/** @module Who is refused for a while: peers, hosts and networks. */

import { peerIdFromString } from '@libp2p/peer-id'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { Ban, BanEvents, PeerId } from '../sync/index.ts'
import {
  ByteReader,
  ByteWriter,
  type Clock,
  DecodeError,
  EventEmitter,
  formatSubnet,
  IP_ADDRESS_BITS,
  type KeyValueStore,
  type Logger,
  LruMap,
  parseSubnet,
  toSubnet,
} from '../util/index.ts'
import { hostOf } from './host.ts'
import {
  MAX_BAN_REASON_SIZE,
  MAX_BANS,
  MAX_MANUAL_BANS,
  MAX_REMEMBERED_BAN_REASONS,
} from './limits.ts'
import { P2pError } from './p2p-error.ts'
import { RecordWriter } from './record-writer.ts'

/** What the list works with. */
export interface BanListDeps {
  readonly clock: Clock
  readonly log: Logger
  /** Keeps bans over restarts. Key: the subject, ASCII; value: see {@link encodeBan}. */
  readonly store?: KeyValueStore | undefined
}

/**
 * The subject of a ban in its one spelling.
 *
 * @throws {@link P2pError} `invalid-address` if it is neither a peer id nor a network
 */
export function toBanSubject(text: string): string {
  const subnet = parseSubnet(text)
  if (subnet !== undefined) return formatSubnet(subnet)
  try {
    return peerIdFromString(text).toString()
  } catch (error) {
    throw new P2pError('invalid-address', `neither a peer id nor a network: ${text}`, {
      cause: error,
    })
  }
}

/** Created (8), end (8), both in milliseconds; 1 if an operator set it (1); reason, UTF-8. */
function encodeBan(ban: Ban): Uint8Array {
  return new ByteWriter()
    .writeUint64(BigInt(Math.trunc(ban.createdAtMs)))
    .writeUint64(BigInt(Math.trunc(ban.endsAtMs)))
    .writeUint8(ban.isManual ? 1 : 0)
    .writeBytes(utf8ToBytes(ban.reason))
    .toBytes()
}

function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function decodeBan(subject: string, bytes: Uint8Array): Ban {
  const reader = new ByteReader(bytes)
  const createdAtMs = Number(reader.readUint64())
  const endsAtMs = Number(reader.readUint64())
  const isManual = reader.readUint8() === 1
  const reason = fromUtf8(bytes.subarray(reader.offset))
  return { subject, createdAtMs, endsAtMs, reason, isManual }
}

/** Bans with an end, those of operators apart from the node's own, so that neither drives out the other. */
export class BanList {
  readonly events = new EventEmitter<BanEvents>()
  readonly #clock: Clock
  readonly #log: Logger
  readonly #store: KeyValueStore | undefined
  readonly #writer: RecordWriter
  readonly #manual = new Map<string, Ban>()
  /** The node's own, of peer ids; oldest first. */
  readonly #automatic = new Map<PeerId, Ban>()
  /** How many networks of each prefix are banned, by `version/bits`. */
  readonly #prefixCounts = new Map<string, number>()
  readonly #lastReasons = new LruMap<PeerId, string>(MAX_REMEMBERED_BAN_REASONS)

  constructor({ clock, log, store }: BanListDeps) {
    this.#clock = clock
    this.#log = log
    this.#store = store
    this.#writer = new RecordWriter(store, log)
  }

  /** Reads what is stored; what has ended is dropped. */
  async load(): Promise<void> {
    for await (const [key, value] of this.#store?.entries() ?? []) {
      const ban = this.#decode(key, value)
      if (ban === undefined || ban.endsAtMs <= this.#clock.now()) this.#writer.put(key, undefined)
      else this.#keep(ban)
    }
  }

  /** Settles when all is stored. */
  flush(): Promise<void> {
    return this.#writer.flush()
  }

  /** Every ban that has not ended, by subject. */
  list(): readonly Ban[] {
    const bans = [...this.#manual.values(), ...this.#automatic.values()]
    return bans
      .filter((ban) => this.#isRunning(ban))
      .sort((a, b) => (a.subject < b.subject ? -1 : 1))
  }

  /** Refuses a peer for `durationMs`: the node's own ban. Never shortens one that runs already. */
  ban(id: PeerId, durationMs: number, reason: string): void {
    this.#lastReasons.set(id, reason)
    const byHand = this.#manual.get(id)
    if (byHand !== undefined && this.#isRunning(byHand)) return
    const now = this.#clock.now()
    const endsAtMs = Math.max(now + durationMs, this.#automatic.get(id)?.endsAtMs ?? 0)
    this.#add({ subject: id, createdAtMs: now, endsAtMs, reason, isManual: false })
  }

  /**
   * Adds an operator's ban.
   *
   * @throws {@link P2pError} `invalid-address`; `banned` if it is already; `too-many-bans`
   */
  banByHand(text: string, endsAtMs: number, reason: string): void {
    const subject = toBanSubject(text)
    // An address is banned with its network; a network only by itself.
    if (text.includes('/') ? this.#find(subject) !== undefined : this.isSubjectBanned(subject)) {
      throw new P2pError('banned', `${subject} is banned already`)
    }
    if (this.#manual.size >= MAX_MANUAL_BANS) this.#sweep()
    if (this.#manual.size >= MAX_MANUAL_BANS) {
      throw new P2pError('too-many-bans', `there are ${this.#manual.size} bans`)
    }
    this.#add({ subject, createdAtMs: this.#clock.now(), endsAtMs, reason, isManual: true })
  }

  /** Ends a ban, and tells whether there was one. @throws {@link P2pError} `invalid-address` */
  remove(text: string): boolean {
    const subject = toBanSubject(text)
    const wasBanned = this.#find(subject) !== undefined
    this.#drop(subject)
    if (wasBanned) this.events.emit('unbanned', subject)
    return wasBanned
  }

  /** Ends all bans. */
  clear(): void {
    for (const subject of [...this.#manual.keys(), ...this.#automatic.keys()]) this.remove(subject)
  }

  isBanned(id: PeerId): boolean {
    return this.#find(id) !== undefined
  }

  /** Whether a multiaddr begins with an IP address that is refused. */
  isAddressBanned(multiaddr: string): boolean {
    if (this.#prefixCounts.size === 0) return false
    const address = hostOf(multiaddr)
    return (
      address !== undefined &&
      this.isSubjectBanned(formatSubnet(toSubnet(address, IP_ADDRESS_BITS[address.version])))
    )
  }

  /** Why a peer was banned last, if that is remembered. */
  lastReason(id: PeerId): string | undefined {
    return this.#lastReasons.get(id)
  }

  /** Whether a subject, or a network that it lies in, is banned: one look-up for each prefix in use. */
  isSubjectBanned(subject: string): boolean {
    if (this.#find(subject) !== undefined) return true
    const subnet = parseSubnet(subject)
    if (subnet === undefined) return false
    const { address, prefixBits } = subnet
    for (const prefix of this.#prefixCounts.keys()) {
      const [version, bits] = prefix.split('/').map(Number)
      if (version !== address.version || bits === undefined || bits > prefixBits) continue
      if (this.#find(formatSubnet(toSubnet(address, bits))) !== undefined) return true
    }
    return false
  }

  #isRunning(ban: Ban): boolean {
    return ban.endsAtMs > this.#clock.now()
  }

  /** The running ban of a subject. One that has ended is dropped. */
  #find(subject: string): Ban | undefined {
    const bans = [this.#manual.get(subject), this.#automatic.get(subject)]
    const running = bans.find((ban) => ban !== undefined && this.#isRunning(ban))
    if (running === undefined && bans.some((ban) => ban !== undefined)) this.#drop(subject)
    return running
  }

  #add(ban: Ban): void {
    const reason = ban.reason.slice(0, MAX_BAN_REASON_SIZE)
    const kept = { ...ban, reason }
    this.#keep(kept)
    this.#writer.put(utf8ToBytes(kept.subject), encodeBan(kept))
    this.events.emit('banned', kept)
  }

  #keep(ban: Ban): void {
    if (ban.isManual) {
      if (!this.#manual.has(ban.subject)) this.#countPrefix(ban.subject, 1)
      this.#manual.set(ban.subject, ban)
      return
    }
    this.#automatic.delete(ban.subject)
    this.#automatic.set(ban.subject, ban)
    if (this.#automatic.size <= MAX_BANS) return
    const oldest = this.#automatic.keys().next()
    if (oldest.done === true) return
    this.#automatic.delete(oldest.value)
    if (!this.#manual.has(oldest.value)) this.#writer.put(utf8ToBytes(oldest.value), undefined)
  }

  #drop(subject: string): void {
    this.#automatic.delete(subject)
    if (this.#manual.delete(subject)) this.#countPrefix(subject, -1)
    this.#writer.put(utf8ToBytes(subject), undefined)
  }

  #sweep(): void {
    for (const ban of this.#manual.values()) if (!this.#isRunning(ban)) this.#drop(ban.subject)
  }

  #countPrefix(subject: string, change: number): void {
    const subnet = parseSubnet(subject)
    if (subnet === undefined) return
    const prefix = `${subnet.address.version}/${subnet.prefixBits}`
    const count = (this.#prefixCounts.get(prefix) ?? 0) + change
    if (count > 0) this.#prefixCounts.set(prefix, count)
    else this.#prefixCounts.delete(prefix)
  }

  #decode(key: Uint8Array, value: Uint8Array): Ban | undefined {
    try {
      return decodeBan(toBanSubject(fromUtf8(key)), value)
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof P2pError)) throw error
      this.#log.warn('A stored ban cannot be read', { error: error.message })
      return undefined
    }
  }
}
