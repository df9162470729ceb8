import { afterEach, expect, it } from 'vitest'
import { FaultLayer, type Libp2pNetwork, NO_FAULTS } from '../../../src/p2p/index.ts'
import { createRecorder } from '../../compliance/peer-network-recorder.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import {
  createRecordingLog,
  createTestNetwork,
  pause,
  systemClock,
  systemRandom,
  until,
} from './libp2p-support.ts'

/**
 * A ping takes two round trips: longer than the five seconds after which libp2p would cut a connection, shorter than our
 * ten.
 */
const STALL_MS = 4_000
/** In which both sides have pinged and had their answers, too late for libp2p. */
const PINGS_MS = 32_000

const toStop: Libp2pNetwork[] = []
afterEach(async () => {
  await Promise.all(toStop.splice(0).map((network) => network.stop()))
})

it('a peer that answers pings after seconds, as on a loaded machine, is kept', async () => {
  const log = createRecordingLog()
  const faults = new FaultLayer({ clock: systemClock, random: systemRandom, log })
  const network = await createTestNetwork({ faults, log })
  const other = await createTestNetwork({ log })
  const seen = createRecorder()
  toStop.push(network, other)
  await network.start(seen.handlers)
  await other.start(createRecorder().handlers)
  await network.dialOnce(addressOf(other))
  await until(() => other.peers().length === 1, 'connected')
  // Gossip that does not flow is another matter.
  await pause(3_000)
  faults.setRules([{ ...NO_FAULTS, peer: other.selfId, latencyMs: STALL_MS }])
  await pause(PINGS_MS)
  expect(seen.gone).toEqual([])
  expect(network.peers().map(({ id }) => id)).toEqual([other.selfId])
})
