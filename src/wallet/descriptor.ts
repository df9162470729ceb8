/**
 * @module Output descriptors of one key: `pkh`, `wpkh`, `sh(wpkh)` and `tr`.
 *
 * @see BIP-0380, BIP-0381, BIP-0382, BIP-0386
 */

import { schnorr } from '@noble/curves/secp256k1.js'
import {
  computeTapTweakHash,
  createKeyHashScript,
  createScriptHashScript,
  createWitnessScript,
  hash160,
  withDescriptorChecksum,
} from '../script/index.ts'
import { type Clock, TurnTaker } from '../util/index.ts'
import { type KeyNetwork, type KeySource, parseKeyExpression } from './key-source.ts'
import { WalletError } from './wallet-error.ts'

/** What outputs a descriptor makes. */
export type DescriptorKind = 'pkh' | 'wpkh' | 'sh-wpkh' | 'tr'

/** A key of a descriptor and the output that pays to it. */
export interface DerivedKey {
  readonly kind: DescriptorKind
  readonly scriptPubKey: Uint8Array
  /** 33 bytes. */
  readonly publicKey: Uint8Array
  /** The script whose hash a `sh(wpkh)` output pays to. */
  readonly redeemScript: Uint8Array | undefined
  /** First four bytes of the master key's hash. */
  readonly fingerprint: Uint8Array
  /** From the master key; numbers from 2^31 on are hardened. */
  readonly path: readonly number[]
}

const FORMS: readonly (readonly [DescriptorKind, RegExp])[] = [
  ['sh-wpkh', /^sh\(wpkh\(([^()]*)\)\)$/],
  ['pkh', /^pkh\(([^()]*)\)$/],
  ['wpkh', /^wpkh\(([^()]*)\)$/],
  ['tr', /^tr\(([^(),{}]*)\)$/],
]
/** Longer ones are refused before anything is read. */
const MAX_DESCRIPTOR_LENGTH = 1_000

const WRAPPERS: Readonly<Record<DescriptorKind, readonly [string, string]>> = {
  pkh: ['pkh(', ')'],
  wpkh: ['wpkh(', ')'],
  'sh-wpkh': ['sh(wpkh(', '))'],
  tr: ['tr(', ')'],
}

/** The output key of a taproot output without scripts. @see BIP-0086 */
export function computeOutputKey(publicKey: Uint8Array): Uint8Array {
  const internalKey = publicKey.subarray(1)
  const { Point } = schnorr
  const tweak = Point.Fn.fromBytes(computeTapTweakHash(internalKey, undefined))
  const point = schnorr.utils.lift_x(Point.Fp.fromBytes(internalKey))
  return point.add(Point.BASE.multiply(tweak)).toBytes(true).slice(1)
}

function createOutput(kind: DescriptorKind, publicKey: Uint8Array) {
  if (kind === 'tr') {
    const program = computeOutputKey(publicKey)
    return { scriptPubKey: createWitnessScript({ version: 1, program }), redeemScript: undefined }
  }
  const hash = hash160(publicKey)
  if (kind === 'pkh') return { scriptPubKey: createKeyHashScript(hash), redeemScript: undefined }
  const witnessScript = createWitnessScript({ version: 0, program: hash })
  if (kind === 'wpkh') return { scriptPubKey: witnessScript, redeemScript: undefined }
  return {
    scriptPubKey: createScriptHashScript(hash160(witnessScript)),
    redeemScript: witnessScript,
  }
}

/** A descriptor that can be worked with. Holds private keys only if it was read from a text that does. */
export class Descriptor {
  readonly kind: DescriptorKind
  readonly #source: KeySource

  constructor(kind: DescriptorKind, source: KeySource) {
    this.kind = kind
    this.#source = source
  }

  /** Whether it stands for many outputs, one for each index. */
  get isRanged(): boolean {
    return this.#source.isRanged
  }

  get hasPrivateKey(): boolean {
    return this.#source.hasPrivateKey
  }

  /** Its text, with checksum, without any private key. */
  toPublicText(): string {
    return this.#wrap(this.#source.toPublicText())
  }

  /** Its text, with checksum and with its private key. A secret. */
  toPrivateText(): string {
    return this.#wrap(this.#source.toPrivateText())
  }

  #wrap(key: string): string {
    const [head, tail] = WRAPPERS[this.kind]
    return withDescriptorChecksum(`${head}${key}${tail}`)
  }

  /** The key and output of an index; of any index if it is not ranged. */
  derive(index: number): DerivedKey {
    const key = this.#source.derive(index)
    return { kind: this.kind, ...createOutput(this.kind, key.publicKey), ...key }
  }

  /** The keys and outputs from one index up to another, which is left out. Lets others work meanwhile. */
  async deriveRange(from: number, to: number, clock: Clock): Promise<readonly DerivedKey[]> {
    const keys: DerivedKey[] = []
    const turns = new TurnTaker(clock)
    for (let index = from; index < to; index++) {
      keys.push(this.derive(index))
      await turns.next()
    }
    return keys
  }

  /** The text of what one index stands for, with checksum and without a private key. */
  describe(key: DerivedKey): string {
    return this.#wrap(this.#source.describe(key, this.kind === 'tr'))
  }

  /** The private key of an index: 32 bytes, a secret. Undefined if it has none. */
  derivePrivateKey(index: number): Uint8Array | undefined {
    return this.#source.derivePrivateKey(index)
  }
}

/** A descriptor's text without its checksum. @throws {@link WalletError} `bad-descriptor` if that does not fit. */
export function stripChecksum(text: string, isRequired: boolean): string {
  if (text.length > MAX_DESCRIPTOR_LENGTH) {
    throw new WalletError('bad-descriptor', 'The descriptor is too long')
  }
  const [bare = '', checksum, ...rest] = text.split('#')
  if (rest.length > 0) throw new WalletError('bad-descriptor', "Multiple '#' symbols")
  if (checksum === undefined) {
    if (isRequired) throw new WalletError('bad-descriptor', 'Missing checksum')
    return bare
  }
  const wanted = withDescriptorChecksum(bare).slice(bare.length + 1)
  if (checksum.length !== wanted.length) {
    throw new WalletError(
      'bad-descriptor',
      `Expected 8 character checksum, not ${checksum.length} characters`,
    )
  }
  if (checksum !== wanted) {
    throw new WalletError(
      'bad-descriptor',
      `Provided checksum '${checksum}' does not match computed checksum '${wanted}'`,
    )
  }
  return bare
}

/**
 * Reads a descriptor.
 *
 * Hardened steps are taken at once where there is a private key, so that what follows can be derived without it.
 *
 * @param isChecksumRequired - Whether a text without a checksum is refused.
 * @throws {@link WalletError} `bad-descriptor`
 */
export function parseDescriptor(
  text: string,
  network: KeyNetwork,
  isChecksumRequired = false,
): Descriptor {
  const bare = stripChecksum(text, isChecksumRequired)
  for (const [kind, form] of FORMS) {
    const expression = form.exec(bare)?.[1]
    if (expression === undefined) continue
    return new Descriptor(kind, parseKeyExpression(expression, network, kind === 'tr'))
  }
  const [name = ''] = bare.split('(', 1)
  throw new WalletError(
    'bad-descriptor',
    `'${name.slice(0, 50)}' is not a valid descriptor function`,
  )
}
