/** @module Which wallet a call means, and the wallet's refusals in Bitcoin Core's numbers. */

import * as z from 'zod'
import type {
  Wallet,
  WalletError,
  WalletErrorCode,
  WalletManager,
  WalletTransaction,
} from '../../wallet/index.ts'
import type { RpcCall } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

const CODES: Readonly<Record<WalletErrorCode, number>> = {
  locked: RPC_CODES.WALLET_UNLOCK_NEEDED,
  'wrong-passphrase': RPC_CODES.WALLET_PASSPHRASE_INCORRECT,
  'wrong-encryption-state': RPC_CODES.WALLET_WRONG_ENC_STATE,
  'no-private-keys': RPC_CODES.WALLET_ERROR,
  'insufficient-funds': RPC_CODES.WALLET_INSUFFICIENT_FUNDS,
  'bad-payment': RPC_CODES.WALLET_INSUFFICIENT_FUNDS,
  'bad-name': RPC_CODES.WALLET_ERROR,
  'not-found': RPC_CODES.WALLET_NOT_FOUND,
  'already-loaded': RPC_CODES.WALLET_ALREADY_LOADED,
  exists: RPC_CODES.WALLET_ERROR,
  damaged: RPC_CODES.WALLET_ERROR,
  'wrong-chain': RPC_CODES.WALLET_ERROR,
  pruned: RPC_CODES.WALLET_ERROR,
  'bad-descriptor': RPC_CODES.INVALID_ADDRESS_OR_KEY,
  'unknown-transaction': RPC_CODES.INVALID_ADDRESS_OR_KEY,
  'bad-transaction': RPC_CODES.INVALID_PARAMETER,
  'bad-psbt': RPC_CODES.DESERIALIZATION_ERROR,
  'keys-ran-out': RPC_CODES.WALLET_KEYPOOL_RAN_OUT,
  'not-written': RPC_CODES.WALLET_ERROR,
  refused: RPC_CODES.WALLET_ERROR,
}

const NO_WALLET_MESSAGE =
  'No wallet is loaded. Load a wallet using loadwallet or create a new one with createwallet. ' +
  '(Note: A default wallet is no longer automatically created)'
const MANY_WALLETS_MESSAGE =
  'Multiple wallets are loaded. Please select which wallet to use by requesting the RPC through the ' +
  '/wallet/<walletname> URI path.'
const UNKNOWN_WALLET_MESSAGE = 'Requested wallet does not exist or is not loaded'

/** Without the class: that comes with the wallet's libraries, which a node without wallets never loads. */
export function isWalletError(error: unknown): error is WalletError {
  return error instanceof Error && (error as Partial<WalletError>).isOfWallet === true
}

/** What a caller is told of the wallet's refusal; anything else stays as it is. */
export function toWalletRpcError(error: unknown): unknown {
  if (!isWalletError(error)) return error
  return new RpcError(CODES[error.code], error.message, { cause: error })
}

/** All wallets, for methods that are about no single one. @throws {@link RpcError} -4 if the node has none. */
export function requireManager({ wallets }: RpcContext): WalletManager {
  if (wallets !== undefined) return wallets
  throw new RpcError(RPC_CODES.WALLET_ERROR, 'This node has no wallets: start it with --wallet')
}

/**
 * The wallet that a call names, or the only one.
 *
 * @throws {@link RpcError} -18, -19
 * @see Bitcoin Core `GetWalletForJSONRPCRequest`
 */
export function requireWallet({ wallets }: RpcContext, call: RpcCall): Wallet {
  if (call.wallet !== undefined) {
    const named = wallets?.get(call.wallet)
    if (named !== undefined) return named
    throw new RpcError(RPC_CODES.WALLET_NOT_FOUND, UNKNOWN_WALLET_MESSAGE)
  }
  const [only, ...others] = wallets?.wallets() ?? []
  if (only === undefined) throw new RpcError(RPC_CODES.WALLET_NOT_FOUND, NO_WALLET_MESSAGE)
  if (others.length > 0) throw new RpcError(RPC_CODES.WALLET_NOT_SPECIFIED, MANY_WALLETS_MESSAGE)
  return only
}

/** The name of the wallet that a call or its argument names. @see Bitcoin Core `EnsureUniqueWalletName` */
export function chooseWalletName(call: RpcCall, given: string | undefined): string {
  if (call.wallet !== undefined && given !== undefined && call.wallet !== given) {
    throw new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      'The RPC endpoint wallet and the wallet name parameter specify different wallets',
    )
  }
  const name = call.wallet ?? given
  if (name !== undefined) return name
  throw new RpcError(
    RPC_CODES.INVALID_PARAMETER,
    'Either the RPC endpoint wallet or the wallet name parameter must be provided',
  )
}

/** @throws {@link RpcError} -18 if no wallet of that name is loaded. */
export function requireNamed(manager: WalletManager, name: string): Wallet {
  const wallet = manager.get(name)
  if (wallet !== undefined) return wallet
  throw new RpcError(RPC_CODES.WALLET_NOT_FOUND, UNKNOWN_WALLET_MESSAGE)
}

/** Runs what may be refused by a wallet. */
export async function refusing<Result>(run: () => Promise<Result> | Result): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    throw toWalletRpcError(error)
  }
}

/** Runs something with the wallet that a call means. @throws {@link RpcError} */
export function withWallet<Result>(
  context: RpcContext,
  call: RpcCall,
  run: (wallet: Wallet) => Promise<Result> | Result,
): Promise<Result> {
  return refusing(() => run(requireWallet(context, call)))
}

/** A transaction of the wallet. @throws {@link RpcError} -5 */
export function requireTransaction(wallet: Wallet, txid: string): WalletTransaction {
  return wallet.requireTransaction(txid)
}

/** Up to where the wallet's answer holds. */
export const LAST_BLOCK_FIELD = {
  lastprocessedblock: z.object({
    hash: z.string().describe('The last block that the wallet has looked through.'),
    height: z.number().describe('Its height.'),
  }),
} as const

/** Fills {@link LAST_BLOCK_FIELD}. */
export function describeLastBlock({ follower }: Wallet) {
  const { hash, height } = follower.progress
  return { lastprocessedblock: { hash, height } }
}
