/** @module An output script as an output descriptor, as far as it can be told without any keys. */

import { schnorr } from '@noble/curves/secp256k1.js'
import {
  AddressError,
  type AddressPrefixes,
  classifyOutput,
  decodeAddress,
} from '../../script/index.ts'
import { DecodeError, decodeHex, encodeHex } from '../../util/index.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** The characters that a descriptor may have, in the order that its checksum gives them. */
const INPUT_CHARSET =
  '0123456789()[],\'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\ '
const CHECKSUM_CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const CHECKSUM_LENGTH = 8
/** The code's generator: five numbers of 40 bits, each as its upper and its lower 20. */
const GENERATOR: readonly (readonly [number, number])[] = [
  [0xf5dee, 0x51989],
  [0xa9fdc, 0xa3312],
  [0x1bab1, 0x0e32d],
  [0x3706b, 0x1677a],
  [0x644d6, 0x26ffd],
]
const LOW_15_BITS = 0x7fff

/** The checksum's state: 40 bits in two halves, so that plain numbers do. */
class ChecksumState {
  #high = 0
  #low = 1

  /** Takes one symbol of five bits. */
  add(symbol: number): void {
    const top = this.#high >>> 15
    this.#high = ((this.#high & LOW_15_BITS) << 5) | (this.#low >>> 15)
    this.#low = ((this.#low & LOW_15_BITS) << 5) ^ symbol
    for (const [i, [high, low]] of GENERATOR.entries()) {
      if (((top >>> i) & 1) === 0) continue
      this.#high ^= high
      this.#low ^= low
    }
  }

  finish(): string {
    for (let i = 0; i < CHECKSUM_LENGTH; i++) this.add(0)
    const halves = [this.#high, this.#low ^ 1]
    return halves
      .flatMap((half) => [15, 10, 5, 0].map((shift) => CHECKSUM_CHARSET[(half >>> shift) & 31]))
      .join('')
  }
}

/**
 * Appends its checksum to a descriptor.
 *
 * @param descriptor - Of characters that descriptors may have.
 * @see BIP-0380, "Checksum"
 */
export function withDescriptorChecksum(descriptor: string): string {
  const state = new ChecksumState()
  let group = 0
  let groupSize = 0
  for (const char of descriptor) {
    const position = INPUT_CHARSET.indexOf(char)
    state.add(position & 31)
    group = group * 3 + (position >>> 5)
    if (++groupSize === 3) {
      state.add(group)
      group = 0
      groupSize = 0
    }
  }
  if (groupSize > 0) state.add(group)
  return `${descriptor}#${state.finish()}`
}

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
