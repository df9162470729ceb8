/**
 * Chain specs: the JSON form of a chain, checked with errors a person can act on.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { ConfigError, encodeHex } from '../../util/index.ts'
import { decodeBits } from '../target.ts'
import { MAX_GENESIS_MESSAGE_LENGTH } from './genesis.ts'
import {
  type Field,
  flag,
  hexText,
  integer,
  oneOf,
  readFields,
  satoshis,
  section,
  text,
} from './spec-fields.ts'

/**
 * Newest version of the chain spec's format. Version 2 anchors ASERT at the first block; in version 1 the
 * anchor is genesis. Nothing else differs.
 */
export const CHAIN_SPEC_VERSION = 2
const OLDEST_CHAIN_SPEC_VERSION = 1

/** 21 million coins of 100 million satoshis. */
const MAX_MONEY_SATS = 2_100_000_000_000_000n
const MAX_UINT32 = 0xffff_ffff
const MAX_UINT31 = 0x7fff_ffff
/** Ten years: no spacing, window or halving makes sense beyond it. */
const MAX_SECONDS = 315_360_000
/** Regtest's: every second hash is below it. */
const EASIEST_TARGET = `7f${'ff'.repeat(31)}`
/** The smallest allowance for other nodes' clocks on chains of our own, in seconds. */
const MIN_FUTURE_SECONDS = 10
/** Own chains allow a header this many spacings ahead of the local clock. */
const FUTURE_SPACINGS = 12

const GENESIS_FIELDS = {
  version: integer({ min: 1, max: MAX_UINT31, fallback: 1 }),
  time: integer({ min: 1, max: MAX_UINT32, unit: 'Unix seconds' }),
  bits: hexText({ digits: 8, fallback: '207fffff' }),
  nonce: integer({ min: 0, max: MAX_UINT32, fallback: 0 }),
  message: text({
    maxLength: MAX_GENESIS_MESSAGE_LENGTH,
    fallback: 'Quarry: real work, small stones',
  }),
} as const

const RETARGET_FIELDS = {
  algorithm: oneOf(['bitcoin', 'asert'], 'bitcoin'),
  targetSpacingSeconds: integer({ min: 1, max: MAX_SECONDS, unit: 'seconds' }),
  windowBlocks: integer({ min: 2, max: 1_000_000, unit: 'blocks', fallback: 2_016 }),
  clamp: integer({ min: 2, max: 64, fallback: 4 }),
  halfLifeSeconds: integer({ min: 1, max: MAX_SECONDS, unit: 'seconds', fallback: 172_800 }),
  noRetargeting: flag(false),
  minDifficulty: flag(false),
  bip94: flag(true),
} as const

const DEPLOYMENT_FIELDS = {
  bip34: integer({ min: 0, max: MAX_UINT31, fallback: 1 }),
  bip65: integer({ min: 0, max: MAX_UINT31, fallback: 1 }),
  bip66: integer({ min: 0, max: MAX_UINT31, fallback: 1 }),
  csv: integer({ min: 0, max: MAX_UINT31, fallback: 1 }),
  segwit: integer({ min: 0, max: MAX_UINT31, fallback: 0 }),
} as const

const ADDRESS_FIELDS = {
  pubkeyHash: integer({ min: 0, max: 255, fallback: 0x6f }),
  scriptHash: integer({ min: 0, max: 255, fallback: 0xc4 }),
  secretKey: integer({ min: 0, max: 255, fallback: 0xef }),
  bech32: text({ maxLength: 32, pattern: /^[a-z0-9]+$/, fallback: 'bcrt' }),
} as const

const SPEC_FIELDS = {
  version: integer({ min: OLDEST_CHAIN_SPEC_VERSION, max: CHAIN_SPEC_VERSION }),
  name: text({ maxLength: 32, pattern: /^[a-z0-9][a-z0-9-]*$/ }),
  rpcChain: oneOf(['main', 'test', 'testnet4', 'signet', 'regtest'], 'regtest'),
  genesis: section(GENESIS_FIELDS),
  powLimit: hexText({ digits: 64, fallback: EASIEST_TARGET }),
  retarget: section(RETARGET_FIELDS),
  maxFutureSeconds: integer({ min: 1, max: MAX_SECONDS, unit: 'seconds', isOptional: true }),
  maxTimewarpSeconds: integer({ min: 0, max: MAX_SECONDS, unit: 'seconds', isOptional: true }),
  subsidySats: satoshis({ max: MAX_MONEY_SATS, fallback: '5000000000' }),
  halvingBlocks: integer({ min: 1, max: MAX_UINT31, unit: 'blocks', fallback: 210_000 }),
  coinbaseMaturityBlocks: integer({ min: 1, max: 100_000, unit: 'blocks', fallback: 100 }),
  deployments: section(DEPLOYMENT_FIELDS, {}),
  addresses: section(ADDRESS_FIELDS, {}),
} as const

type FieldValue<Candidate> = Candidate extends Field<infer Value> ? Value : never
type SectionOf<Fields> = { readonly [Name in keyof Fields]: FieldValue<Fields[Name]> }

/**
 * A chain spec with every default filled in. Hex fields are lower case; `subsidySats` is
 * a decimal text because JSON numbers cannot hold every amount.
 */
export interface ChainSpec extends Omit<SectionOf<typeof SPEC_FIELDS>, SpecSections | SpecDerived> {
  readonly genesis: SectionOf<typeof GENESIS_FIELDS>
  readonly retarget: SectionOf<typeof RETARGET_FIELDS>
  readonly deployments: SectionOf<typeof DEPLOYMENT_FIELDS>
  readonly addresses: SectionOf<typeof ADDRESS_FIELDS>
  readonly maxFutureSeconds: number
  readonly maxTimewarpSeconds: number
}
type SpecSections = 'genesis' | 'retarget' | 'deployments' | 'addresses'
type SpecDerived = 'maxFutureSeconds' | 'maxTimewarpSeconds'

function checkTargets(spec: ChainSpec, problems: string[]): void {
  const { target, isNegative, isOverflow } = decodeBits(Number.parseInt(spec.genesis.bits, 16))
  const limit = BigInt(`0x${spec.powLimit}`)
  if (limit === 0n) problems.push('powLimit: must be above zero')
  if (isNegative || isOverflow || target === 0n) {
    problems.push(`genesis.bits: ${spec.genesis.bits} stands for no target`)
  } else if (target > limit) {
    problems.push(`genesis.bits: ${spec.genesis.bits} is easier than powLimit allows`)
  }
}

/**
 * Checks a chain spec and fills in its defaults.
 *
 * @param json - What `JSON.parse` made of the file.
 * @throws {@link ConfigError} `bad-chain-spec`; its message lists every problem, a line each, with
 * the field's path and what is wanted.
 */
export function parseChainSpec(json: unknown): ChainSpec {
  const problems: string[] = []
  const fields = readFields(SPEC_FIELDS, json, '', problems)
  if (problems.length === 0) {
    const { retarget } = fields as unknown as ChainSpec
    const spacing = retarget.targetSpacingSeconds
    const spec = {
      ...fields,
      maxFutureSeconds:
        fields['maxFutureSeconds'] ?? Math.max(MIN_FUTURE_SECONDS, FUTURE_SPACINGS * spacing),
      maxTimewarpSeconds: fields['maxTimewarpSeconds'] ?? spacing,
    } as unknown as ChainSpec
    checkTargets(spec, problems)
    if (problems.length === 0) return spec
  }
  throw new ConfigError(
    'bad-chain-spec',
    `The chain spec is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
  )
}

/** JSON with sorted keys and no white space. Our values are texts, integers and flags alone. */
function toCanonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${toCanonicalJson(member)}`)
  return `{${members.join(',')}}`
}

/**
 * The canonical form of a spec: every field with its default, RFC 8785 JSON.
 *
 * The version is the oldest one with the same rules, so that a spec without ASERT keeps its chain id when
 * its version is raised.
 */
export function encodeChainSpec(spec: ChainSpec): string {
  const isSameInOldest = spec.retarget.algorithm !== 'asert'
  return toCanonicalJson(isSameInOldest ? { ...spec, version: OLDEST_CHAIN_SPEC_VERSION } : spec)
}

/** First 8 hex digits of SHA-256d of the canonical spec. Nodes whose ids differ never talk. */
export function computeChainId(spec: ChainSpec): string {
  return encodeHex(sha256(sha256(utf8ToBytes(encodeChainSpec(spec))))).slice(0, 8)
}
