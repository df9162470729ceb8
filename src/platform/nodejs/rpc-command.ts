/** @module `quarry rpc`: from what a person typed to a call of a node's method. */

import { loadChainSpec } from './chain-choice.ts'
import { computeNodePaths } from './data-directory.ts'
import { resolveDataDirectory } from './home-directory.ts'
import { runRpcCommand } from './rpc-client.ts'
import { CHAIN_NAMES, toEnvironmentName } from './settings.ts'

/** What the command line gave; what is undefined comes from the environment or a default. */
export interface RpcCommandInput {
  readonly method: string
  readonly params: readonly string[]
  readonly datadir?: string | undefined
  readonly chain?: string | undefined
  readonly rpcUrl?: string | undefined
  readonly rpcPort?: number | undefined
  readonly named?: boolean | undefined
}

function chooseUrl({ rpcUrl, rpcPort }: RpcCommandInput): string | undefined {
  return rpcUrl ?? (rpcPort === undefined ? undefined : `http://127.0.0.1:${rpcPort}`)
}

/**
 * Calls the method on the node that the data directory belongs to and prints the answer.
 *
 * @returns The exit code.
 * @throws ConfigError `bad-chain-spec` if the chain cannot be read.
 */
export async function runRpc(input: RpcCommandInput): Promise<number> {
  const dataDir = resolveDataDirectory(input.datadir)
  const chain = input.chain ?? process.env[toEnvironmentName('chain')] ?? CHAIN_NAMES[0]
  const { rpcChain } = await loadChainSpec(chain)
  const url = chooseUrl(input)
  return runRpcCommand({
    directory: computeNodePaths(dataDir, rpcChain).root,
    method: input.method,
    rawParams: input.params,
    isNamed: input.named === true,
    ...(url === undefined ? {} : { url }),
    writeOut: (text) => {
      process.stdout.write(text)
    },
    writeError: (text) => {
      process.stderr.write(text)
    },
  })
}
