/** @module `quarry rpc`: from what a person typed to a call of a node's method. */

import { locateNode, type NodePlaceOptions } from './node-place.ts'
import { runRpcCommand } from './rpc-client.ts'

/** What the command line gave; what is undefined comes from the environment or a default. */
export interface RpcCommandInput extends NodePlaceOptions {
  readonly method: string
  readonly params: readonly string[]
  readonly wallet?: string | undefined
  readonly named?: boolean | undefined
}

/**
 * Calls the method on the node that the options name and prints the answer.
 *
 * @returns The exit code.
 * @throws ConfigError `bad-chain-spec` if the chain cannot be read, `bad-settings` if the URL or the user is wrong.
 */
export async function runRpc(input: RpcCommandInput): Promise<number> {
  const { access, wallet } = await locateNode(input)
  return runRpcCommand({
    ...access,
    method: input.method,
    rawParams: input.params,
    isNamed: input.named === true,
    wallet: input.wallet ?? wallet,
    writeOut: (text) => {
      process.stdout.write(text)
    },
    writeError: (text) => {
      process.stderr.write(text)
    },
  })
}
