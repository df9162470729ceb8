/** @module The four bytes by which files of Bitcoin's formats say what chain they are of. */

import { type BlockHashHex, toDisplayHex } from '../../primitives/index.ts'
import { decodeHex } from '../../util/index.ts'
import type { ConsensusParams } from './consensus-params.ts'

/** Of Bitcoin's own chains, by genesis. @see Bitcoin Core `pchMessageStart` */
const KNOWN_MAGICS: Readonly<Record<BlockHashHex, string>> = {
  '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f': 'f9beb4d9',
  '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206': 'fabfb5da',
}

/** The magic bytes of a chain: Bitcoin's for its own, the chain id for any other. */
export function computeNetworkMagic(params: ConsensusParams): Uint8Array {
  return decodeHex(KNOWN_MAGICS[toDisplayHex(params.genesisHash)] ?? params.chainId)
}
