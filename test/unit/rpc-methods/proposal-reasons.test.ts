/** Proposals for every rule that one changed block can break: getblocktemplate names the rule, and keeps nothing. */

import { describe, expect, it } from 'vitest'
import { encodeBlock } from '../../../src/primitives/index.ts'
import { encodeHex } from '../../../src/util/index.ts'
import { createBlock } from '../../support/chain-generator.ts'
import { createRegtestNode } from '../../support/regtest-node.ts'
import {
  CASES,
  createParams,
  createSceneOn,
  place,
  type RuleCase,
} from '../../support/rule-cases.ts'

/** What is said of a proposal where that is not the rule's name. */
const OTHER_REASONS: Readonly<Record<string, string | null>> = {
  'a hash above the target': null,
  // Proof of work is not looked at, so that the bits do not follow is all there is to say.
  'bits easier than the limit': 'bad-diffbits',
  'an unknown parent': 'inconclusive-not-best-prevblk',
  'a version older than the soft forks': 'bad-version(0x00000003)',
  // Encoded, no inputs look like the mark of a witness.
  'no inputs': '-22 Block decode failed',
  'a script that ends in false':
    'block-script-verify-flag-failed (Script evaluated without error but finished with a false/empty top ' +
    'stack element)',
}

function reasonOf({ name, code }: RuleCase): string | null {
  return name in OTHER_REASONS ? (OTHER_REASONS[name] ?? null) : code
}

describe('a proposal', () => {
  it.each(CASES)('with $name', async (ruleCase) => {
    const { wishes, deployments, twin } = ruleCase
    const node = await createRegtestNode({ params: createParams(deployments) })
    const scene = await createSceneOn(node.chain, node.clock)
    const propose = async (own: typeof wishes | undefined): Promise<string | null> => {
      const { block } = createBlock(scene.tip, scene.params, place(scene, own?.(scene) ?? {}))
      const request = { mode: 'proposal', data: encodeHex(encodeBlock(block)) }
      try {
        return await node.call('getblocktemplate', request)
      } catch (error) {
        const { code, message } = error as { code: number; message: string }
        return `${code} ${message}`
      }
    }
    expect(await propose(wishes)).toBe(reasonOf(ruleCase))
    expect(await propose(twin)).toBeNull()
    expect(node.chain.headerCount).toBe(7)
  })

  it('that begins a window before its parent, which templates never ask for', async () => {
    const node = await createRegtestNode({ params: createParams() })
    const scene = await createSceneOn(node.chain, node.clock)
    const late = scene.tip.block.header.time + 900
    const seventh = createBlock(scene.tip, scene.params, { time: late })
    await node.chain.acceptBlock(seventh.block)
    const earliest = late - scene.params.maxTimewarpSeconds
    // As far behind as the next block can be accepted at all.
    node.clock.set(earliest - scene.params.maxFutureSeconds)
    const template = await node.call('getblocktemplate', { rules: ['segwit'] })
    expect(template).toMatchObject({ height: 8, mintime: earliest, curtime: earliest })
    const propose = (time: number): Promise<string | null> => {
      const bits = Number.parseInt(template.bits, 16)
      const { block } = createBlock(seventh, scene.params, { time, bits })
      const data = encodeHex(encodeBlock(block))
      return node.call('getblocktemplate', { mode: 'proposal', data })
    }
    expect(await propose(earliest - 1)).toBe('time-timewarp-attack')
    expect(await propose(earliest)).toBeNull()
  })
})
