import { describe, expect, it } from 'vitest'
import { PeerState } from '../../../src/sync/peer-state.ts'
import {
  MAX_TRANSACTIONS_PER_REQUEST,
  MAX_WANTED_PER_PEER,
  type TransactionName,
  TransactionRequests,
} from '../../../src/sync/transaction-requests.ts'
import { createPeerInfo } from '../../support/scripted-network.ts'

function createPeer(id: string, direction: 'inbound' | 'outbound' = 'inbound'): PeerState {
  return new PeerState({ ...createPeerInfo(id), direction })
}

function name(id: string): TransactionName {
  return { kind: 'tx', id }
}

/** @param draws - Random numbers, over and over; each item stays where it is, unless told otherwise. */
function createRequests(draws: readonly number[] = [0]): TransactionRequests {
  let count = 0
  const float = (): number => draws[count++ % draws.length] ?? 0
  return new TransactionRequests({ float, bytes: (size) => new Uint8Array(size) })
}

const idsOf = (names: readonly TransactionName[]): readonly string[] => names.map(({ id }) => id)

describe('TransactionRequests', () => {
  it('has one announcer asked at a time, and the next when that one fails', () => {
    const requests = createRequests()
    const [a, b] = [createPeer('a'), createPeer('b')]
    requests.add(a, name('1'))
    requests.add(b, name('1'))
    expect(idsOf(requests.take(a))).toEqual(['1'])
    expect(requests.take(b)).toEqual([])
    expect(requests.peersToAsk()).toEqual([])
    requests.fail(a, name('1'))
    expect(requests.take(a)).toEqual([])
    expect(idsOf(requests.take(b))).toEqual(['1'])
    requests.fail(b, name('1'))
    expect(requests.countOf(a) + requests.countOf(b)).toBe(0)
    expect(requests.announcersOf(name('1'))).toEqual([])
  })

  it('leaves it with the one who is asked when another fails, or is late', () => {
    const requests = createRequests()
    const [a, b] = [createPeer('a'), createPeer('b')]
    requests.add(a, name('1'))
    requests.add(b, name('1'))
    requests.take(a)
    requests.release(b, name('1'))
    requests.fail(b, name('1'))
    expect(requests.announcersOf(name('1'))).toEqual([a])
    expect(requests.peersToAsk()).toEqual([])
  })

  it('has anybody asked again for what is released', () => {
    const requests = createRequests()
    const [a, b] = [createPeer('a'), createPeer('b')]
    requests.add(a, name('1'))
    requests.add(b, name('1'))
    requests.take(a)
    requests.release(a, name('1'))
    expect(requests.peersToAsk()).toEqual([a, b])
    expect(idsOf(requests.take(a))).toEqual(['1'])
  })

  it('asks for as many at a time, and remembers as many, as there are bounds', () => {
    const requests = createRequests()
    const a = createPeer('a')
    const taken = Array.from({ length: MAX_WANTED_PER_PEER + 10 }, (_, index) =>
      requests.add(a, name(`${index}`)),
    )
    expect(taken.filter(Boolean)).toHaveLength(MAX_WANTED_PER_PEER)
    expect(requests.take(a)).toHaveLength(MAX_TRANSACTIONS_PER_REQUEST)
    // What it is being asked for counts.
    expect(requests.add(a, name('more'))).toBe(false)
    requests.settle(name('0'))
    expect(requests.add(a, name('more'))).toBe(true)
    expect(requests.countOf(a)).toBe(MAX_WANTED_PER_PEER)
  })

  it('has others asked when a peer leaves, whoever is likeliest to send it first', () => {
    const requests = createRequests()
    const [gone, unproven, proven] = [
      createPeer('gone'),
      createPeer('unproven'),
      createPeer('proven'),
    ]
    const [chosen, doubted] = [createPeer('chosen', 'outbound'), createPeer('doubted', 'outbound')]
    proven.standing = 'proven'
    doubted.standing = 'doubted'
    for (const peer of [gone, doubted, unproven, proven, chosen]) requests.add(peer, name('1'))
    requests.take(gone)
    requests.forget(gone)
    expect(requests.peersToAsk()).toEqual([chosen, proven, unproven, doubted])
    expect(requests.countOf(gone)).toBe(0)
  })

  it('has no equal asked first because it has announced first', () => {
    const requests = createRequests([0.99, 0, 0])
    const [a, b, c] = [createPeer('a'), createPeer('b'), createPeer('c')]
    for (const peer of [a, b, c]) requests.add(peer, name('1'))
    expect(requests.peersToAsk()).toEqual([c, b, a])
  })

  it('knows a wtxid from a txid', () => {
    const requests = createRequests()
    const a = createPeer('a')
    requests.add(a, { kind: 'tx', id: '1' })
    requests.add(a, { kind: 'txid', id: '1' })
    expect(requests.take(a).map(({ kind }) => kind)).toEqual(['tx', 'txid'])
  })
})
