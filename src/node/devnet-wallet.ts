/** @module The wallet of a devnet, which everybody knows. */

import type { Logger } from '../util/index.ts'
import type { WalletManager } from '../wallet/index.ts'

/** The wallet's name. */
export const DEVNET_WALLET_NAME = 'devnet'

/** Words that are in every book of examples. Whatever they pay to, anybody can spend. */
const DEVNET_MNEMONIC = 'test test test test test test test test test test test junk'

/** The first address of these words, on chains with the prefixes of regtest: where its coins are mined to. */
export const DEVNET_WALLET_ADDRESS = 'bcrt1qquv9lg5g2r4jkr0ahun0ddfg5xntxjelwjpnuw'

/** Makes the wallet unless it is there already, and warns of it. */
export async function openDevnetWallet(wallets: WalletManager, log: Logger): Promise<void> {
  const names = await wallets.listFiles()
  if (!names.includes(DEVNET_WALLET_NAME)) {
    await wallets.create(DEVNET_WALLET_NAME, {
      passphrase: undefined,
      isBlank: false,
      hasPrivateKeys: true,
      isLoadedOnStart: true,
      mnemonic: DEVNET_MNEMONIC,
      // Others may have mined to it before.
      birthHeight: 0,
    })
  }
  log.warn('the wallet "devnet" is for experiments: everybody knows its seed', {
    address: DEVNET_WALLET_ADDRESS,
  })
}
