/** @module An output script as an output descriptor, as far as it can be told without any keys. */

import { schnorr } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import {
  type AddressPrefixes,
  classifyOutput,
  hash160,
  withDescriptorChecksum,
} from '../../script/index.ts'
import { DecodeError, decodeHex, encodeHex, equalBytes } from '../../util/index.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeAddressArgument } from './address-argument.ts'

/** Whether 32 bytes are the x coordinate of a point of the curve. @see BIP-0340, `lift_x` */
function isPoint(x: Uint8Array): boolean {
  try {
    schnorr.utils.lift_x(schnorr.Point.Fp.fromBytes(x))
    return true
  } catch {
    return false
  }
}

/** Where in a descriptor a function stands: which decides which there may be. @see Bitcoin Core `ParseScriptContext` */
type DescriptorContext = 'top' | 'sh' | 'wsh'

const COMPRESSED_KEY_SIZE = 33
const UNCOMPRESSED_PREFIX = 4

/** Whether a key may stand in a descriptor: hybrid ones never, uncompressed ones not in segwit. @see Bitcoin Core `InferPubkey` */
function isDescribableKey(key: Uint8Array, context: DescriptorContext): boolean {
  const [prefix = 0] = key
  if (prefix > UNCOMPRESSED_PREFIX) return false
  return context !== 'wsh' || key.length === COMPRESSED_KEY_SIZE
}

/** The function that stands for a script whose keys, and whose scripts behind hashes, are known. */
function inferSolvable(
  script: Uint8Array,
  context: DescriptorContext,
  known: readonly Uint8Array[],
): string | undefined {
  const wrap = (name: 'sh' | 'wsh', inner: Uint8Array | undefined): string | undefined => {
    const described = inner === undefined ? undefined : inferSolvable(inner, name, known)
    return described === undefined ? undefined : `${name}(${described})`
  }
  const output = classifyOutput(script)
  switch (output.type) {
    case 'pubkey':
      return isDescribableKey(output.publicKey, context)
        ? `pk(${encodeHex(output.publicKey)})`
        : undefined
    case 'multisig':
      return output.publicKeys.every((key) => isDescribableKey(key, context))
        ? `multi(${[output.required, ...output.publicKeys.map(encodeHex)].join(',')})`
        : undefined
    case 'scripthash':
      if (context !== 'top') return undefined
      return wrap(
        'sh',
        known.find((inner) => equalBytes(hash160(inner), output.hash)),
      )
    case 'witness_v0_scripthash':
      if (context === 'wsh') return undefined
      return wrap(
        'wsh',
        known.find((inner) => equalBytes(sha256(inner), output.hash)),
      )
    case 'witness_v1_taproot':
      return context === 'top' && isPoint(output.outputKey)
        ? `rawtr(${encodeHex(output.outputKey)})`
        : undefined
    default:
      return undefined
  }
}

/**
 * The descriptor that stands for an output script, with its checksum.
 *
 * Differs from Bitcoin: Miniscript is not read, so that a `wsh` whose script is another than one key or several is shown by
 * its address.
 *
 * @param address - The script's address, if it has one.
 * @param known - Scripts behind hashes that are known.
 * @see Bitcoin Core `InferDescriptor`
 */
export function inferDescriptor(
  script: Uint8Array,
  address: string | undefined,
  known: readonly Uint8Array[] = [],
): string {
  const unsolvable = address === undefined ? `raw(${encodeHex(script)})` : `addr(${address})`
  return withDescriptorChecksum(inferSolvable(script, 'top', known) ?? unsolvable)
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
    return kind === 'raw'
      ? decodeHex(argument)
      : decodeAddressArgument(argument, prefixes, 'Address is not valid')
  } catch (error) {
    if (error instanceof DecodeError) throw refuse('Raw script is not hex', error)
    throw error
  }
}
