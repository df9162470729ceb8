/**
 * A wallet: keys from a seed, the transactions that concern them, payments.
 *
 * BIP-0039 seeds, BIP-0084 and BIP-0086 accounts, descriptors of one key; no scripts of several, no hardware. Follows the
 * chain through its port `WalletNode` and never decides what is valid. Keys and what was given out are in files (`WalletFiles`),
 * which are on the disk before anybody hears of a change; transactions are in the node's store and can be learnt again.
 * `WalletError` says why something is refused; neither it nor the log ever holds a key or a passphrase.
 *
 * Its libraries are large: who may do without a wallet imports this folder only when it is needed.
 *
 * Purity: isomorphic.
 *
 * @example
 * const manager = new WalletManager({ node, files, store, clock, random, logger })
 * await manager.start()
 * const wallet = await manager.create('savings', { passphrase, isBlank: false, … })
 *
 * @module
 */
export type { RunningScan } from './chain-follower.ts'
export {
  type DerivedKey,
  Descriptor,
  type DescriptorKind,
  parseDescriptor,
  stripChecksum,
} from './descriptor.ts'
export { dustThreshold, estimateVirtualSize, feeAt, INPUT_WEIGHTS } from './input-weight.ts'
export { GAP_LIMIT, type KeyChain, type OwnScript } from './key-ring.ts'
export { createKeyNetwork, decodeWif, formatPath, type KeyNetwork } from './key-source.ts'
export {
  combinePsbts,
  createPsbt,
  decodePsbt,
  describeParts,
  encodePsbt,
  extractTransaction,
  finalizePsbt,
  type Psbt,
  type PsbtParts,
  spentOf,
  unsignedOf,
} from './psbt.ts'
export { createMnemonic, deriveAccounts } from './seed.ts'
export {
  completeSpent,
  describeKeyHash,
  type FindKeys,
  type SigningFailure,
  type SigningResult,
  type SpentOutput,
  signTransaction,
} from './signer.ts'
export type { TransactionAmounts, WalletCoin } from './transaction-log.ts'
export {
  ANY_DEPTH,
  type BumpedPayment,
  type BumpWishes,
  type PaymentNotes,
  type SentPayment,
  Wallet,
} from './wallet.ts'
export { WalletError, type WalletErrorCode } from './wallet-error.ts'
export type { WalletFiles } from './wallet-file.ts'
export type { NewDescriptor } from './wallet-keys.ts'
export { WalletManager, type WalletManagerDeps, type WalletWishes } from './wallet-manager.ts'
export type {
  BlockPosition,
  WaitingInfo,
  WalletNode,
  WalletNodeListener,
} from './wallet-node.ts'
export type { WalletTransaction } from './wallet-records.ts'
export {
  type ChosenInput,
  MAX_FEE_SATS,
  type PaymentWishes,
  SEQUENCE_REPLACEABLE,
  type UnsignedPayment,
} from './wallet-spender.ts'
export type { Balances, CoinStatus } from './wallet-view.ts'
