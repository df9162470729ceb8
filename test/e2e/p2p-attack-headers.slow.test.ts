/** Headers and blocks that lead nowhere. */

import { afterEach, expect, it } from 'vitest'
import { BlockEntry } from '../../src/chain/index.ts'
import {
  type ConsensusParams,
  computeNextBits,
  createConsensusParams,
  REGTEST_SPEC,
} from '../../src/consensus/index.ts'
import { encodeInv } from '../../src/p2p/message-codec.ts'
import {
  type BlockHash,
  type BlockHeader,
  computeBlockHash,
  encodeBlock,
  encodeHeader,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import { AttackScene, startPeer, statusOf } from '../support/attack-scene.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
  solveHeader,
} from '../support/chain-generator.ts'
import { waitFor } from '../support/node-process.ts'
import { startHostilePeer } from './p2p-hostile-peer.support.ts'

const SPACING_SECONDS = 600
/** Ten retargets of ten blocks each, the first four of which make it four times as hard. */
const STRONG_BLOCKS = 300
const FAST_BLOCKS = 40
const FORKS = 100
const FORK_LENGTH = 2_000
const SPAMMERS = 5
const ORPHANS = 10_000
const ORPHAN_SENDERS = 10
const DAYS_AGO = 200

let scene: AttackScene
afterEach(() => scene.stop())

function entryOf(header: BlockHeader, prev: BlockEntry | undefined): BlockEntry {
  return new BlockEntry({ header, hash: computeBlockHash(header), prev, firstSeenMs: 0 })
}

/** Extends a chain whose blocks keep a distance, so that their bits follow. */
function extend(entry: BlockEntry, tip: PlacedBlock, params: ConsensusParams, spacing: number) {
  const time = entry.time + spacing
  const block = createBlock(tip, params, { time, bits: computeNextBits(entry, time, params) })
  return { block, entry: entryOf(block.block.header, entry) }
}

/** A chain of much work: 256 times that of the cheapest one for most of its blocks. */
function createStrongChain(params: ConsensusParams): readonly PlacedBlock[] {
  const blocks: PlacedBlock[] = []
  let last = { block: placeGenesis(params), entry: entryOf(params.genesis.header, undefined) }
  for (let index = 0; index < STRONG_BLOCKS; index++) {
    const spacing = index < FAST_BLOCKS ? SPACING_SECONDS / 10 : SPACING_SECONDS + 70
    last = extend(last.entry, last.block, params, spacing)
    blocks.push(last.block)
  }
  return blocks
}

/** The cheapest headers that there are, each fork with its own. */
function createFork(params: ConsensusParams, salt: number): readonly BlockHeader[] {
  const headers: BlockHeader[] = []
  const merkleRoot = new Uint8Array(32).fill(salt) as BlockHeader['merkleRoot']
  const { bits } = params.genesis.header
  let { time } = params.genesis.header
  let prevBlockHash: BlockHash = params.genesisHash
  for (let index = 0; index < FORK_LENGTH; index++) {
    time += SPACING_SECONDS + 100
    const header = solveHeader({ version: 4, prevBlockHash, merkleRoot, time, bits, nonce: 0 })
    headers.push(header)
    prevBlockHash = computeBlockHash(header)
  }
  return headers
}

it('200,000 valid headers in 100 forks of little work leave nothing behind', async () => {
  const now = Math.floor(Date.now() / 1_000)
  scene = await AttackScene.start({
    spec: {
      genesis: { time: now - DAYS_AGO * 86_400, bits: '207fffff' },
      retarget: { targetSpacingSeconds: SPACING_SECONDS, windowBlocks: 10 },
    },
    createChain: createStrongChain,
    next: (tip, params) => {
      // The window has just begun: its bits are the tip's.
      const { time, bits } = tip.block.header
      return createBlock(tip, params, { time: time + SPACING_SECONDS, bits, salt: 99 })
    },
  })
  const { params, victim } = scene
  const forks = Array.from({ length: FORKS }, (_, salt) => createFork(params, salt))
  let sent = 0
  await scene.endure('200,000 cheap headers', async () => {
    const current: (readonly BlockHeader[])[] = []
    const spammers = await Promise.all(
      Array.from({ length: SPAMMERS }, async (_, index) => {
        const peer = await startPeer(params, {
          work: 1n << 200n,
          tip: { ...placeGenesis(params), hash: new Uint8Array(32).fill(index + 1) as BlockHash },
          serveHeaders: (locator) => {
            const fork = current[index] ?? []
            const last = fork.at(-1)
            const end = last === undefined ? '' : toDisplayHex(computeBlockHash(last))
            if (locator.some((hash) => toDisplayHex(hash) === end)) return []
            sent += fork.length
            return fork.map(encodeHeader)
          },
        })
        await peer.dialOnce(victim.ready.multiaddr)
        return scene.keep(peer)
      }),
    )
    for (const [index, fork] of forks.entries()) {
      const spammer = spammers[index % SPAMMERS]
      current[index % SPAMMERS] = fork
      const [peer] = spammer?.peers() ?? []
      const before = sent
      // Each claim is looked into.
      await waitFor('the fork is asked for', async () => {
        await spammer?.exchangeStatus(peer?.id ?? '').catch(() => undefined)
        return sent > before
      })
    }
    // The same unasked, in announcements.
    const hostile = scene.keep(await startHostilePeer(params.chainId, statusOf(params)))
    await hostile.dial(victim.ready.multiaddr)
    for (const [index, fork] of forks.entries()) {
      const items = fork.slice(0, 16).map((header) => {
        return { kind: 'block', hash: computeBlockHash(header), header } as const
      })
      const salt = new Uint8Array(8).fill(index)
      await hostile.publish(hostile.names.invTopic, encodeInv(hostile.idBytes, salt, items))
    }
  })
  expect(sent).toBeGreaterThanOrEqual(FORKS * FORK_LENGTH)
  for (const fork of forks) {
    const [first] = fork
    const hash = first === undefined ? '' : toDisplayHex(computeBlockHash(first))
    await expect(victim.call('getblockheader', hash)).rejects.toThrow('Block not found')
  }
})

it('10,000 chained blocks without a parent leave nothing behind', async () => {
  const regtest = createConsensusParams(REGTEST_SPEC)
  const nowhere = { ...placeGenesis(regtest), hash: new Uint8Array(32).fill(7) as BlockHash }
  const orphans = createBlocks({ ...nowhere, height: 900 }, regtest, ORPHANS)
  scene = await AttackScene.start()
  let sent = 0
  await scene.endure('10,000 orphan blocks', async () => {
    const share = ORPHANS / ORPHAN_SENDERS
    const senders = Array.from({ length: ORPHAN_SENDERS }, async (_, index) => {
      const own = orphans.slice(index * share, (index + 1) * share)
      const peer = scene.keep(
        await startPeer(regtest, {
          serveHeaders: () => own.slice(0, 2_000).map(({ block }) => encodeHeader(block.header)),
        }),
      )
      await peer.dialOnce(scene.victim.ready.multiaddr)
      for (const { block } of own) {
        await peer.publishBlock({ form: 'whole', bytes: encodeBlock(block) })
        sent += 1
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    })
    await Promise.all(senders)
  })
  expect(sent).toBe(ORPHANS)
})
