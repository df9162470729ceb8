/** @module A chain spec from its JSON text. */

import { type ChainSpec, parseChainSpec } from '../../consensus/index.ts'
import { ConfigError } from '../../util/index.ts'

/**
 * Parses the text of a chain spec.
 *
 * @throws {@link ConfigError} `bad-chain-spec` with every problem in it; also if a key stands twice in one object,
 * where `JSON.parse` would take the last in silence.
 * @throws SyntaxError if it is no JSON.
 */
export async function parseChainSpecText(text: string): Promise<ChainSpec> {
  const json: unknown = JSON.parse(text)
  // Loaded when a spec is read, which a call over RPC does not do.
  const { isJsonObject, membersOf, readExactJson } = await import('../../rpc/index.ts')
  const findRepeatedKey = (value: unknown): string | undefined => {
    const isObject = isJsonObject(value)
    const keys = isObject ? membersOf(value).map(([key]) => key) : []
    const repeated = keys.find((key, index) => keys.indexOf(key) !== index)
    if (repeated !== undefined) return repeated
    const items = isObject ? membersOf(value).map(([, item]) => item) : value
    if (!Array.isArray(items)) return undefined
    return items.map(findRepeatedKey).find((key) => key !== undefined)
  }
  const repeated = findRepeatedKey(readExactJson(text))
  if (repeated !== undefined) {
    throw new ConfigError('bad-chain-spec', `the key "${repeated}" stands twice in one object`)
  }
  return parseChainSpec(json)
}
