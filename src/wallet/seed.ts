/** @module From a seed's words to the descriptors of its accounts. */

import { HARDENED_OFFSET, HDKey } from '@scure/bip32'
import { entropyToMnemonic, mnemonicToSeedSync, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { type Descriptor, parseDescriptor } from './descriptor.ts'
import { formatPath, type KeyNetwork } from './key-source.ts'
import { WalletError } from './wallet-error.ts'

/** Of a new seed: twelve words. */
export const SEED_ENTROPY_SIZE = 16

/** A descriptor of a seed, and what for it is. */
export interface SeedDescriptor {
  readonly descriptor: Descriptor
  /** Whether its outputs are for change. */
  readonly isInternal: boolean
}

/** Accounts of a wallet: the purpose in their path, and the form of their outputs. */
const ACCOUNTS = [
  // BIP-0084
  { purpose: 84, kind: 'wpkh' },
  // BIP-0086
  { purpose: 86, kind: 'tr' },
] as const

/** The words of a new seed. @param entropy - {@link SEED_ENTROPY_SIZE} random bytes. @see BIP-0039 */
export function createMnemonic(entropy: Uint8Array): string {
  return entropyToMnemonic(entropy, wordlist)
}

/**
 * The descriptors of a seed's first accounts, with their private keys.
 *
 * @throws {@link WalletError} `refused` if the words are no seed; the message does not repeat them.
 * @see BIP-0032, BIP-0039, BIP-0084, BIP-0086
 */
export function deriveAccounts(mnemonic: string, network: KeyNetwork): readonly SeedDescriptor[] {
  if (!validateMnemonic(mnemonic, wordlist)) {
    throw new WalletError('refused', 'These are not the words of a seed')
  }
  const master = HDKey.fromMasterSeed(mnemonicToSeedSync(mnemonic), network.extended)
  return ACCOUNTS.flatMap(({ purpose, kind }) =>
    [false, true].map((isInternal) => {
      const account = [purpose, network.coinType, 0].map((step) => step + HARDENED_OFFSET)
      const path = `${formatPath(account)}/${isInternal ? 1 : 0}/*`
      const text = `${kind}(${master.privateExtendedKey}${path})`
      return { descriptor: parseDescriptor(text, network), isInternal }
    }),
  )
}
