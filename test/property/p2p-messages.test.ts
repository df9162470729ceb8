import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeAddr, decodeGetAddr } from '../../src/p2p/addr-codec.ts'
import {
  decodeBlockTransactions,
  decodeDataReply,
  decodeGetData,
  decodeGossipBlock,
  decodeHeadersResponse,
  decodeInv,
  decodeStatusResponse,
  decodeSyncRequest,
} from '../../src/p2p/message-codec.ts'
import type { BlockHash } from '../../src/primitives/index.ts'
import { decodeCompactBlock } from '../../src/sync/compact-block.ts'
import { DecodeError } from '../../src/util/index.ts'
import { arbitraryBytes, CORPUS } from '../support/corpus.ts'

const BLOCK_HASH = new Uint8Array(32).fill(1) as BlockHash

const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  inv: decodeInv,
  gossipBlock: decodeGossipBlock,
  compactBlock: decodeCompactBlock,
  getData: decodeGetData,
  dataReply: decodeDataReply,
  blockTransactions: (bytes) => decodeBlockTransactions(bytes, BLOCK_HASH, 1),
  syncRequest: decodeSyncRequest,
  status: decodeStatusResponse,
  headers: decodeHeadersResponse,
  getAddr: decodeGetAddr,
  addr: decodeAddr,
}

/** Takes the bytes or says that they are none; anything else is our fault. */
function isHandled(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  try {
    decode(bytes)
    return true
  } catch (error) {
    return error instanceof DecodeError
  }
}

describe.each(Object.entries(DECODERS))('the decoder %s', (_, decode) => {
  it('takes every entry of the corpus or blames its sender', () => {
    // With the length that stands before a frame on a stream, and without it.
    const inputs = CORPUS.flatMap(({ bytes }) => [bytes, bytes.subarray(1), bytes.subarray(2)])
    expect(inputs.filter((bytes) => !isHandled(decode, bytes))).toEqual([])
  })

  it('takes any bytes or blames their sender', () => {
    fc.assert(
      fc.property(arbitraryBytes(), fc.nat({ max: 2 }), (bytes, skipped) =>
        isHandled(decode, bytes.subarray(skipped)),
      ),
      { numRuns: 300 },
    )
  })
})
