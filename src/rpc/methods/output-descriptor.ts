/** @module An output script as an output descriptor, as far as it can be told without any keys. */

import { schnorr } from '@noble/curves/secp256k1.js'
import {
  AddressError,
  type AddressPrefixes,
  classifyOutput,
  decodeAddress,
  withDescriptorChecksum,
} from '../../script/index.ts'
import { DecodeError, decodeHex, encodeHex } from '../../util/index.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** Whether 32 bytes are the x coordinate of a point of the curve. @see BIP-0340, `lift_x` */
function isPoint(x: Uint8Array): boolean {
  try {
    schnorr.utils.lift_x(schnorr.Point.Fp.fromBytes(x))
    return true
  } catch {
    return false
  }
}

function inferBare(script: Uint8Array, address: string | undefined): string {
  const output = classifyOutput(script)
  if (output.type === 'pubkey') return `pk(${encodeHex(output.publicKey)})`
  if (output.type === 'multisig') {
    return `multi(${[output.required, ...output.publicKeys.map(encodeHex)].join(',')})`
  }
  if (output.type === 'witness_v1_taproot' && isPoint(output.outputKey)) {
    return `rawtr(${encodeHex(output.outputKey)})`
  }
  return address === undefined ? `raw(${encodeHex(script)})` : `addr(${address})`
}

/**
 * The descriptor that stands for an output script, with its checksum.
 *
 * @param address - The script's address, if it has one.
 * @see Bitcoin Core `InferDescriptor`
 */
export function inferDescriptor(script: Uint8Array, address: string | undefined): string {
  return withDescriptorChecksum(inferBare(script, address))
}

/** What a descriptor that needs no keys consists of: its function, the argument, and its checksum if any. */
const KEYLESS_DESCRIPTOR = /^(raw|addr)\(([^()]*)\)(?:#(.*))?$/

/**
 * The output script that a descriptor without keys stands for: `raw(hex)` or `addr(address)`, with a checksum
 * or without.
 *
 * @throws {@link RpcError} -5 if it is none, or its checksum does not fit.
 * @see Bitcoin Core `getScriptFromDescriptor`
 */
export function parseOutputDescriptor(descriptor: string, prefixes: AddressPrefixes): Uint8Array {
  const [, kind, argument = '', checksum] = KEYLESS_DESCRIPTOR.exec(descriptor) ?? []
  const refuse = (why: string, cause?: unknown): RpcError =>
    new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, why, { cause })
  if (kind === undefined) {
    throw refuse(
      `'${descriptor.slice(0, 100)}' is not a valid descriptor: only raw() and addr() are known`,
    )
  }
  const whole = `${kind}(${argument})`
  if (checksum !== undefined && withDescriptorChecksum(whole) !== `${whole}#${checksum}`) {
    throw refuse('Provided checksum does not match the descriptor')
  }
  try {
    return kind === 'raw' ? decodeHex(argument) : decodeAddress(argument, prefixes)
  } catch (error) {
    if (error instanceof DecodeError) throw refuse('Raw script is not hex', error)
    if (error instanceof AddressError) throw refuse('Address is not valid', error)
    throw error
  }
}
