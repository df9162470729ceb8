/** @module The passphrase of a wallet. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { withWallet } from './wallet-access.ts'

/** Longer ones are cut. @see Bitcoin Core `walletpassphrase` */
const MAX_TIMEOUT_SECONDS = 100_000_000
const MS_PER_SECOND = 1_000

const NOTHING = { schema: z.null() } as const

function requirePassphrase(passphrase: string): void {
  if (passphrase !== '') return
  throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'passphrase cannot be empty')
}

/** `encryptwallet` */
export const encryptWallet = defineMethod({
  name: 'encryptwallet',
  category: 'wallet',
  summary: 'Encrypts the keys of a wallet, and locks it. Without the passphrase they are lost.',
  params: [{ name: 'passphrase', schema: z.string(), description: 'The passphrase.' }],
  result: { schema: z.string(), description: 'What to do next.' },
  examples: [['my passphrase']],
  handler: (context: RpcContext, { passphrase }, call) =>
    withWallet(context, call, async ({ keys }) => {
      if (!keys.hasPrivateKeys) {
        throw new RpcError(
          RPC_CODES.WALLET_ENCRYPTION_FAILED,
          'Error: wallet does not contain private keys, nothing to encrypt.',
        )
      }
      if (!keys.isEncrypted) requirePassphrase(passphrase)
      await keys.encrypt(passphrase)
      return 'wallet encrypted; The seed is the same as before: delete backups that are not encrypted, and make a new one with the backupwallet RPC.'
    }),
})

/** `walletpassphrase` */
export const walletPassphrase = defineMethod({
  name: 'walletpassphrase',
  category: 'wallet',
  summary: 'Unlocks a wallet for a while.',
  params: [
    { name: 'passphrase', schema: z.string(), description: 'The passphrase.' },
    { name: 'timeout', schema: z.int(), description: 'For how many seconds.' },
  ],
  result: NOTHING,
  examples: [['my passphrase', 60]],
  handler: (context: RpcContext, { passphrase, timeout }, call) =>
    withWallet(context, call, async ({ keys }) => {
      if (keys.isEncrypted) {
        if (timeout < 0) {
          throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Timeout cannot be negative.')
        }
        requirePassphrase(passphrase)
      }
      await keys.unlock(passphrase, Math.min(timeout, MAX_TIMEOUT_SECONDS) * MS_PER_SECOND)
      return null
    }),
})

/** `walletpassphrasechange` */
export const walletPassphraseChange = defineMethod({
  name: 'walletpassphrasechange',
  category: 'wallet',
  summary: 'Changes the passphrase of a wallet, and locks it.',
  params: [
    { name: 'oldpassphrase', schema: z.string(), description: 'The passphrase until now.' },
    { name: 'newpassphrase', schema: z.string(), description: 'The one from now on.' },
  ],
  result: NOTHING,
  examples: [['old one', 'new one']],
  handler: (context: RpcContext, { oldpassphrase, newpassphrase }, call) =>
    withWallet(context, call, async ({ keys }) => {
      if (keys.isEncrypted) {
        requirePassphrase(oldpassphrase)
        requirePassphrase(newpassphrase)
      }
      await keys.changePassphrase(oldpassphrase, newpassphrase)
      return null
    }),
})

/** `walletlock` */
export const walletLock = defineMethod({
  name: 'walletlock',
  category: 'wallet',
  summary: 'Locks a wallet: it cannot sign until the passphrase is given again.',
  params: [],
  result: NOTHING,
  examples: [[]],
  handler: (context: RpcContext, _args, call) =>
    withWallet(context, call, ({ keys }) => {
      keys.lockOnRequest()
      return null
    }),
})
