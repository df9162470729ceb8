/** @module Blocks that a caller hands in, and why they are refused. */

import { ConsensusError } from '../../consensus/index.ts'
import { type Block, computeBlockHash, decodeBlock, toDisplayHex } from '../../primitives/index.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
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

/** What Bitcoin Core adds to a reject reason. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  'time-too-new': ', block timestamp too far in the future',
}

/**
 * What a caller is told when no block can be made: a broken rule by its name, any other error unchanged.
 *
 * @see Bitcoin Core `BlockAssembler::CreateNewBlock`, whose exceptions are answered with -1
 */
export function toTemplateError(error: unknown): unknown {
  if (!(error instanceof ConsensusError)) return error
  const reason = `${toRejectReason(error)}${EXPLANATIONS[error.code] ?? ''}`
  const message = `TestBlockValidity failed: ${reason}`
  return new RpcError(RPC_CODES.MISC_ERROR, message, { cause: error })
}
