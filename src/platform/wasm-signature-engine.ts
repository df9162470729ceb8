/**
 * Signatures by libsecp256k1, compiled to WebAssembly by the package `tiny-secp256k1`.
 *
 * Calls the compiled library's exports, not the package's functions: those check again what is checked here, and
 * their one instance never recovers. An export that refuses its input throws through WebAssembly, which leaves the
 * library's stack where it was; a few thousand refused keys, which cost a peer nothing, would use it up. So an
 * instance is replaced long before.
 *
 * @module
 */

import { nobleSignatureEngine, parseLaxSignature, type SignatureEngine } from '../script/index.ts'
import { toErrorMessage } from '../util/index.ts'
import { agreesWithKnownAnswers } from './signature-self-test.ts'

/** How many refused inputs an instance lives through: some 80 KiB of its stack of 1 MiB. */
const MAX_REFUSALS_PER_INSTANCE = 256

const KEY_SIZE = 33
const FULL_KEY_SIZE = 65
const X_ONLY_KEY_SIZE = 32
const HASH_SIZE = 32
const SIGNATURE_SIZE = 64
/** Asks for consensus' rule: the library makes a high S low before it verifies. */
const ACCEPT_HIGH_S = 0

/** The exports that are used. What is named in capitals is the address of a buffer for an argument. */
interface Secp256k1Exports {
  readonly memory: WebAssembly.Memory
  readonly PUBLIC_KEY_INPUT: WebAssembly.Global
  readonly X_ONLY_PUBLIC_KEY_INPUT: WebAssembly.Global
  readonly HASH_INPUT: WebAssembly.Global
  readonly SIGNATURE_INPUT: WebAssembly.Global
  readonly TWEAK_INPUT: WebAssembly.Global
  initializeContext(): void
  verify(publicKeySize: number, isStrict: number): number
  verifySchnorr(): number
  xOnlyPointAddTweak(): number
}

/** Thrown by the compiled library, through it, for a key that is none. One value: a stack trace would cost more. */
const REFUSED = Symbol('refused input')

/** The compiled library is not the one that this adapter was written for, or does not work on this machine. */
export class SignatureEngineError extends Error {
  override readonly name = 'SignatureEngineError'
  readonly code = 'unusable'
}

/** One instance of the library, with its own memory. */
class Secp256k1Instance {
  readonly exports: Secp256k1Exports
  refusals = 0
  #bytes: Uint8Array

  constructor(module: WebAssembly.Module) {
    const imports = {
      // The seed with which a signer blinds its secrets. Nothing is signed here and no secret is known.
      './rand.js': { generateInt32: () => 0 },
      './validate_error.js': {
        throwError: () => {
          throw REFUSED
        },
      },
    }
    const instance = new WebAssembly.Instance(module, imports)
    this.exports = instance.exports as unknown as Secp256k1Exports
    this.exports.initializeContext()
    this.#bytes = new Uint8Array(this.exports.memory.buffer)
  }

  /** Copies an argument into its buffer. Sizes are for the caller to check. */
  write(address: WebAssembly.Global, bytes: Uint8Array): void {
    this.#memory().set(bytes, address.value as number)
  }

  read(address: WebAssembly.Global, size: number): Uint8Array {
    const start = address.value as number
    return this.#memory().slice(start, start + size)
  }

  /** The memory as it is now: growing it takes the old buffer away. */
  #memory(): Uint8Array {
    if (this.#bytes.buffer !== this.exports.memory.buffer) {
      this.#bytes = new Uint8Array(this.exports.memory.buffer)
    }
    return this.#bytes
  }
}

/** Whether a key has the size and first byte of one of the forms that there are. */
function isPublicKeyForm(publicKey: Uint8Array): boolean {
  const [prefix] = publicKey
  if (publicKey.length === KEY_SIZE) return prefix === 2 || prefix === 3
  return publicKey.length === FULL_KEY_SIZE && (prefix === 4 || prefix === 6 || prefix === 7)
}

class WasmSignatureEngine implements SignatureEngine {
  readonly #module: WebAssembly.Module
  #instance: Secp256k1Instance

  constructor(module: WebAssembly.Module) {
    this.#module = module
    this.#instance = new Secp256k1Instance(module)
  }

  verifyEcdsa(publicKey: Uint8Array, signature: Uint8Array, hash: Uint8Array): boolean {
    if (!isPublicKeyForm(publicKey) || hash.length !== HASH_SIZE) return false
    const compact = parseLaxSignature(signature)
    if (compact === undefined) return false
    return this.#call(
      (instance) => {
        const { exports } = instance
        instance.write(exports.PUBLIC_KEY_INPUT, publicKey)
        instance.write(exports.SIGNATURE_INPUT, compact)
        instance.write(exports.HASH_INPUT, hash)
        return exports.verify(publicKey.length, ACCEPT_HIGH_S) === 1
      },
      false,
      () => nobleSignatureEngine.verifyEcdsa(publicKey, signature, hash),
    )
  }

  verifySchnorr(publicKey: Uint8Array, signature: Uint8Array, hash: Uint8Array): boolean {
    const areSizes = publicKey.length === X_ONLY_KEY_SIZE && hash.length === HASH_SIZE
    if (!areSizes || signature.length !== SIGNATURE_SIZE) return false
    return this.#call(
      (instance) => {
        const { exports } = instance
        instance.write(exports.X_ONLY_PUBLIC_KEY_INPUT, publicKey)
        instance.write(exports.SIGNATURE_INPUT, signature)
        instance.write(exports.HASH_INPUT, hash)
        return exports.verifySchnorr() === 1
      },
      false,
      () => nobleSignatureEngine.verifySchnorr(publicKey, signature, hash),
    )
  }

  tweakPublicKey(internalKey: Uint8Array, tweak: Uint8Array) {
    if (internalKey.length !== X_ONLY_KEY_SIZE || tweak.length !== HASH_SIZE) return undefined
    return this.#call(
      (instance) => {
        const { exports } = instance
        instance.write(exports.X_ONLY_PUBLIC_KEY_INPUT, internalKey)
        instance.write(exports.TWEAK_INPUT, tweak)
        const parity = exports.xOnlyPointAddTweak()
        if (parity !== 0 && parity !== 1) return undefined
        const key = instance.read(exports.X_ONLY_PUBLIC_KEY_INPUT, X_ONLY_KEY_SIZE)
        return { key, parity } as const
      },
      undefined,
      () => nobleSignatureEngine.tweakPublicKey(internalKey, tweak),
    )
  }

  /**
   * Calls the library.
   *
   * @param refused - The answer when it refuses its input.
   * @param instead - Gives the answer should the library itself fail, which it never does by what it is asked.
   */
  #call<Answer>(
    ask: (instance: Secp256k1Instance) => Answer,
    refused: Answer,
    instead: () => Answer,
  ): Answer {
    try {
      return ask(this.#instance)
    } catch (error) {
      this.#instance.refusals += 1
      const isRefusal = error === REFUSED
      if (!isRefusal || this.#instance.refusals >= MAX_REFUSALS_PER_INSTANCE) {
        this.#instance = new Secp256k1Instance(this.#module)
      }
      return isRefusal ? refused : instead()
    }
  }
}

/**
 * Makes an engine on the compiled library.
 *
 * @throws {@link SignatureEngineError} if the module is another, or fails a test of signatures that are known.
 */
export function createWasmSignatureEngine(module: WebAssembly.Module): SignatureEngine {
  try {
    const engine = new WasmSignatureEngine(module)
    if (agreesWithKnownAnswers(engine, true)) return engine
  } catch (error) {
    throw new SignatureEngineError(toErrorMessage(error), { cause: error })
  }
  throw new SignatureEngineError('the library does not know signatures that are known')
}
