/** @module Blocks that a caller hands in, and why they are refused. */

import { ConsensusError } from '../../consensus/index.ts'
import { type Block, computeBlockHash, decodeBlock, toDisplayHex } from '../../primitives/index.ts'
import { decodeHexArgument } from './arguments.ts'

/** Reads a block from hex. @throws {@link RpcError} -22 if it is none. */
export function decodeBlockArgument(hex: string): Block {
  return decodeHexArgument(hex, decodeBlock, 'Block decode failed')
}

/** A block's hash as people spell it. */
export function blockHashHex(block: Block): string {
  return toDisplayHex(computeBlockHash(block.header))
}

/**
 * Why a block is refused, in the words that miners know.
 *
 * @throws Whatever was thrown if that is not about the block.
 * @see Bitcoin Core `BIP22ValidationResult`
 */
export function toRejectReason(error: unknown): string {
  if (!(error instanceof ConsensusError)) throw error
  const { code, data } = error
  const version = data['version']
  if (code === 'bad-version' && typeof version === 'number') {
    return `bad-version(0x${(version >>> 0).toString(16).padStart(8, '0')})`
  }
  const reason = data['reason']
  return typeof reason === 'string' ? `${code} (${reason})` : code
}
