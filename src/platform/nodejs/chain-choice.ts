/** @module From what `--chain` says to a chain spec. */

import { readFile } from 'node:fs/promises'
import {
  type ChainSpec,
  computeChainId,
  MAINNET_SPEC,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../consensus/index.ts'
import { ConfigError, toErrorMessage } from '../../util/index.ts'
import { parseChainSpecText } from './chain-spec-text.ts'
import { packagePath } from './package-root.ts'
import { CHAIN_NAMES } from './settings.ts'

/** The spec behind the name `devnet`. */
export const DEVNET_SPEC_PATH = packagePath('config/devnet.json')
/** A chain spec is never larger. */
const MAX_SPEC_FILE_BYTES = 65_536

async function readSpecFile(path: string): Promise<ChainSpec> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new ConfigError(
      'bad-chain-spec',
      `Could not read the chain spec ${path}: ${toErrorMessage(error)}. --chain takes ${CHAIN_NAMES.join(', ')} or the path of a chain spec.`,
      { cause: error },
    )
  }
  if (text.length > MAX_SPEC_FILE_BYTES) {
    throw new ConfigError('bad-chain-spec', `${path} is too large to be a chain spec.`)
  }
  try {
    return await parseChainSpecText(text)
  } catch (error) {
    throw new ConfigError('bad-chain-spec', `${path}: ${toErrorMessage(error)}`, { cause: error })
  }
}

/**
 * Loads the chain that a setting names.
 *
 * @param chain - A built-in chain's name or the path of a chain spec.
 * @throws {@link ConfigError} `bad-chain-spec` with the file and every problem in it.
 */
export function loadChainSpec(chain: string): Promise<ChainSpec> {
  if (chain === 'regtest') return Promise.resolve(REGTEST_SPEC)
  if (chain === 'mainnet') return Promise.resolve(MAINNET_SPEC)
  return readSpecFile(chain === 'devnet' ? DEVNET_SPEC_PATH : chain)
}

/** @throws {@link ConfigError} `chain-not-startable` for Bitcoin's main network, by whatever name. */
function checkStartable(spec: ChainSpec): ChainSpec {
  if (computeChainId(spec) !== computeChainId(MAINNET_SPEC)) return spec
  throw new ConfigError(
    'chain-not-startable',
    'mainnet is here to replay real blocks only: Quarry speaks libp2p and would find no peer of Bitcoin. Use --chain devnet, --chain regtest or a chain spec of your own.',
  )
}

/**
 * Loads a chain that a node may run on.
 *
 * @throws {@link ConfigError} `chain-not-startable` for mainnet, and what {@link loadChainSpec} throws.
 */
export async function loadStartableChainSpec(chain: string): Promise<ChainSpec> {
  return checkStartable(await loadChainSpec(chain))
}

/**
 * Reads a chain spec that a program gives, for a node that may run on it.
 *
 * @throws {@link ConfigError} `chain-not-startable` for mainnet, `bad-chain-spec` with every problem of the spec.
 */
export function parseStartableChainSpec(json: unknown): ChainSpec {
  return checkStartable(parseChainSpec(json))
}
