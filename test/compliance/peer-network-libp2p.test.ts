import { FaultLayer, generateIdentity } from '../../src/p2p/index.ts'
import {
  createRecordingLog,
  createTestNetwork,
  pause,
  systemClock,
  systemRandom,
  type TestNetworkOptions,
  until,
} from '../unit/p2p/libp2p-support.ts'
import { describePeerNetwork } from './peer-network-suite.ts'

const identities = new Map<string, Uint8Array>()

function describeLibp2p(name: string, createOptions: () => TestNetworkOptions): void {
  describePeerNetwork(name, {
    async create({ chainId, identity }) {
      const options = { ...createOptions(), chainId }
      if (identity === undefined) return createTestNetwork(options)
      const key = identities.get(identity) ?? (await generateIdentity(systemRandom))
      identities.set(identity, key)
      return createTestNetwork({ ...options, identity: key })
    },
    until,
    settle: () => pause(300),
  })
}

describeLibp2p('libp2p over TCP', () => ({}))
describeLibp2p('libp2p over WebSockets', () => ({ transport: 'ws' }))

// The layer is in the path, and every message is a little late.
describeLibp2p('libp2p in memory, with faults on purpose', () => {
  const log = createRecordingLog()
  const faults = new FaultLayer({ clock: systemClock, random: systemRandom, log })
  faults.setRules([
    {
      peer: '*',
      isBlocked: false,
      latencyMs: 2,
      jitterMs: 5,
      bytesPerSecond: undefined,
      cutsPerSecond: 0,
    },
  ])
  return { transport: 'memory', faults }
})
