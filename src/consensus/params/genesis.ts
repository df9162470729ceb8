/** @module The genesis block, which follows from the chain spec alone. */

import {
  type Block,
  type BlockHash,
  NULL_VOUT,
  SEQUENCE_FINAL,
  type Transaction,
  type Txid,
  ZERO_HASH,
} from '../../primitives/index.ts'
import { decodeHex } from '../../util/index.ts'
import { computeBlockMerkleRoot } from '../merkle.ts'

/** What of a chain spec the genesis block is made from. */
export interface GenesisSpec {
  readonly version: number
  /** Unix seconds. */
  readonly time: number
  readonly bits: number
  readonly nonce: number
  /** Printable ASCII, written into the coinbase. */
  readonly message: string
}

/** Pay to the public key that Bitcoin's own genesis pays to. Nobody can spend a genesis coinbase. */
const GENESIS_OUTPUT_SCRIPT =
  '4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac'

/** `04 ffff001d 01 04`: mainnet's first bits and the number 4, as Bitcoin's genesis has them. */
const GENESIS_SCRIPT_SIG_PREFIX = [0x04, 0xff, 0xff, 0x00, 0x1d, 0x01, 0x04]
const OP_PUSHDATA1 = 0x4c

/** The longest message that fits into a coinbase's 100 bytes beside the prefix. */
export const MAX_GENESIS_MESSAGE_LENGTH = 91

function createGenesisScriptSig(message: string): Uint8Array {
  const text = Array.from(message, (char) => char.charCodeAt(0))
  const push = text.length <= 75 ? [text.length] : [OP_PUSHDATA1, text.length]
  return Uint8Array.from([...GENESIS_SCRIPT_SIG_PREFIX, ...push, ...text])
}

/**
 * Builds the genesis block. Given Bitcoin's values it is Bitcoin's genesis, byte for byte.
 *
 * @param subsidySats - Amount of its one output, which enters no set of unspent outputs.
 * @see Bitcoin Core `CreateGenesisBlock`
 */
export function createGenesisBlock(spec: GenesisSpec, subsidySats: bigint): Block {
  const coinbase: Transaction = {
    version: 1,
    inputs: [
      {
        prevout: { txid: ZERO_HASH as Txid, vout: NULL_VOUT },
        scriptSig: createGenesisScriptSig(spec.message),
        sequence: SEQUENCE_FINAL,
        witness: [],
      },
    ],
    outputs: [{ value: subsidySats, scriptPubKey: decodeHex(GENESIS_OUTPUT_SCRIPT) }],
    lockTime: 0,
  }
  const transactions = [coinbase]
  return {
    header: {
      version: spec.version,
      prevBlockHash: ZERO_HASH as BlockHash,
      merkleRoot: computeBlockMerkleRoot(transactions).root,
      time: spec.time,
      bits: spec.bits,
      nonce: spec.nonce,
    },
    transactions,
  }
}
