import { expect, it } from 'vitest'
import { ClockWatch } from '../../../src/node/clock-watch.ts'
import { OP_TRUE_SCRIPT } from '../../support/chain-generator.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLog } from '../../support/memory-chain.ts'
import { createRegtestNode, REGTEST_NOW } from '../../support/regtest-node.ts'

it('ClockWatch logs each trouble once, and that it is over', async () => {
  const node = await createRegtestNode()
  await node.mine(12, OP_TRUE_SCRIPT)
  // One block from a month later does not yet move the median.
  await node.call('setmocktime', REGTEST_NOW + 30 * 86_400)
  await node.call('generatetodescriptor', 1, 'raw(51)')
  const { chain } = node
  const { maxFutureSeconds } = chain.params
  const clock = new FakeClock()
  const lines: string[] = []
  const log = {
    ...silentLog,
    warn: (message: string) => lines.push(`warn ${message}`),
    info: (message: string) => lines.push(`info ${message}`),
  }
  let nowMs = (REGTEST_NOW - maxFutureSeconds - 86_400) * 1_000
  const watched = {
    now: () => nowMs,
    monotonic: () => clock.monotonic(),
    schedule: (ms: number, action: () => void) => clock.schedule(ms, action),
  }
  const watch = new ClockWatch({ chain, clock: watched, log })
  watch.start()
  await clock.advance(5_000)
  expect(lines).toEqual([expect.stringMatching(/^warn .*no block can be accepted/)])
  nowMs = REGTEST_NOW * 1_000
  expect(watch.isTimely).toBe(true)
  await clock.advance(5_000)
  expect(lines.slice(1)).toEqual([
    expect.stringMatching(/^warn .*new blocks of other nodes are refused/),
  ])
  // Near the limit nothing is over yet: a chain that is mined too fast would say so each second.
  nowMs = (chain.tip.time - maxFutureSeconds + 59) * 1_000
  await clock.advance(5_000)
  expect(lines).toHaveLength(2)
  nowMs += 1_000
  await clock.advance(5_000)
  expect(lines.slice(2)).toEqual([expect.stringMatching(/^info .*caught up/)])
  expect(watch.warnings).toEqual([])
  watch.stop()
  nowMs = 0
  await clock.advance(5_000)
  expect(lines).toHaveLength(3)
})
