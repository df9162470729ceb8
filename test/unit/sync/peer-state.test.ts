import { describe, expect, it } from 'vitest'
import { compareTrust, isTrusted, PeerState } from '../../../src/sync/peer-state.ts'
import { createPeerInfo } from '../../support/scripted-network.ts'

function createPeer(id: string, direction: 'inbound' | 'outbound' = 'inbound'): PeerState {
  return new PeerState({ ...createPeerInfo(id), direction })
}

describe('trust in those who send blocks', () => {
  it('is for whom we chose, and is earned by a block', () => {
    const [inbound, outbound] = [createPeer('inbound'), createPeer('outbound', 'outbound')]
    expect([inbound, outbound].map(isTrusted)).toEqual([false, true])
    inbound.noteBlock(5)
    expect(isTrusted(inbound)).toBe(true)
  })

  it('ends with a block that is kept back, and comes back with one that is sent', () => {
    for (const peer of [createPeer('inbound'), createPeer('outbound', 'outbound')]) {
      peer.noteBlock(5)
      peer.noteWithheldBlock()
      expect(isTrusted(peer)).toBe(false)
      peer.noteBlock(9)
      expect(isTrusted(peer)).toBe(true)
    }
  })

  it('has who kept a block back asked last, whoever chose it', () => {
    const [stranger, early, late] = [
      createPeer('stranger'),
      createPeer('early'),
      createPeer('late'),
    ]
    const [chosen, liar] = [createPeer('chosen', 'outbound'), createPeer('liar', 'outbound')]
    early.noteBlock(1)
    late.noteBlock(2)
    liar.noteBlock(3)
    liar.noteWithheldBlock()
    const order = [liar, stranger, early, late, chosen].sort(compareTrust)
    expect(order).toEqual([chosen, late, early, stranger, liar])
  })
})
