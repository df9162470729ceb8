/** @module An address that a caller gives, and what the caller is told if it is none. */

import { AddressError, type AddressPrefixes, decodeAddress } from '../../script/index.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** Bitcoin Core's words for a bad address; behind them, where it is one of another network, of which. */
export function explainBadAddress(message: string, error: AddressError): string {
  return error.code === 'wrong-chain' ? `${message} (${error.message})` : message
}

/**
 * Reads an address.
 *
 * @param message - What the caller is told if it is none, with code -5; see {@link explainBadAddress}.
 */
export function decodeAddressArgument(
  address: string,
  prefixes: AddressPrefixes,
  message: string,
): Uint8Array {
  try {
    return decodeAddress(address, prefixes)
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    const told = explainBadAddress(message, error)
    throw new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, told, { cause: error })
  }
}
