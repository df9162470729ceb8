/** @module `quarry faucet`: coins of a devnet's well-known wallet. */

import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import { DevnetError } from '../../devnet/index.ts'
import { DEVNET_WALLET_NAME } from '../../node/index.ts'
import { RPC_CODES, RpcError, type RpcParams } from '../../rpc/index.ts'
import { readCookie } from './cookie.ts'
import { DEVNET_FILE_NAME } from './devnet-folder.ts'
import { findDevnetFolder, findProgramName } from './program-name.ts'
import { callRpc } from './rpc-client.ts'

const DEVNET_FILE = z.object({
  nodes: z.array(z.object({ index: z.number(), rpcUrl: z.string(), cookiePath: z.string() })),
})

/** What the command line gave. */
export interface FaucetOptions {
  readonly address: string
  /** Coins, as text, so that no digit is lost. */
  readonly amount: string
  /** The devnet's folder. */
  readonly datadir?: string | undefined
}

async function findNode(folder: string) {
  try {
    const text = await readFile(join(folder, DEVNET_FILE_NAME), 'utf8')
    const node = DEVNET_FILE.parse(JSON.parse(text)).nodes.find(({ index }) => index === 0)
    if (node !== undefined) return node
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  throw new DevnetError(
    'no-devnet',
    `No devnet with a node 0 runs in ${folder}. Start one with "${findProgramName()} devnet", or say with --datadir where yours is.`,
  )
}

/**
 * Sends coins.
 *
 * @returns The transaction id.
 * @throws {@link DevnetError} `no-devnet` if none runs there, `bad-command` if the wallet refuses.
 */
export async function runFaucet({ address, amount, datadir }: FaucetOptions): Promise<string> {
  const node = await findNode(datadir === undefined ? findDevnetFolder() : resolve(datadir))
  const call = async (method: string, params: RpcParams) =>
    callRpc({
      url: node.rpcUrl,
      auth: await readCookie(node.cookiePath),
      wallet: DEVNET_WALLET_NAME,
      ...{ method, params },
    })
  try {
    return String(await call('sendtoaddress', [address, amount]))
  } catch (error) {
    if (!(error instanceof RpcError)) throw error
    // The same code stands for amounts that are too small.
    const isPoor =
      error.code === RPC_CODES.WALLET_INSUFFICIENT_FUNDS &&
      Number(await call('getbalance', [])) <= Number(amount)
    const hint = isPoor ? ' Mined coins mature after 100 blocks: wait until there are more.' : ''
    throw new DevnetError('bad-command', `${error.message}.${hint}`, { cause: error })
  }
}
