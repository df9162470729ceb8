/** @module What is known of miners by the name that they give themselves. */

/** What a session begins with. */
export interface AgentProfile {
  /** Difficulty of the first shares. */
  readonly startDifficulty: number
}

/** The longest name of an agent that is kept, in characters. */
export const MAX_AGENT_LENGTH = 128

/** Speed decides: each starts where a share takes some seconds. The first entry that the name begins with counts. */
const AGENTS: readonly (readonly [RegExp, AgentProfile])[] = [
  [/^(cpuminer|sgminer|quarry)/i, { startDifficulty: 2 ** -10 }],
  [/^(nerdminer|esp32)/i, { startDifficulty: 2 ** -14 }],
  [/^(bitaxe|nerdq?axe|nerdoctaxe|esp-miner)/i, { startDifficulty: 512 }],
  [
    /^(cgminer|bmminer|bosminer|bfgminer|luxminer|whatsminer|avalon|antminer)/i,
    { startDifficulty: 8_192 },
  ],
  [/^nicehash/i, { startDifficulty: 524_288 }],
]
const UNKNOWN: AgentProfile = { startDifficulty: 1 }

/** A printable, bounded form of the name that a miner gave itself. */
export function readAgent(value: unknown): string {
  if (typeof value !== 'string') return ''
  return value.slice(0, MAX_AGENT_LENGTH).replace(/[^\x20-\x7e]/g, '?')
}

/** What to begin with for an agent. */
export function findAgentProfile(agent: string): AgentProfile {
  return AGENTS.find(([pattern]) => pattern.test(agent))?.[1] ?? UNKNOWN
}
