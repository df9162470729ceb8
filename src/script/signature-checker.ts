/** @module What scripts ask about the transaction that spends: signatures and lock times. */

import { SEQUENCE_FINAL, type Transaction, type TxIn, type TxOut } from '../primitives/index.ts'
import { assertInvariant, equalBytes } from '../util/index.ts'
import { require } from './script-error.ts'
import type { SignatureEngine } from './signature-engine.ts'
import {
  computeLegacySignatureHash,
  computeTaprootSignatureHash,
  computeWitnessV0SignatureHash,
  type PrecomputedTransactionData,
  SIGHASH_DEFAULT,
  type TapscriptPosition,
} from './signature-hash.ts'

/** Lock times below are heights, others Unix seconds. @see Bitcoin Core `LOCKTIME_THRESHOLD` */
const LOCK_TIME_THRESHOLD = 500_000_000
/** @see BIP-0068 */
export const SEQUENCE_DISABLE_FLAG = 0x8000_0000
const SEQUENCE_TYPE_FLAG = 0x0040_0000
const SEQUENCE_VALUE_MASK = 0x0000_ffff
const MIN_SEQUENCE_VERSION = 2

const SCHNORR_SIGNATURE_SIZE = 64

/** An input that is verified, with all that its signatures may sign. */
export interface SpendContext {
  readonly tx: Transaction
  readonly inputIndex: number
  /** Of all inputs, in their order. */
  readonly spentOutputs: readonly TxOut[]
  readonly precomputed: PrecomputedTransactionData
  readonly signatures: SignatureEngine
}

interface CachedHash {
  readonly scriptCode: Uint8Array
  readonly hash: Uint8Array
}

/** Answers what the scripts of one input ask. */
export class SignatureChecker {
  readonly #context: SpendContext
  readonly #input: TxIn
  readonly #spent: TxOut
  /** By kind and hash type, so that the keys of a multisig do not hash the transaction anew each. */
  readonly #ecdsaHashes = new Map<string, CachedHash>()

  constructor(context: SpendContext) {
    const input = context.tx.inputs[context.inputIndex]
    const spent = context.spentOutputs[context.inputIndex]
    assertInvariant(input !== undefined && spent !== undefined, 'the input has its spent output')
    this.#context = context
    this.#input = input
    this.#spent = spent
  }

  /** The engine that this checker asks. */
  get signatures(): SignatureEngine {
    return this.#context.signatures
  }

  /**
   * Whether a signature, hash type byte included, signs this input. The empty one never does.
   *
   * @see Bitcoin Core `CheckECDSASignature`
   */
  isValidEcdsa(
    signature: Uint8Array,
    publicKey: Uint8Array,
    scriptCode: Uint8Array,
    isWitnessV0: boolean,
  ): boolean {
    const hashType = signature.at(-1)
    if (hashType === undefined) return false
    const hash = this.#computeEcdsaHash(scriptCode, hashType, isWitnessV0)
    return this.#context.signatures.verifyEcdsa(publicKey, signature.subarray(0, -1), hash)
  }

  /**
   * Checks a taproot signature.
   *
   * @param publicKey - 32 bytes, x only.
   * @throws {@link ScriptError} `SCHNORR_SIG_SIZE`, `SCHNORR_SIG_HASHTYPE` or `SCHNORR_SIG`.
   * @see Bitcoin Core `CheckSchnorrSignature`
   */
  checkSchnorr(
    signature: Uint8Array,
    publicKey: Uint8Array,
    annexHash: Uint8Array | undefined,
    position: TapscriptPosition | undefined,
  ): void {
    const hasHashType = signature.length === SCHNORR_SIGNATURE_SIZE + 1
    require(hasHashType || signature.length === SCHNORR_SIGNATURE_SIZE, 'SCHNORR_SIG_SIZE')
    const hashType = hasHashType ? (signature.at(-1) ?? 0) : SIGHASH_DEFAULT
    // The default is said by saying nothing; a second spelling would make signatures malleable.
    require(!hasHashType || hashType !== SIGHASH_DEFAULT, 'SCHNORR_SIG_HASHTYPE')
    const { tx, inputIndex, spentOutputs, precomputed, signatures } = this.#context
    const hash = computeTaprootSignatureHash(
      tx,
      inputIndex,
      spentOutputs,
      hashType,
      precomputed,
      annexHash,
      position,
    )
    require(hash !== undefined, 'SCHNORR_SIG_HASHTYPE')
    const bare = signature.subarray(0, SCHNORR_SIGNATURE_SIZE)
    require(signatures.verifySchnorr(publicKey, bare, hash), 'SCHNORR_SIG')
  }

  /** Whether the transaction is locked at least until a time. @see BIP-0065; Bitcoin Core `CheckLockTime` */
  isLockedUntil(lockTime: number): boolean {
    const actual = this.#context.tx.lockTime
    const isHeight = lockTime < LOCK_TIME_THRESHOLD
    if (isHeight !== actual < LOCK_TIME_THRESHOLD || lockTime > actual) return false
    // A final input switches the lock time off.
    return this.#input.sequence !== SEQUENCE_FINAL
  }

  /** Whether the input is locked at least for an age. @see BIP-0112; Bitcoin Core `CheckSequence` */
  isLockedFor(sequence: number): boolean {
    const actual = this.#input.sequence
    if (this.#context.tx.version >>> 0 < MIN_SEQUENCE_VERSION) return false
    if ((actual & SEQUENCE_DISABLE_FLAG) !== 0) return false
    if ((actual & SEQUENCE_TYPE_FLAG) !== (sequence & SEQUENCE_TYPE_FLAG)) return false
    return (sequence & SEQUENCE_VALUE_MASK) <= (actual & SEQUENCE_VALUE_MASK)
  }

  #computeEcdsaHash(scriptCode: Uint8Array, hashType: number, isWitnessV0: boolean): Uint8Array {
    const key = `${isWitnessV0} ${hashType}`
    const cached = this.#ecdsaHashes.get(key)
    if (cached !== undefined && equalBytes(cached.scriptCode, scriptCode)) return cached.hash
    const { tx, inputIndex, precomputed } = this.#context
    const hash = isWitnessV0
      ? computeWitnessV0SignatureHash(
          tx,
          inputIndex,
          scriptCode,
          this.#spent.value,
          hashType,
          precomputed,
        )
      : computeLegacySignatureHash(tx, inputIndex, scriptCode, hashType)
    this.#ecdsaHashes.set(key, { scriptCode, hash })
    return hash
  }
}
