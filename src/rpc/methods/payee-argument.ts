/** @module Whom a caller wants mined coins to go to. */

import { checkPayouts, payAllTo } from '../../mining/index.ts'
import type { AddressPrefixes } from '../../script/index.ts'
import { ConfigError } from '../../util/index.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeAddressArgument } from './address-argument.ts'
import { parseOutputDescriptor } from './output-descriptor.ts'

/** What looks like a descriptor, which no address does. */
const DESCRIPTOR = /^\w+\(/

function checkPayee(script: Uint8Array): Uint8Array {
  try {
    checkPayouts(payAllTo(script))
    return script
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, error.message, { cause: error })
  }
}

/**
 * Reads a descriptor.
 *
 * @throws {@link RpcError} -5 if it is none, -8 if no coinbase has room for its script.
 */
export function decodePayeeDescriptor(text: string, prefixes: AddressPrefixes): Uint8Array {
  return checkPayee(parseOutputDescriptor(text, prefixes))
}

/** Reads an address or a descriptor, as {@link decodePayeeDescriptor}. */
export function decodePayee(text: string, prefixes: AddressPrefixes): Uint8Array {
  return DESCRIPTOR.test(text)
    ? decodePayeeDescriptor(text, prefixes)
    : decodeAddressArgument(text, prefixes, 'Error: Invalid address or descriptor')
}
