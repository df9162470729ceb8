import { describe, expect, it } from 'vitest'
import { FaultLayer } from '../../../src/p2p/index.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { createRegtestNode } from '../../support/regtest-node.ts'
import { createRecordingLog, systemRandom } from '../p2p/libp2p-support.ts'

const PEER = '12D3KooWRnG1ByNEQtf3nFJoNDT112rNkNwS7wq6RwmS6N9bvFUe'

function createFaultyNode() {
  const faults = new FaultLayer({
    clock: new FakeClock(),
    random: systemRandom,
    log: createRecordingLog(),
  })
  return createRegtestNode({ context: { faults } })
}

describe('setfaults and getfaults', () => {
  it('refuse, and name the cure, on a node that was not started for them', async () => {
    const node = await createRegtestNode()
    const refusal = '-1 This node makes no faults on purpose: start it with --dev-faults.'
    expect(await node.refusal('setfaults', [])).toBe(refusal)
    expect(await node.refusal('getfaults')).toBe(refusal)
  })

  it('are not listed by help, which explains them all the same', async () => {
    const node = await createRegtestNode()
    expect(await node.call('help')).not.toContain('faults')
    expect(await node.call('help', 'setfaults')).toContain('--dev-faults')
  })

  it('replace all rules and tell what is set', async () => {
    const node = await createFaultyNode()
    const rules = [
      { peer: '*', latency_ms: 500, jitter_ms: 50, bytes_per_second: 10_000, cuts_per_second: 0.1 },
      { peer: PEER, blocked: true },
    ]
    expect(await node.call('setfaults', rules)).toEqual(rules)
    expect(await node.call('getfaults')).toEqual(rules)
    expect(await node.call('setfaults', [{ peer: PEER, latency_ms: 0 }])).toEqual([{ peer: PEER }])
    expect(await node.call('setfaults', [])).toEqual([])
    expect(await node.call('getfaults')).toEqual([])
  })

  it.each([
    ['a latency beyond its bound', [{ peer: '*', latency_ms: 60_001 }]],
    ['a latency below zero', [{ peer: '*', latency_ms: -1 }]],
    ['a cap of nothing', [{ peer: '*', bytes_per_second: 0 }]],
    ['no peer', [{ latency_ms: 5 }]],
    ['too many rules', Array.from({ length: 257 }, (_, at) => ({ peer: `${at}` }))],
  ])('refuse %s', async (_, rules) => {
    const node = await createFaultyNode()
    expect(await node.refusal('setfaults', rules)).toMatch(/^-[38] /)
    expect(await node.call('getfaults')).toEqual([])
  })
})
