/** @module The chain of a devnet: born now, near its equilibrium from the first block. */

import {
  bitsToHex,
  CHAIN_SPEC_VERSION,
  type ChainSpec,
  encodeBits,
  parseChainSpec,
} from '../consensus/index.ts'
import { DevnetError } from './errors.ts'

/** How long the hash rate is sampled, in milliseconds. */
export const HASH_RATE_SAMPLE_MS = 200

const TWO_TO_256 = 1n << 256n
/** Regtest's: every second hash is below it. */
const POW_LIMIT = BigInt(`0x7f${'ff'.repeat(31)}`)

/** The hash rate that a devnet will have, as far as one can tell. */
export interface ExpectedHashRate {
  /** One thread, unthrottled, with nothing else running. */
  readonly hashesPerSecondPerThread: number
  readonly nodeCount: number
  readonly threadsPerNode: number
  /** Share of a core for each thread. */
  readonly throttle: number
  /** The cores that all nodes share. */
  readonly availableCores: number
}

/**
 * The genesis bits at which a block takes half a spacing. Half, because the sample has the machine to
 * itself, which nodes that also verify, gossip and store do not.
 */
export function computeGenesisBits(rate: ExpectedHashRate, spacingSeconds: number): number {
  const cores = Math.min(rate.nodeCount * rate.threadsPerNode * rate.throttle, rate.availableCores)
  const hashes = (rate.hashesPerSecondPerThread * cores * spacingSeconds) / 2
  if (!(hashes > 2)) return encodeBits(POW_LIMIT)
  const target = TWO_TO_256 / BigInt(Math.floor(hashes))
  return encodeBits(target < POW_LIMIT ? target : POW_LIMIT)
}

/** What a person chooses about a devnet's chain; undefined is "as it is" or the default. */
export interface ChainWishes {
  readonly spacingSeconds?: number | undefined
  readonly windowBlocks?: number | undefined
}

/** Seconds between blocks unless chosen. */
export const DEFAULT_SPACING_SECONDS = 5
/** Blocks between retargets unless chosen. */
export const DEFAULT_WINDOW_BLOCKS = 20

/**
 * Writes the chain spec of a new devnet.
 *
 * @param nowSeconds - Genesis time, Unix seconds.
 * @throws ConfigError `bad-chain-spec` if a wish is out of range.
 */
export function createDevnetSpec(
  wishes: ChainWishes,
  rate: ExpectedHashRate,
  nowSeconds: number,
): ChainSpec {
  const targetSpacingSeconds = wishes.spacingSeconds ?? DEFAULT_SPACING_SECONDS
  return parseChainSpec({
    version: CHAIN_SPEC_VERSION,
    name: 'devnet',
    genesis: {
      time: nowSeconds,
      bits: bitsToHex(computeGenesisBits(rate, targetSpacingSeconds)),
      message: `A Quarry devnet, opened at ${nowSeconds}`,
    },
    retarget: { targetSpacingSeconds, windowBlocks: wishes.windowBlocks ?? DEFAULT_WINDOW_BLOCKS },
  })
}

/**
 * Checks that a chain that exists is the one that is wanted.
 *
 * @throws {@link DevnetError} `devnet-mismatch`; the message names the flags and `--reset`.
 */
export function checkSpecMatches(spec: ChainSpec, wishes: ChainWishes): void {
  const { targetSpacingSeconds, windowBlocks } = spec.retarget
  const differences = [
    ['--spacing', targetSpacingSeconds, wishes.spacingSeconds],
    ['--window', windowBlocks, wishes.windowBlocks],
  ].flatMap(([flag, has, wanted]) =>
    wanted === undefined || wanted === has ? [] : [`${flag} ${has}, not ${wanted}`],
  )
  if (differences.length > 0) {
    throw new DevnetError(
      'devnet-mismatch',
      `The devnet in this folder runs with ${differences.join(' and ')}, and a chain's rules cannot change. Add --reset to wipe it and begin a new chain, or leave the option out to go on with this one.`,
    )
  }
}
