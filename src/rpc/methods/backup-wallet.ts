/** @module Copies of a wallet's file. */

import * as z from 'zod'
import { concatBytes } from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { PATH_SCHEMA } from './arguments.ts'
import { isWalletError, refusing, requireManager, withWallet } from './wallet-access.ts'

/** No wallet's file is larger. */
const MAX_BACKUP_BYTES = 64 * 1_048_576

/** `backupwallet` */
export const backupWallet = defineMethod({
  name: 'backupwallet',
  category: 'wallet',
  summary: 'Writes a copy of the file of a wallet. It has the keys, encrypted if the wallet is.',
  params: [
    {
      name: 'destination',
      schema: PATH_SCHEMA,
      description: 'A path where there is nothing yet; relative to the data directory.',
    },
  ],
  result: { schema: z.null() },
  examples: [['backup.json']],
  handler: (context: RpcContext, { destination }, call) =>
    withWallet(context, call, async ({ keys }) => {
      const bytes = keys.toBackup()
      const pieces = async function* () {
        yield bytes
      }
      await context.files.write(destination, pieces(), () => new Uint8Array())
      return null
    }),
})

async function readBackup({ files }: RpcContext, path: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of files.read(path)) {
    size += piece.length
    if (size > MAX_BACKUP_BYTES) {
      throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'Backup file is no wallet: it is too large')
    }
    pieces.push(piece)
  }
  return concatBytes(...pieces)
}

/** `restorewallet` */
export const restoreWallet = defineMethod({
  name: 'restorewallet',
  category: 'wallet',
  summary: 'Makes a wallet out of a backup, loads it, and looks through the chain for it.',
  params: [
    { name: 'wallet_name', schema: z.string(), description: 'Its name from now on.' },
    { name: 'backup_file', schema: PATH_SCHEMA, description: 'What backupwallet wrote.' },
    {
      name: 'load_on_startup',
      schema: z.boolean().default(false),
      description: 'Whether it is loaded at every start of the node.',
    },
  ],
  result: {
    schema: z.object({
      name: z.string().describe('The name of the wallet.'),
      warnings: z.array(z.string()).optional().describe('What the caller should know.'),
    }),
  },
  examples: [['again', 'backup.json']],
  handler: (context: RpcContext, args) =>
    refusing(async () => {
      const { wallet_name: name, backup_file: path, load_on_startup: isLoadedOnStart } = args
      const manager = requireManager(context)
      const backup = await readBackup(context, path)
      try {
        await manager.restore(name, backup, isLoadedOnStart)
      } catch (error) {
        if (!isWalletError(error) || error.code !== 'exists') throw error
        throw new RpcError(RPC_CODES.WALLET_ALREADY_EXISTS, error.message, { cause: error })
      }
      return { name }
    }),
})
