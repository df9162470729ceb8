/** @module What a program may tell `startNode`, checked: a misspelt option must not be passed over. */

import { ConfigError, findClosestName } from '../../util/index.ts'
import type { StartNodeOptions } from './start-node.ts'

/** What a value must be, in words, and how that is seen. */
const KINDS = {
  text: ['a text', (value: unknown) => typeof value === 'string'],
  texts: [
    'a list of texts',
    (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  ],
  number: ['a number', (value: unknown) => typeof value === 'number'],
  switch: ['true or false', (value: unknown) => typeof value === 'boolean'],
  function: ['a function', (value: unknown) => typeof value === 'function'],
  chain: [
    'the name of a chain, the path of a chain spec, or a chain spec',
    (value: unknown) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  ],
} as const

const OPTIONS: Readonly<Record<keyof StartNodeOptions, keyof typeof KINDS>> = {
  chain: 'chain',
  datadir: 'text',
  peers: 'texts',
  listen: 'texts',
  rpcPort: 'number',
  mine: 'switch',
  address: 'text',
  txindex: 'switch',
  wallet: 'switch',
  acceptNonStandard: 'switch',
  rest: 'switch',
  onLog: 'function',
  onFatal: 'function',
}

function findProblem(name: string, value: unknown): string | undefined {
  if (!Object.hasOwn(OPTIONS, name)) {
    const names = Object.keys(OPTIONS)
    const closest = findClosestName(name, names)
    const hint = closest === undefined ? `There are ${names.join(', ')}` : `Did you mean ${closest}`
    return `${name}: there is no such option. ${hint}${closest === undefined ? '.' : '?'}`
  }
  const [form, isOfKind] = KINDS[OPTIONS[name as keyof StartNodeOptions]]
  return value === undefined || isOfKind(value) ? undefined : `${name}: this must be ${form}.`
}

/**
 * Checks names and types; values are checked where they are used.
 *
 * @throws {@link ConfigError} `bad-settings`; the message lists every problem.
 */
export function checkStartNodeOptions(options: unknown): asserts options is StartNodeOptions {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options)
  const problems = isObject
    ? Object.entries(options).flatMap(([name, value]) => findProblem(name, value) ?? [])
    : ['the options must be an object.']
  if (problems.length === 0) return
  throw new ConfigError(
    'bad-settings',
    `startNode cannot use its options:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
  )
}
