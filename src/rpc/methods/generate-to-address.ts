/** @module Mining at once, for tests and for chains where it is easy. */

import * as z from 'zod'
import type { ConsensusParams } from '../../consensus/index.ts'
import { toDisplayHex } from '../../primitives/index.ts'
import { AddressError, decodeAddress } from '../../script/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'

/** Hashes after which to give up. @see Bitcoin Core `DEFAULT_MAX_TRIES` */
const DEFAULT_MAX_TRIES = 1_000_000

function decodePayoutAddress(address: string, params: ConsensusParams): Uint8Array {
  try {
    return decodeAddress(address, params.addressPrefixes)
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    throw new RpcError(RPC_CODES.INVALID_ADDRESS_OR_KEY, 'Error: Invalid address', { cause: error })
  }
}

/** `generatetoaddress` */
export const generateToAddress = defineMethod({
  name: 'generatetoaddress',
  category: 'hidden',
  summary: 'Mines blocks at once and pays for them to an address.',
  params: [
    { name: 'nblocks', schema: z.int(), description: 'How many blocks.' },
    { name: 'address', schema: z.string(), description: 'Who is paid.' },
    {
      name: 'maxtries',
      schema: z.int().default(DEFAULT_MAX_TRIES),
      description: 'How many hashes to try in all.',
    },
  ],
  result: {
    schema: z.array(z.string()),
    description: 'The hashes of the blocks; fewer than asked for if the tries ran out.',
  },
  examples: [[11, 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080']],
  handler: async ({ mining, params }: RpcContext, { nblocks, address, maxtries }) => {
    const script = decodePayoutAddress(address, params)
    const hashes = await mining.generate(script, nblocks, maxtries)
    return hashes.map(toDisplayHex)
  },
})
