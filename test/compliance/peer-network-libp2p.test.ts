import { generateIdentity } from '../../src/p2p/index.ts'
import { createTestNetwork, pause, until } from '../unit/p2p/libp2p-support.ts'
import { describePeerNetwork } from './peer-network-suite.ts'

const identities = new Map<string, Uint8Array>()

describePeerNetwork('libp2p over TCP', {
  async create({ chainId, identity }) {
    if (identity === undefined) return createTestNetwork({ chainId })
    const key = identities.get(identity) ?? (await generateIdentity())
    identities.set(identity, key)
    return createTestNetwork({ chainId, identity: key })
  },
  until,
  settle: () => pause(300),
})
