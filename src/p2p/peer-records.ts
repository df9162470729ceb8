/** @module Signed peer records: a node's own word on where it can be dialled. */

import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromPublicKey } from '@libp2p/peer-id'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '../sync/index.ts'
import { DecodeError, equalBytes, toErrorMessage } from '../util/index.ts'
import { MAX_PEER_RECORD_SIZE, MAX_RECORD_ADDRESSES } from './limits.ts'

/** A record whose signature is its subject's. */
export interface CertifiedRecord {
  readonly id: PeerId
  /** Multiaddrs without peer ids, as the record has them: nobody has looked at them yet. */
  readonly addresses: readonly string[]
  /** When it was made, by its maker's clock, in milliseconds since the Unix epoch. Of two the later one counts. */
  readonly recordedAtMs: number
  /** The envelope, to be passed on as it is. */
  readonly bytes: Uint8Array
}

/** The end of a multiaddr that names the peer. */
const PEER_ID_SUFFIX = /\/p2p\/\w+$/

/**
 * Signs where we can be dialled.
 *
 * @param domain - Of the chain: a record says nothing on any other.
 * @returns Undefined if there are no addresses, or they take too much room.
 */
export async function sealPeerRecord(
  privateKey: PrivateKey,
  domain: string,
  addresses: readonly string[],
  nowMs: number,
): Promise<Uint8Array | undefined> {
  const told = addresses
    .slice(0, MAX_RECORD_ADDRESSES)
    .map((address) => multiaddr(address.replace(PEER_ID_SUFFIX, '')))
  if (told.length === 0) return undefined
  const record = new PeerRecord({
    peerId: peerIdFromPrivateKey(privateKey),
    multiaddrs: told,
    seqNumber: BigInt(Math.trunc(nowMs)),
  })
  record.domain = domain
  const bytes = (await RecordEnvelope.seal(record, privateKey)).marshal()
  return bytes.length <= MAX_PEER_RECORD_SIZE ? bytes : undefined
}

/**
 * Reads a record without a look at its signature: for those that were certified before they were stored.
 *
 * @throws {@link DecodeError} if it is none, or breaks a limit
 */
export function decodePeerRecord(bytes: Uint8Array): CertifiedRecord {
  if (bytes.length > MAX_PEER_RECORD_SIZE) throw new DecodeError('too-long', 0, 'peer record')
  return decoding(() => toRecord(bytes, RecordEnvelope.createFromProtobuf(bytes)))
}

/**
 * Reads a record and verifies its signature.
 *
 * @param bytes - Kept.
 * @throws {@link DecodeError} if it is none, breaks a limit, or was signed by somebody else or for another chain
 */
export async function certifyPeerRecord(
  bytes: Uint8Array,
  domain: string,
): Promise<CertifiedRecord> {
  const record = decodePeerRecord(bytes)
  const envelope = RecordEnvelope.createFromProtobuf(bytes)
  const isValid = await envelope.validate(domain).catch(() => false)
  if (!isValid) throw new DecodeError('bad-value', 0, 'signature of a peer record')
  return record
}

function toRecord(bytes: Uint8Array, envelope: RecordEnvelope): CertifiedRecord {
  if (!equalBytes(envelope.payloadType, PeerRecord.CODEC)) throw bad('type')
  const { peerId, multiaddrs, seqNumber } = PeerRecord.createFromProtobuf(envelope.payload)
  const signer = peerIdFromPublicKey(envelope.publicKey)
  // Ours are all of this kind, and others may be slow to verify.
  if (signer.type !== 'Ed25519') throw bad('key')
  if (!signer.equals(peerId)) throw bad('signer')
  if (multiaddrs.length > MAX_RECORD_ADDRESSES) throw bad('number of addresses')
  const addresses = multiaddrs.map((address) => address.toString())
  const recordedAtMs = Number(seqNumber)
  if (!Number.isSafeInteger(recordedAtMs)) throw bad('time')
  return { id: peerId.toString(), addresses, recordedAtMs, bytes }
}

/** Runs libp2p's decoders; whatever they throw, the bytes are to blame. */
function decoding<Result>(decode: () => Result): Result {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError('bad-value', 0, `peer record: ${toErrorMessage(error)}`)
  }
}

function bad(what: string): DecodeError {
  return new DecodeError('bad-value', 0, `${what} of a peer record`)
}
