/** @module One node in the address book: what is known of it, and how that is stored. */

import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { PeerId } from '../sync/index.ts'
import { ByteReader, ByteWriter } from '../util/index.ts'
import { hostOf, isBelievable, originOf, type Reach, reachOf } from './host.ts'
import { type CertifiedRecord, decodePeerRecord } from './peer-records.ts'

/** A node that could be dialled. */
export interface AddressEntry {
  readonly id: PeerId
  /** The record that is passed on. */
  readonly record: Uint8Array
  readonly recordedAtMs: number
  /** What of its addresses we may dial: never empty. */
  readonly addresses: readonly string[]
  /** Network of its first address. */
  readonly group: string
  /** Network of whoever told of it. */
  readonly sourceGroup: string
  isTried: boolean
  /** Milliseconds since the Unix epoch; 0 if never. */
  lastTryMs: number
  lastSuccessMs: number
  /** Dials that failed since the last success. */
  failures: number
  /** Its place in the table of tried or of new addresses. */
  slot: number
}

/** Addresses that can be dialled by number alone: a name could lead anywhere. */
const DIALLABLE = /^\/ip[46]\/[^/]+\/tcp\/[1-9]\d{0,4}(?:\/wss?|\/tls\/ws)?$/

/** The nearest first: whoever shares our network is reached over it. */
const NEARNESS: readonly Reach[] = ['loopback', 'private', 'public']

/**
 * The addresses of a record that we may dial. Whoever is out on the internet cannot know what is on our machine or in
 * our network, and would only have us knock at doors there.
 */
export function chooseAddresses(addresses: readonly string[], source: Reach): readonly string[] {
  const reachable = addresses.flatMap((address) => {
    const host = DIALLABLE.test(address) ? hostOf(address) : undefined
    if (host === undefined) return []
    const reach = reachOf(host)
    return isBelievable(reach, source) ? [{ address, reach }] : []
  })
  return reachable
    .sort((a, b) => NEARNESS.indexOf(a.reach) - NEARNESS.indexOf(b.reach))
    .map(({ address }) => address)
}

/** Who can reach the first address of an entry. */
export function reachOfEntry({ addresses: [first = ''] }: AddressEntry): Reach {
  const host = hostOf(first)
  return host === undefined ? 'public' : reachOf(host)
}

/** The group that decides where in the book an address stands. On loopback every port is one of its own. */
export function groupOf(address: string): string {
  const { group, isLoopback } = originOf(address)
  return isLoopback ? address : group
}

/** What a record says, before it has a place. */
export function createEntry(
  record: CertifiedRecord,
  addresses: readonly string[],
  sourceGroup: string,
): AddressEntry {
  return {
    id: record.id,
    record: record.bytes,
    recordedAtMs: record.recordedAtMs,
    addresses,
    group: groupOf(addresses[0] ?? ''),
    sourceGroup,
    isTried: false,
    lastTryMs: 0,
    lastSuccessMs: 0,
    failures: 0,
    slot: 0,
  }
}

/**
 * Encodes an entry: 1 if tried (1), failures (2), last try (8), last success (8), network of the source, addresses by
 * lines, record (each with its size before it). Its place follows from the rest.
 */
export function encodeEntry(entry: AddressEntry): Uint8Array {
  return new ByteWriter()
    .writeUint8(entry.isTried ? 1 : 0)
    .writeUint16(Math.min(entry.failures, 0xffff))
    .writeUint64(BigInt(Math.trunc(entry.lastTryMs)))
    .writeUint64(BigInt(Math.trunc(entry.lastSuccessMs)))
    .writeVarBytes(utf8ToBytes(entry.sourceGroup))
    .writeVarBytes(utf8ToBytes(entry.addresses.join('\n')))
    .writeVarBytes(entry.record)
    .toBytes()
}

/** @throws {@link DecodeError} */
export function decodeEntry(bytes: Uint8Array): AddressEntry {
  const reader = new ByteReader(bytes)
  const isTried = reader.readUint8() === 1
  const failures = reader.readUint16()
  const lastTryMs = Number(reader.readUint64())
  const lastSuccessMs = Number(reader.readUint64())
  const readText = (): string => new TextDecoder().decode(reader.readVarBytes())
  const sourceGroup = readText()
  const addresses = readText().split('\n')
  // A copy: the engine's bytes may be a view of much more.
  const record = decodePeerRecord(Uint8Array.from(reader.readVarBytes()))
  reader.expectEnd()
  return {
    ...createEntry(record, addresses, sourceGroup),
    isTried,
    failures,
    lastTryMs,
    lastSuccessMs,
  }
}
