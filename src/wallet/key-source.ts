/** @module The keys inside descriptors: one key, or all that an extended key leads to. */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { createBase58check } from '@scure/base'
import { HARDENED_OFFSET, HDKey, type Versions } from '@scure/bip32'
import { hash160 } from '../script/index.ts'
import { concatBytes, decodeHex, encodeHex, InvariantError, isHex } from '../util/index.ts'
import { WalletError } from './wallet-error.ts'

/** How a chain writes keys. */
export interface KeyNetwork {
  /** Version bytes of extended keys. */
  readonly extended: Versions
  /** First byte of a private key in wallet import format. */
  readonly wif: number
  /** The coin's number in derivation paths. @see BIP-0044, SLIP-0044 */
  readonly coinType: number
}

const MAIN_EXTENDED: Versions = { private: 0x0488ade4, public: 0x0488b21e }
const TEST_EXTENDED: Versions = { private: 0x04358394, public: 0x043587cf }

/** @param isMain - Whether it is Bitcoin's own chain; all others write keys as its test networks do. */
export function createKeyNetwork(isMain: boolean, wif: number): KeyNetwork {
  return {
    extended: isMain ? MAIN_EXTENDED : TEST_EXTENDED,
    wif,
    coinType: isMain ? 0 : 1,
  }
}

/** A key, and how it comes from the master key. */
export interface SourcedKey {
  readonly publicKey: Uint8Array
  readonly fingerprint: Uint8Array
  readonly path: readonly number[]
}

/** How a key comes from a master key that is somewhere else. */
interface Origin {
  readonly fingerprint: Uint8Array
  readonly path: readonly number[]
}

/** A key in hand: extended, or just one. */
type HeldKey =
  | { readonly type: 'extended'; readonly key: HDKey; readonly steps: readonly number[] }
  | {
      readonly type: 'single'
      readonly publicKey: Uint8Array
      readonly privateKey: Uint8Array | undefined
      readonly isXOnly: boolean
    }

const base58check = createBase58check(sha256)
const KEY_SIZE = 32
const FINGERPRINT_SIZE = 4
const COMPRESSED_MARK = 1
/** No path needs more. */
const MAX_STEPS = 20

function formatStep(step: number): string {
  return step >= HARDENED_OFFSET ? `${step - HARDENED_OFFSET}h` : String(step)
}

/** A path as text, each step behind a slash. */
export function formatPath(path: readonly number[]): string {
  return path.map((step) => `/${formatStep(step)}`).join('')
}

function refuse(message: string): WalletError {
  return new WalletError('bad-descriptor', message)
}

function parseStep(text: string): number {
  const [, digits = '', mark] = /^(\d{1,10})(['hH])?$/.exec(text) ?? []
  const number = Number(digits)
  if (digits === '' || number >= HARDENED_OFFSET) {
    throw refuse(`Key path value '${text.slice(0, 20)}' is not a valid uint32`)
  }
  return mark === undefined ? number : number + HARDENED_OFFSET
}

/** Fingerprints as numbers are what the library has. */
function toFingerprint(key: HDKey): Uint8Array {
  const bytes = new Uint8Array(FINGERPRINT_SIZE)
  new DataView(bytes.buffer).setUint32(0, key.fingerprint)
  return bytes
}

function requirePublicKey(key: HDKey): Uint8Array {
  if (key.publicKey === null) throw new InvariantError('an extended key has a public key')
  return key.publicKey
}

/** Where a descriptor's keys come from. */
export class KeySource {
  readonly isRanged: boolean
  readonly #held: HeldKey
  readonly #origin: Origin | undefined
  readonly #network: KeyNetwork
  /** The key above the index, once it was needed. */
  #parent: HDKey | undefined

  constructor(held: HeldKey, origin: Origin | undefined, isRanged: boolean, network: KeyNetwork) {
    this.#held = held
    this.#origin = origin
    this.isRanged = isRanged
    this.#network = network
  }

  get hasPrivateKey(): boolean {
    const held = this.#held
    return (held.type === 'single' ? held.privateKey : held.key.privateKey) != null
  }

  #formatOrigin(path: readonly number[] = []): string {
    const origin = this.#origin
    if (origin === undefined) return ''
    return `[${encodeHex(origin.fingerprint)}${formatPath([...origin.path, ...path])}]`
  }

  #formatSteps(): string {
    const held = this.#held
    const steps = held.type === 'extended' ? formatPath(held.steps) : ''
    return `${steps}${this.isRanged ? '/*' : ''}`
  }

  toPublicText(): string {
    const held = this.#held
    const key =
      held.type === 'extended'
        ? held.key.publicExtendedKey
        : encodeHex(held.isXOnly ? held.publicKey.subarray(1) : held.publicKey)
    return `${this.#formatOrigin()}${key}${this.#formatSteps()}`
  }

  toPrivateText(): string {
    const held = this.#held
    if (!this.hasPrivateKey) throw new WalletError('no-private-keys', 'There is no private key')
    const key =
      held.type === 'extended'
        ? held.key.privateExtendedKey
        : encodeWif(held.privateKey ?? new Uint8Array(), this.#network)
    return `${this.#formatOrigin()}${key}${this.#formatSteps()}`
  }

  #deriveExtended(index: number): HDKey {
    const held = this.#held
    if (held.type !== 'extended') throw new InvariantError('only extended keys have children')
    if (this.#parent === undefined) {
      let parent = held.key
      for (const step of held.steps) parent = parent.deriveChild(step)
      this.#parent = parent
    }
    return this.isRanged ? this.#parent.deriveChild(index) : this.#parent
  }

  derive(index: number): SourcedKey {
    const held = this.#held
    if (held.type === 'single') {
      const own = { fingerprint: hash160(held.publicKey).subarray(0, FINGERPRINT_SIZE), path: [] }
      return { publicKey: held.publicKey, ...(this.#origin ?? own) }
    }
    const own = { fingerprint: toFingerprint(held.key), path: [] }
    const { fingerprint, path } = this.#origin ?? own
    const below = this.isRanged ? [...held.steps, index] : held.steps
    const publicKey = requirePublicKey(this.#deriveExtended(index))
    return { publicKey, fingerprint, path: [...path, ...below] }
  }

  /** One key of those that it makes, with its origin. */
  describe({ publicKey, fingerprint, path }: SourcedKey, isXOnly: boolean): string {
    const hasOrigin = this.#held.type === 'extended' || this.#origin !== undefined
    const origin = hasOrigin ? `[${encodeHex(fingerprint)}${formatPath(path)}]` : ''
    return `${origin}${encodeHex(isXOnly ? publicKey.subarray(1) : publicKey)}`
  }

  derivePrivateKey(index: number): Uint8Array | undefined {
    const held = this.#held
    if (!this.hasPrivateKey) return undefined
    if (held.type === 'single') return held.privateKey
    return this.#deriveExtended(index).privateKey ?? undefined
  }
}

/** A private key in wallet import format, of a compressed public key. */
export function encodeWif(privateKey: Uint8Array, { wif }: KeyNetwork): string {
  return base58check.encode(
    concatBytes(Uint8Array.of(wif), privateKey, Uint8Array.of(COMPRESSED_MARK)),
  )
}

/** Reads a private key in wallet import format; undefined if it is none of this chain's. */
export function decodeWif(
  text: string,
  { wif }: KeyNetwork,
): { readonly privateKey: Uint8Array; readonly isCompressed: boolean } | undefined {
  let bytes: Uint8Array
  try {
    bytes = base58check.decode(text)
  } catch {
    return undefined
  }
  const isCompressed = bytes.length === KEY_SIZE + 2
  if (bytes[0] !== wif || (!isCompressed && bytes.length !== KEY_SIZE + 1)) return undefined
  if (isCompressed && bytes.at(-1) !== COMPRESSED_MARK) return undefined
  const privateKey = bytes.slice(1, KEY_SIZE + 1)
  return secp256k1.utils.isValidSecretKey(privateKey) ? { privateKey, isCompressed } : undefined
}

function parseSingle(text: string, network: KeyNetwork, isTaproot: boolean): HeldKey | undefined {
  if (isHex(text) && text !== '') {
    const given = decodeHex(text)
    const isXOnly = given.length === KEY_SIZE
    const publicKey = isXOnly ? concatBytes(Uint8Array.of(2), given) : given
    if ((isXOnly && !isTaproot) || publicKey.length !== KEY_SIZE + 1) {
      throw refuse('A public key here has 33 bytes')
    }
    if (!secp256k1.utils.isValidPublicKey(publicKey)) throw refuse('A public key is invalid')
    return { type: 'single', publicKey, privateKey: undefined, isXOnly: isTaproot }
  }
  const decoded = decodeWif(text, network)
  if (decoded === undefined) return undefined
  if (!decoded.isCompressed) throw refuse('Uncompressed keys are not allowed')
  const { privateKey } = decoded
  const publicKey = secp256k1.getPublicKey(privateKey, true)
  return { type: 'single', publicKey, privateKey, isXOnly: isTaproot }
}

function parseExtended(text: string, network: KeyNetwork): HDKey {
  try {
    return HDKey.fromExtendedKey(text, network.extended)
  } catch {
    // The text may be a private key, so nothing of it is repeated.
    throw refuse('A key is not valid')
  }
}

function parseOrigin(text: string): Origin {
  const [fingerprint = '', ...steps] = text.split('/')
  if (fingerprint.length !== 2 * FINGERPRINT_SIZE || !isHex(fingerprint)) {
    throw refuse(`Fingerprint '${fingerprint.slice(0, 20)}' is not hex`)
  }
  if (steps.length > MAX_STEPS) throw refuse('A key path is too long')
  return { fingerprint: decodeHex(fingerprint), path: steps.map(parseStep) }
}

/** Takes the steps down to the last hardened one, as only a private key can. */
function settleHardened(
  key: HDKey,
  steps: readonly number[],
  origin: Origin | undefined,
): { key: HDKey; steps: readonly number[]; origin: Origin | undefined } {
  const count = steps.findLastIndex((step) => step >= HARDENED_OFFSET) + 1
  if (count === 0) return { key, steps, origin }
  if (key.privateKey === null) {
    throw refuse('Hardened derivation of a public key is impossible: give the private key')
  }
  let settled = key
  for (const step of steps.slice(0, count)) settled = settled.deriveChild(step)
  const { fingerprint, path } = origin ?? { fingerprint: toFingerprint(key), path: [] }
  return {
    key: settled,
    steps: steps.slice(count),
    origin: { fingerprint, path: [...path, ...steps.slice(0, count)] },
  }
}

/** Reads a key of a descriptor. @throws {@link WalletError} `bad-descriptor`, without the key in its message. */
export function parseKeyExpression(
  expression: string,
  network: KeyNetwork,
  isTaproot: boolean,
): KeySource {
  const [, originText, rest = ''] = /^(?:\[([^[\]]*)\])?([^[\]]*)$/.exec(expression) ?? []
  const origin = originText === undefined ? undefined : parseOrigin(originText)
  const [keyText = '', ...path] = rest.split('/')
  if (keyText === '') throw refuse('No key provided')
  const single = path.length === 0 ? parseSingle(keyText, network, isTaproot) : undefined
  if (single !== undefined) return new KeySource(single, origin, false, network)
  const isRanged = path.at(-1) === '*'
  if (/^\*['hH]$/.test(path.at(-1) ?? '')) throw refuse("Hardened ranges (/*h) aren't supported")
  const texts = isRanged ? path.slice(0, -1) : path
  if (texts.length > MAX_STEPS) throw refuse('A key path is too long')
  const given = parseExtended(keyText, network)
  const settled = settleHardened(given, texts.map(parseStep), origin)
  const { key, steps } = settled
  return new KeySource({ type: 'extended', key, steps }, settled.origin, isRanged, network)
}
