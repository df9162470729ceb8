import { beforeEach, describe, expect, it } from 'vitest'
import type { PeerInfo } from '../../../src/sync/index.ts'
import { createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import { createRegtestNode, REGTEST_NOW, type RegtestNode } from '../../support/regtest-node.ts'

const ADDRESS = '/ip4/127.0.0.1/tcp/18454'

function createPeer(node: RegtestNode, changes: Partial<PeerInfo> = {}): PeerInfo {
  return {
    id: '12D3KooWPeer',
    number: 0,
    address: '/ip4/127.0.0.1/tcp/40001/p2p/12D3KooWPeer',
    direction: 'inbound',
    connectedAtMs: REGTEST_NOW * 1_000,
    status: {
      genesisHash: node.chain.genesis.hash,
      tipHash: node.chain.genesis.hash,
      tipHeight: 0,
      chainWork: 2n,
      userAgent: '/Satoshi:30.0.0(quarry:0.1.0)/',
    },
    startingHeight: 0,
    lastBlockMs: undefined,
    lastTransactionMs: undefined,
    pingMs: 12,
    lastSendMs: REGTEST_NOW * 1_000 + 1_999,
    lastReceiveMs: undefined,
    bytesSent: 100,
    bytesReceived: 23,
    ...changes,
  }
}

describe('addnode', () => {
  let node: RegtestNode
  beforeEach(async () => {
    node = await createRegtestNode()
  })

  it('keeps an address and lets it go', async () => {
    expect(await node.call('addnode', ADDRESS, 'add')).toBeNull()
    expect(node.network.kept).toContain(ADDRESS)
    expect(await node.refusal('addnode', ADDRESS, 'add')).toBe('-23 Error: Node already added')
    expect(node.network.kept).toContain(ADDRESS)
    expect(await node.call('addnode', ADDRESS, 'remove')).toBeNull()
    expect(node.network.kept.size).toBe(0)
    expect(await node.refusal('addnode', ADDRESS, 'remove')).toBe(
      '-24 Error: Node could not be removed. It has not been added previously.',
    )
  })

  it('dials once, and takes a failure as Bitcoin Core does', async () => {
    expect(await node.call('addnode', ADDRESS, 'onetry')).toBeNull()
    expect(node.network.dialled).toEqual([ADDRESS])
    expect(node.network.kept.size).toBe(0)
  })

  it.each([
    ['127.0.0.1:18454', '/ip4/127.0.0.1/tcp/18454'],
    ['[::1]:18454', '/ip6/::1/tcp/18454'],
    ['node-1.example:18454', '/dns/node-1.example/tcp/18454'],
  ])('understands %s', async (text, multiaddr) => {
    await node.call('addnode', text, 'add')
    expect([...node.network.kept]).toEqual([multiaddr])
  })

  it('refuses what is no address, and commands that there are not', async () => {
    for (const command of ['add', 'onetry']) {
      expect(await node.refusal('addnode', 'nowhere', command)).toBe(
        "-30 Error: Invalid node address 'nowhere': give a multiaddr or host:port",
      )
    }
    expect(await node.refusal('addnode', ADDRESS, 'ADD')).toMatch(
      /^-1 addnode "node" "command" \( v2transport \)/,
    )
  })
})

describe('methods about peers', () => {
  it('count and describe them', async () => {
    const node = await createRegtestNode()
    const [first, second] = createBlocks(placeGenesis(node.chain.params), node.chain.params, 2)
    if (first === undefined || second === undefined) throw new RangeError('no blocks')
    await node.chain.acceptBlock(first.block)
    node.chain.acceptHeaders([second.block.header])
    const inbound = createPeer(node)
    const { status } = inbound
    const outbound = createPeer(node, {
      id: '12D3KooWOther',
      number: 1,
      startingHeight: 1,
      lastBlockMs: REGTEST_NOW * 1_000 + 2_999,
      lastTransactionMs: REGTEST_NOW * 1_000 + 3_000,
      address: '/ip6/2001:db8::1/tcp/18444',
      direction: 'outbound',
      pingMs: undefined,
      status: { ...status, tipHash: second.hash, tipHeight: 2, userAgent: '/<b>\u202e\n/' },
    })
    const stranger = createPeer(node, {
      id: '12D3KooWStranger',
      number: 4,
      status: { ...status, tipHash: new Uint8Array(32) as typeof status.tipHash, tipHeight: 9 },
    })
    node.network.peerList = [inbound, outbound, stranger]
    expect(await node.call('getconnectioncount')).toBe(3)
    expect(await node.call('getnetworkinfo')).toMatchObject({
      connections: 3,
      connections_in: 2,
      connections_out: 1,
    })
    const peers = await node.call('getpeerinfo')
    expect(peers[0]).toMatchObject({
      addr: '127.0.0.1:40001',
      network: 'not_publicly_routable',
      services: '0000000000000009',
      servicesnames: ['NETWORK', 'WITNESS'],
      lastsend: REGTEST_NOW + 1,
      lastrecv: 0,
      last_block: 0,
      last_transaction: 0,
      bytessent: 100,
      bytesrecv: 23,
      conntime: REGTEST_NOW,
      pingtime: 0.012,
      subver: '/Satoshi:30.0.0(quarry:0.1.0)/',
      inbound: true,
      connection_type: 'inbound',
      synced_headers: 0,
      synced_blocks: 0,
      quarry_peer_id: '12D3KooWPeer',
    })
    expect(peers[1]).toMatchObject({
      addr: '[2001:db8::1]:18444',
      network: 'ipv6',
      subver: '/b/',
      connection_type: 'outbound-full-relay',
      synced_headers: 2,
      synced_blocks: 1,
      startingheight: 1,
      last_block: REGTEST_NOW + 2,
      last_transaction: REGTEST_NOW + 3,
    })
    expect(peers[1].pingtime).toBeUndefined()
    expect(peers[2]).toMatchObject({ synced_headers: -1, synced_blocks: -1, startingheight: 0 })
    expect(peers.map(({ id }: { id: number }) => id)).toEqual([0, 1, 4])
  })
})

describe('getnetworkinfo', () => {
  it('presents itself as clients of Bitcoin Core expect', async () => {
    const node = await createRegtestNode()
    expect(await node.call('getnetworkinfo')).toMatchObject({
      version: 300_000,
      subversion: '/Satoshi:30.0.0(quarry:0.1.0)/',
      protocolversion: 70_016,
      localrelay: true,
      connections: 0,
      relayfee: 0.000001,
      localaddresses: [{ address: '127.0.0.1', port: 18444, score: 1 }],
      warnings: [],
      quarry_version: '0.1.0',
      quarry_peer_id: node.network.selfId,
      quarry_addresses: [`/ip4/127.0.0.1/tcp/18444/p2p/${node.network.selfId}`],
    })
  })
})
