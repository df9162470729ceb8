/** @module Why the wallet cannot do what it was asked to. */

/** What kind of failure it is. */
export type WalletErrorCode =
  /** The keys are encrypted, and nobody has given the passphrase. */
  | 'locked'
  | 'wrong-passphrase'
  /** Asked for what only an encrypted wallet can do, or only one that is not. */
  | 'wrong-encryption-state'
  | 'no-private-keys'
  | 'insufficient-funds'
  /** It cannot be paid so. */
  | 'bad-payment'
  | 'bad-name'
  | 'not-found'
  | 'already-loaded'
  | 'exists'
  /** The file or the records of a wallet are not what they should be. */
  | 'damaged'
  /** The disk does not take the file, so that nothing has changed. */
  | 'not-written'
  /** It belongs to another chain. */
  | 'wrong-chain'
  /** Blocks that would have to be looked through were deleted. */
  | 'pruned'
  | 'bad-descriptor'
  | 'unknown-transaction'
  /** Not one that this can be done with. */
  | 'bad-transaction'
  | 'bad-psbt'
  | 'keys-ran-out'
  /** Anything else that is refused for a reason that the message gives. */
  | 'refused'

/** The wallet's refusal. Its message is for whoever asked; it never holds a key, a seed or a passphrase. */
export class WalletError extends Error {
  override readonly name = 'WalletError'
  /** Tells it from other errors where the class, which comes with the wallet's libraries, is not loaded. */
  readonly isOfWallet = true
  readonly code: WalletErrorCode

  constructor(code: WalletErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
