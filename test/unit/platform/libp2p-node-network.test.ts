import { memory } from '@libp2p/memory'
import { describe, expect, it } from 'vitest'
import type { NodeNetwork, SecretName } from '../../../src/node/index.ts'
import { peerIdFromIdentity } from '../../../src/p2p/index.ts'
import { createLibp2pNodeNetwork } from '../../../src/platform/libp2p-node-network.ts'
import { systemClock, systemRandom } from '../../../src/platform/system.ts'
import type { RandomSource } from '../../../src/util/index.ts'
import { silentLog } from '../../support/fixed-clock.ts'
import { createMemoryNodeStore } from '../../support/memory-store.ts'

const create = createLibp2pNodeNetwork({ transports: [memory()] })

function createNetwork(
  secrets: Map<SecretName, Uint8Array>,
  hasDevFaults = false,
  random: RandomSource = systemRandom,
): Promise<NodeNetwork> {
  const store = createMemoryNodeStore()
  return create(
    {
      clock: systemClock,
      random,
      log: { child: () => silentLog },
      secrets: {
        read: async (name) => secrets.get(name),
        write: async (name, bytes) => {
          secrets.set(name, bytes)
        },
      },
      stores: {
        bans: store.namespace('ban'),
        addresses: store.namespace('address'),
        anchors: store.namespace('anchor'),
      },
    },
    {
      chainId: '0a0b0c0d',
      listen: [],
      announce: [],
      maxPeers: 8,
      isDevnet: true,
      isDiscovering: false,
      hasDevFaults,
      userAgent: '/t/',
    },
  )
}

describe('createLibp2pNodeNetwork', () => {
  it('makes a key pair once and is the same peer from then on', async () => {
    const secrets = new Map<SecretName, Uint8Array>()
    const { selfId } = await createNetwork(secrets)
    expect((await createNetwork(secrets)).selfId).toBe(selfId)
    expect(peerIdFromIdentity(secrets.get('identity') ?? new Uint8Array())).toBe(selfId)
    expect((await createNetwork(new Map())).selfId).not.toBe(selfId)
  })

  it('draws the key pair from the random source of the platform alone', async () => {
    const random = { float: () => 0, bytes: (size: number) => new Uint8Array(size).fill(5) }
    const [one, other] = [
      await createNetwork(new Map(), false, random),
      await createNetwork(new Map(), false, random),
    ]
    expect(other.selfId).toBe(one.selfId)
  })

  it('refuses a stored key pair that is damaged, and leaves it as it is', async () => {
    const secrets = new Map<SecretName, Uint8Array>([['identity', Uint8Array.of(1, 2, 3)]])
    await expect(createNetwork(secrets)).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'datadir-unusable',
    })
    expect(secrets.get('identity')).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('offers faults on purpose only to a node that was started for them', async () => {
    expect((await createNetwork(new Map())).faults).toBeUndefined()
    expect((await createNetwork(new Map(), true)).faults?.rules()).toEqual([])
  })
})
