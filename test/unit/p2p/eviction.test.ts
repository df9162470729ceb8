import { describe, expect, it } from 'vitest'
import { chooseEvicted, type EvictionCandidate } from '../../../src/p2p/eviction.ts'
import type { RandomSource } from '../../../src/util/index.ts'

function createRandom(value: number): RandomSource {
  return { float: () => value, bytes: (size) => new Uint8Array(size) }
}

/** Peers of number 0 and up, each of a network of its own unless `change` says otherwise. */
function createPeers(
  count: number,
  change: (number: number) => Partial<EvictionCandidate> = () => ({}),
): EvictionCandidate[] {
  return Array.from({ length: count }, (_, number) => ({
    number,
    address: `/ip4/${10 + number}.0.0.1/tcp/4000`,
    pingMs: undefined,
    lastBlockMs: undefined,
    lastTransactionMs: undefined,
    ...change(number),
  }))
}

/** Lets one peer go after the other, until `count` are left. */
function evictUntil(peers: readonly EvictionCandidate[], count: number): EvictionCandidate[] {
  const left = [...peers]
  while (left.length > count) {
    const evicted = chooseEvicted(left, createRandom(0.5))
    expect(evicted).toBeDefined()
    left.splice(left.indexOf(evicted as EvictionCandidate), 1)
  }
  return left
}

describe('chooseEvicted', () => {
  it('lets the youngest go where nothing else tells peers apart', () => {
    expect(chooseEvicted(createPeers(9), createRandom(0))?.number).toBe(8)
    expect(chooseEvicted(createPeers(1), createRandom(0))?.number).toBe(0)
    expect(chooseEvicted([], createRandom(0))).toBeUndefined()
  })

  it('takes from the host with most peers, in the network with most', () => {
    const crowd = createPeers(117, (number) => {
      if (number < 60) return {}
      if (number < 80) return { address: `/ip4/203.0.113.7/tcp/${number}` }
      if (number < 116) return { address: `/ip4/198.51.100.${number}/tcp/1` }
      return {}
    })
    // The network of 198.51 is the largest, and each of its hosts has one peer.
    expect(chooseEvicted(crowd, createRandom(0))?.number).toBe(115)
    const left = evictUntil(crowd, 80)
    const isOfCrowd = ({ address }: EvictionCandidate): boolean =>
      address.includes('/203.0.') || address.includes('/198.51.')
    expect(left.filter(isOfCrowd)).toHaveLength(19)
  })

  it('takes the addresses of one IPv6 network for one host', () => {
    const peers = createPeers(16, (number) => {
      if (number === 12 || number === 13) return { address: `/ip6/2001:db8::${number}/tcp/1` }
      if (number === 14) return { address: '/ip6/2001:db8:1::1/tcp/1' }
      return {}
    })
    expect(chooseEvicted(peers, createRandom(0))?.number).toBe(13)
  })

  it.each([
    ['latency', (number: number) => ({ pingMs: number >= 110 ? 5 : 50 })],
    ['blocks', (number: number) => ({ lastBlockMs: number >= 113 ? 2_000 : 1_000 })],
    ['transactions', (number: number) => ({ lastTransactionMs: number >= 113 ? 9 : undefined })],
  ])('keeps the best by %s, however young', (_, change) => {
    const left = evictUntil(createPeers(117, change), 60)
    for (const number of [113, 114, 115, 116]) {
      expect(left.map((peer) => peer.number)).toContain(number)
    }
  })

  it('keeps those that have been connected longest', () => {
    const left = evictUntil(createPeers(117), 60)
    expect(left.map(({ number }) => number)).toEqual(Array.from({ length: 60 }, (_, i) => i))
  })

  it('chooses at random among those of loopback, where all share a host', () => {
    const peers = createPeers(117, (number) => ({ address: `/ip4/127.0.0.1/tcp/${number}` }))
    const chosen = [0, 0.5, 0.999].map((value) => chooseEvicted(peers, createRandom(value))?.number)
    expect(chosen).toEqual([58, 87, 116])
    const ipv6 = createPeers(9, () => ({ address: '/ip6/::1/tcp/1' }))
    expect(chooseEvicted(ipv6, createRandom(0))?.number).toBe(4)
  })

  it('finds one to go among few as well, and among addresses without a host', () => {
    const busy = createPeers(2, () => ({ pingMs: 1, lastBlockMs: 1, lastTransactionMs: 1 }))
    expect(chooseEvicted(busy, createRandom(0))?.number).toBe(1)
    const relayed = createPeers(3, (number) => ({ address: `/dns4/relay/tcp/${number}` }))
    expect(chooseEvicted(relayed, createRandom(0))?.number).toBe(2)
  })
})
