/** Blocks that come before their parents. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { type BlockHash, encodeBlock, toDisplayHex } from '../../../src/primitives/index.ts'
import { MAX_UNCONNECTED_ANSWERS } from '../../../src/sync/header-sync.ts'
import type { GossipVerdict } from '../../../src/sync/index.ts'
import { createBlock, createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import { settle } from '../../support/fake-clock.ts'
import { toCompactMessage } from '../../support/relay-scene.ts'
import {
  createPeer,
  type ScriptedPeer,
  type SyncedNode,
  startSyncedNode,
} from '../../support/scripted-network.ts'

const params = createConsensusParams(REGTEST_SPEC)
const blocks = createBlocks(placeGenesis(params), params, 6)
const [first, , third, , , last] = blocks
if (first === undefined || third === undefined || last === undefined) throw new RangeError('six')
const ORPHANS = 300

let node: SyncedNode

/** A peer that does not claim more work than we have: only its messages tell of it. */
function createModestPeer(id: string, changes: Partial<ScriptedPeer> = {}): ScriptedPeer {
  return createPeer(id, blocks, { status: createPeer(id, []).status, ...changes })
}

const isAtTip = (): boolean => node.chain.tip.hashHex === toDisplayHex(last.hash)

beforeEach(async () => {
  node = await startSyncedNode(params)
  node.network.join(createModestPeer('peer'))
  await node.advanceUntil(() => node.sync.isCaughtUp, 10_000)
})
afterEach(async () => {
  expect(node.failures).toEqual([])
  await node.stop()
})

/** A block on a parent that there is not. */
function createStray(seed: number) {
  const prevBlockHash = new Uint8Array(32) as BlockHash
  new DataView(prevBlockHash.buffer).setUint32(0, seed + 1)
  return createBlock(placeGenesis(params), params, {
    changeHeader: (header) => ({ ...header, prevBlockHash }),
  })
}

describe('a block whose parent is unknown', () => {
  it.each(['whole', 'compact'] as const)(
    'by gossip, %s: headers are asked for first, then all blocks are fetched',
    async (form) => {
      const { block } = last
      const message =
        form === 'whole' ? ({ form, bytes: encodeBlock(block) } as const) : toCompactMessage(block)
      expect(await node.network.gossip(message, 'peer')).toBe('ignore')
      await node.advanceUntil(isAtTip, 3_000)
      expect(isAtTip()).toBe(true)
      expect(node.network.askedBlocks.get('peer')?.toSorted()).toEqual(
        blocks.map(({ hash }) => toDisplayHex(hash)).toSorted(),
      )
      expect(node.network.dropped.size).toBe(0)
    },
  )

  it('by announcement: the same', async () => {
    const { hash, block } = last
    node.network.announce([{ kind: 'block', hash, header: block.header }], 'peer')
    await node.advanceUntil(isAtTip, 3_000)
    expect(isAtTip()).toBe(true)
  })

  it('that comes while older headers are on their way is not forgotten', async () => {
    let known = 3
    let answer = (): void => undefined
    node.network.join(
      createModestPeer('peer', {
        headers: async (locator) => {
          const sent = await createPeer('', blocks.slice(0, known)).headers(locator)
          await new Promise<void>((resolve) => {
            answer = resolve
          })
          return sent
        },
      }),
    )
    await node.network.gossip({ form: 'whole', bytes: encodeBlock(third.block) }, 'peer')
    await settle()
    known = blocks.length
    await node.network.gossip({ form: 'whole', bytes: encodeBlock(last.block) }, 'peer')
    // No time passes, so that no STATUS tells of it.
    for (let turn = 0; turn < 50; turn++) {
      answer()
      await settle()
    }
    expect(node.chain.bestHeader.hashHex).toBe(toDisplayHex(last.hash))
  })

  it('in DATA, instead of the one asked for, costs its sender the connection', async () => {
    const bytes = encodeBlock(createStray(1).block)
    node.network.join(createModestPeer('liar', { block: async () => bytes }))
    node.network.leave('peer')
    const { hash, block } = first
    node.network.announce([{ kind: 'block', hash, header: block.header }], 'liar')
    await node.advanceUntil(() => node.network.dropped.size > 0, 3_000)
    expect([...node.network.dropped.keys()]).toEqual(['liar'])
    expect(node.chain.headerCount).toBe(2)
    node.network.join(createModestPeer('honest'))
    node.network.announce([{ kind: 'block', hash, header: block.header }], 'honest')
    await node.advanceUntil(() => node.chain.tip.height === 1, 3_000)
    expect(node.chain.tip.height).toBe(1)
  })

  it('leaves nothing behind, however many come, and others are served meanwhile', async () => {
    let requests = 0
    let running = 0
    let most = 0
    const flooder = createModestPeer('flooder', {
      headers: async () => {
        requests += 1
        running += 1
        most = Math.max(most, running)
        await settle()
        running -= 1
        return []
      },
    })
    node.network.join(flooder)
    const verdicts: Promise<GossipVerdict>[] = []
    for (let index = 0; index < ORPHANS; index++) {
      const { block } = createStray(index)
      const message = { form: 'whole', bytes: encodeBlock(block) } as const
      verdicts.push(node.network.gossip(message, 'flooder'))
    }
    expect(new Set(await Promise.all(verdicts))).toEqual(new Set(['ignore']))
    expect(node.chain.headerCount).toBe(1)
    expect(most).toBe(1)
    expect(requests).toBeLessThanOrEqual(ORPHANS)
    const message = { form: 'whole', bytes: encodeBlock(last.block) } as const
    await node.network.gossip(message, 'peer')
    await node.advanceUntil(isAtTip, 3_000)
    expect(isAtTip()).toBe(true)
    expect(node.chain.headerCount).toBe(blocks.length + 1)
  })

  it('again and again, with headers that follow none of ours, gets its sender banned', async () => {
    const stray = createStray(1).block
    const known = createPeer('', blocks).headers
    let answers = 0
    let isHonest = false
    node.network.join(
      createModestPeer('flooder', {
        headers: async (locator) => {
          answers += 1
          return isHonest ? known(locator) : [stray.header]
        },
      }),
    )
    const gossip = async (seed: number): Promise<void> => {
      const { block } = createStray(seed)
      await node.network.gossip({ form: 'whole', bytes: encodeBlock(block) }, 'flooder')
      await settle()
    }
    for (let seed = 0; answers < MAX_UNCONNECTED_ANSWERS - 1; seed++) await gossip(seed)
    // One good answer is as good as none before it.
    isHonest = true
    await gossip(1_000)
    isHonest = false
    const before = answers
    for (let seed = 0; answers < before + MAX_UNCONNECTED_ANSWERS - 1; seed++) await gossip(seed)
    expect(node.network.banned.size).toBe(0)
    await gossip(2_000)
    expect([...node.network.banned.keys()]).toEqual(['flooder'])
    await gossip(3_000).catch(() => undefined)
    expect(answers).toBeLessThanOrEqual(before + MAX_UNCONNECTED_ANSWERS + 1)
  })
})

describe('an announcement', () => {
  it('is rejected if its header has another hash, and the header is not kept', () => {
    const { headerCount } = node.chain
    const { header } = first.block
    expect(node.network.announce([{ kind: 'block', hash: last.hash, header }], 'peer')).toBe(
      'reject',
    )
    expect(node.chain.headerCount).toBe(headerCount)
    node.network.announce([{ kind: 'block', hash: first.hash, header }], 'peer')
    expect(node.chain.headerCount).toBe(headerCount + 1)
  })
})
