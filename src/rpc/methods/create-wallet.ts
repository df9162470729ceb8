/** @module Making wallets, loading them, letting go of them. */

import * as z from 'zod'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { chooseWalletName, refusing, requireManager, requireNamed } from './wallet-access.ts'

const LOADED_SCHEMA = z.object({
  name: z.string().describe('The name of the wallet.'),
  warnings: z.array(z.string()).optional().describe('What the caller should know.'),
})

const LOAD_ON_STARTUP_PARAM = {
  name: 'load_on_startup',
  schema: z.boolean().optional(),
  description: 'Whether it is loaded at every start of the node; left out, that stays as it is.',
} as const

/** The words of an error of something that this wallet is not made for. */
function unsupported(message: string): RpcError {
  return new RpcError(RPC_CODES.WALLET_ERROR, message)
}

/** `createwallet` */
export const createWallet = defineMethod({
  name: 'createwallet',
  category: 'wallet',
  summary: 'Makes a wallet and loads it.',
  params: [
    { name: 'wallet_name', schema: z.string(), description: 'Its name.' },
    {
      name: 'disable_private_keys',
      schema: z.boolean().default(false),
      description: 'Whether it only watches.',
    },
    { name: 'blank', schema: z.boolean().default(false), description: 'Whether it has no keys.' },
    {
      name: 'passphrase',
      schema: z.string().optional(),
      description: 'Encrypts the keys.',
    },
    {
      name: 'avoid_reuse',
      schema: z.boolean().default(false),
      description: 'Not supported: leave it false.',
    },
    {
      name: 'descriptors',
      schema: z.boolean().default(true),
      description: 'Always true: there are no other wallets.',
    },
    LOAD_ON_STARTUP_PARAM,
    {
      name: 'external_signer',
      schema: z.boolean().default(false),
      description: 'Not supported: leave it false.',
    },
  ],
  result: { schema: LOADED_SCHEMA },
  examples: [['savings'], ['savings', false, false, 'a passphrase']],
  handler: (context: RpcContext, args) =>
    refusing(async () => {
      const manager = requireManager(context)
      const { wallet_name: name, passphrase, blank: isBlank } = args
      if (!args.descriptors) {
        throw unsupported(
          'descriptors argument must be set to "true"; it is no longer possible to create a legacy wallet.',
        )
      }
      if (args.external_signer) throw unsupported('External signers are not supported')
      if (args.avoid_reuse) throw unsupported('avoid_reuse is not supported')
      const isEncrypted = passphrase !== undefined && passphrase !== ''
      if (isEncrypted && args.disable_private_keys) {
        throw unsupported(
          'Passphrase provided but private keys are disabled. A passphrase is only used to encrypt private keys, so cannot be used for wallets with private keys disabled.',
        )
      }
      await manager.create(name, {
        passphrase: isEncrypted ? passphrase : undefined,
        isBlank,
        hasPrivateKeys: !args.disable_private_keys,
        isLoadedOnStart: args.load_on_startup ?? false,
      })
      const warning = 'Empty string given as passphrase, wallet will not be encrypted.'
      return { name, warnings: passphrase === '' ? [warning] : undefined }
    }),
})

/** `loadwallet` */
export const loadWallet = defineMethod({
  name: 'loadwallet',
  category: 'wallet',
  summary: 'Loads a wallet, and looks through the blocks that it has not seen.',
  params: [
    { name: 'filename', schema: z.string(), description: 'Its name.' },
    LOAD_ON_STARTUP_PARAM,
  ],
  result: { schema: LOADED_SCHEMA },
  examples: [['savings']],
  handler: (context: RpcContext, { filename, load_on_startup: isLoadedOnStart }) =>
    refusing(async () => {
      const { name } = await requireManager(context).load(filename, isLoadedOnStart)
      return { name }
    }),
})

/** `unloadwallet` */
export const unloadWallet = defineMethod({
  name: 'unloadwallet',
  category: 'wallet',
  summary: 'Lets go of a wallet. Its file stays.',
  params: [
    {
      name: 'wallet_name',
      schema: z.string().optional(),
      description: 'Its name; may be left out where the path names it.',
    },
    LOAD_ON_STARTUP_PARAM,
  ],
  result: {
    schema: z.object({
      warnings: z.array(z.string()).optional().describe('What the caller should know.'),
    }),
  },
  examples: [['savings']],
  handler: (context: RpcContext, { wallet_name: given, load_on_startup: isLoadedOnStart }, call) =>
    refusing(async () => {
      const name = chooseWalletName(call, given)
      const manager = requireManager(context)
      requireNamed(manager, name)
      await manager.unload(name, isLoadedOnStart)
      return {}
    }),
})

/** `listwallets` */
export const listWallets = defineMethod({
  name: 'listwallets',
  category: 'wallet',
  summary: 'Lists the wallets that are loaded.',
  params: [],
  result: { schema: z.array(z.string().describe('A name.')) },
  examples: [[]],
  handler: ({ wallets }: RpcContext) => (wallets?.wallets() ?? []).map(({ name }) => name),
})

/** `listwalletdir` */
export const listWalletDir = defineMethod({
  name: 'listwalletdir',
  category: 'wallet',
  summary: 'Lists all wallets that there are, loaded or not.',
  params: [],
  result: {
    schema: z.object({
      wallets: z.array(
        z.object({
          name: z.string().describe('The name.'),
          warnings: z.array(z.string()).optional().describe('What the caller should know.'),
        }),
      ),
    }),
  },
  examples: [[]],
  handler: async ({ wallets }: RpcContext) => {
    const names = (await wallets?.listFiles()) ?? []
    return { wallets: names.map((name) => ({ name })) }
  },
})
