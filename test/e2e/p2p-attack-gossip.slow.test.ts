/** Announcements of what nobody has, gossip that is none, and blocks that are worth nothing. */

import type { Connection } from '@libp2p/interface'
import { afterEach, expect, it } from 'vitest'
import type { ProtocolNames } from '../../src/p2p/index.ts'
import { encodeGossipBlock, encodeInv } from '../../src/p2p/message-codec.ts'
import { Inv } from '../../src/p2p/messages.ts'
import { encodeBlock, type Hash256, toDisplayHex } from '../../src/primitives/index.ts'
import { AttackScene, startPeer, statusOf } from '../support/attack-scene.ts'
import {
  createBlock,
  createBlocks,
  type PlacedBlock,
  placeGenesis,
} from '../support/chain-generator.ts'
import { waitFor } from '../support/node-process.ts'
import { createBallast, spendOpen } from '../support/open-spends.ts'
import { toCompactMessage } from '../support/relay-scene.ts'
import {
  encodeGossipMessage,
  type HostilePeer,
  startHostilePeer,
} from './p2p-hostile-peer.support.ts'

const IDS = 50_000
const PEERS = 5
/** As many as an honest node sends at once. */
const IDS_PER_INV = 1_000
const INVALID_BLOCKS = 3_000
const SENDERS = 3
/** Long enough for a node to have asked whoever announced first. */
const HEAD_START_MS = 600
const MATURITY_BLOCKS = 100

let scene: AttackScene
afterEach(() => scene.stop())

function never(): Promise<never> {
  return new Promise(() => undefined)
}

function randomHash(): Hash256 {
  return crypto.getRandomValues(new Uint8Array(32)) as Hash256
}

async function rest(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

interface Attacker {
  readonly hostile: HostilePeer
  readonly connection: Connection
}

async function startAttacker(): Promise<Attacker> {
  const { params, victim } = scene
  const hostile = scene.keep(await startHostilePeer(params.chainId, statusOf(params)))
  const connection = await hostile.dial(victim.ready.multiaddr)
  return { hostile, connection }
}

/** Publishes until it is cut off, or has published enough. */
async function flood(
  { hostile, connection }: Attacker,
  count: number,
  make: (names: ProtocolNames) => readonly [topic: string, bytes: Uint8Array],
): Promise<void> {
  for (let index = 0; index < count && connection.status === 'open'; index++) {
    const [topic, bytes] = make(hostile.names)
    await hostile.publish(topic, bytes).catch(() => undefined)
    await rest(5)
  }
}

it('floods of 50,000 ids from each of five peers are worked off within bounds', async () => {
  scene = await AttackScene.start()
  const { params, victim } = scene
  let asked = 0
  let running = 0
  let mostAtATime = 0
  await scene.endure('INVs of 5 × 50,000 ids', async () => {
    const floods = Array.from({ length: PEERS }, async (_, index) => {
      const peer = await startPeer(params, {
        serveData: async () => {
          asked += 1
          running += 1
          mostAtATime = Math.max(mostAtATime, running)
          // Some have nothing of what they announced, some don't answer at all.
          if (index % 2 === 0) await never()
          await rest(1)
          running -= 1
          return undefined
        },
      })
      scene.keep(peer)
      await peer.dialOnce(victim.ready.multiaddr)
      for (let sent = 0; sent < IDS; sent += IDS_PER_INV) {
        const items = Array.from({ length: IDS_PER_INV }, () => {
          return { kind: 'tx', hash: randomHash() } as const
        })
        await peer.publishAnnouncements(items)
        await rest(20)
      }
    })
    await Promise.all(floods)
    await rest(3_000)
  })
  expect(asked).toBeGreaterThan(PEERS)
  expect(mostAtATime).toBeLessThanOrEqual(PEERS)
})

it('INVs of 50,000 ids in one message are not read, and their sender is refused', async () => {
  scene = await AttackScene.start()
  await scene.endure('one INV of 50,000 ids', async () => {
    const attacker = await startAttacker()
    const { idBytes } = attacker.hostile
    await flood(attacker, 20, ({ invTopic }) => {
      const salt = crypto.getRandomValues(new Uint8Array(8))
      const items = Array.from({ length: IDS }, () => ({ hash: Uint8Array.from(randomHash()) }))
      return [invTopic, Inv.encode({ announcer: Uint8Array.from(idBytes), salt, items })]
    })
    await waitFor('its sender is cut off', async () => attacker.connection.status !== 'open')
    await expect(attacker.hostile.dial(scene.victim.ready.multiaddr)).rejects.toThrow()
  })
})

it('a block that one peer announces and withholds comes from the next, gossiped or only announced', async () => {
  scene = await AttackScene.start({
    createChain: (params) => createBlocks(placeGenesis(params), params, MATURITY_BLOCKS + 10),
  })
  const { params, victim } = scene
  const chain = createBlocks(placeGenesis(params), params, MATURITY_BLOCKS + 10)
  const spend = (index: number) => {
    const coinbase = chain[index]?.block.transactions[0]
    if (coinbase === undefined) throw new RangeError('no coinbase')
    return spendOpen([{ tx: coinbase, vout: 0 }], 1_000n, 1, [createBallast(400)])
  }
  const bodies = new Map<string, Uint8Array>()
  const withholder = await startPeer(params, { serveData: never, serveTransactions: never })
  const honest = await startPeer(params, {
    serveData: async ({ hash }) => bodies.get(toDisplayHex(hash)),
  })
  for (const peer of [withholder, honest]) {
    scene.keep(peer)
    await peer.dialOnce(victim.ready.multiaddr)
  }
  // Until its gossip flows, nobody hears anything.
  await rest(1_500)
  let tip = scene.tip
  const extend = (index: number): PlacedBlock => {
    tip = createBlock(tip, params, { transactions: [spend(index)], fees: 1_000n, salt: index })
    bodies.set(toDisplayHex(tip.hash), encodeBlock(tip.block))
    return tip
  }
  const arrives = async (name: string, { hash }: PlacedBlock): Promise<number> => {
    const start = performance.now()
    await waitFor(
      name,
      async () => (await victim.call('getbestblockhash')) === toDisplayHex(hash),
      20_000,
    )
    return performance.now() - start
  }
  const announce = (peer: typeof honest, { hash, block }: PlacedBlock) =>
    peer.publishAnnouncements([{ kind: 'block', hash, header: block.header }])

  const announced = extend(1)
  await announce(withholder, announced)
  await rest(HEAD_START_MS)
  await honest.publishBlock({ form: 'whole', bytes: encodeBlock(announced.block) })
  const gossipedMs = await arrives('the gossiped block', announced)

  const compact = extend(2)
  await withholder.publishBlock(toCompactMessage(compact.block))
  await rest(HEAD_START_MS)
  await honest.publishBlock({ form: 'whole', bytes: encodeBlock(compact.block) })
  const compactMs = await arrives('the block that came compact', compact)

  const listed = extend(3)
  await announce(withholder, listed)
  await rest(HEAD_START_MS)
  await announce(honest, listed)
  const listedMs = await arrives('the announced block', listed)

  process.stdout.write(
    `announced and withheld: gossiped by another ${gossipedMs.toFixed(0)} ms, compact ${compactMs.toFixed(0)} ms, announced alone ${listedMs.toFixed(0)} ms\n`,
  )
  expect(gossipedMs).toBeLessThan(2_000)
  expect(compactMs).toBeLessThan(2_000)
  expect(await victim.call('getbestblockhash')).toBe(toDisplayHex(listed.hash))
})

it('garbage, foreign topics, repetitions and worthless blocks have their senders refused', async () => {
  scene = await AttackScene.start()
  const { params, tip } = scene
  const good = encodeGossipBlock({ form: 'whole', bytes: encodeBlock(tip.block) })
  const worthless = (salt: number): Uint8Array => {
    const { block } = createBlock(tip, params, { salt })
    // Regtest's bits are met by every second hash, Bitcoin's by none that is found here.
    const header = { ...block.header, bits: 0x1d00ffff }
    return encodeGossipBlock({ form: 'whole', bytes: encodeBlock({ ...block, header }) })
  }
  let salt = 0
  const random = (size: number): Uint8Array => crypto.getRandomValues(new Uint8Array(size))
  await scene.endure('gossip that is none', async () => {
    const attackers = await Promise.all(Array.from({ length: 6 }, startAttacker))
    const [garbage, inv, work, known, names, foreign] = attackers as [
      Attacker,
      Attacker,
      Attacker,
      Attacker,
      Attacker,
      Attacker,
    ]
    const tellForeign = async (): Promise<void> => {
      for (let count = 0; count < 100; count++) {
        const rpc = encodeGossipMessage(`/quarry/elsewhere/block/${count}`, good)
        await foreign.hostile.sendGossip(foreign.connection.remotePeer.toString(), rpc)
        await rest(5)
      }
    }
    await Promise.all([
      flood(garbage, 100, ({ blockTopic }) => [blockTopic, random(500)]),
      flood(inv, 100, ({ invTopic }) => [invTopic, random(500)]),
      flood(work, 100, ({ blockTopic }) => [blockTopic, worthless(salt++)]),
      flood(known, 100, ({ blockTopic }) => [blockTopic, good]),
      flood(names, 100, ({ invTopic }) => [
        invTopic,
        encodeInv(random(34), random(8), [{ kind: 'tx', hash: randomHash() }]),
      ]),
      tellForeign(),
    ])
    // Those who sent what no honest peer sends; the others have only wasted their time.
    for (const { connection } of [garbage, inv, work]) {
      await waitFor('the sender is cut off', async () => connection.status !== 'open')
    }
    const patient = [known, names, foreign].map(({ connection }) => connection.status)
    expect(patient).toEqual(['open', 'open', 'open'])
  })
})

it('an invalid block each millisecond does not fill the log', async () => {
  scene = await AttackScene.start({ flags: ['--log-level', 'info'] })
  const { params, tip, victim } = scene
  const invalid = Array.from({ length: INVALID_BLOCKS }, (_, index) =>
    createBlock(tip, params, { fees: 1n, time: tip.block.header.time + 1 + index }),
  )
  const before = victim.log.length
  await scene.endure(
    '3,000 invalid blocks',
    async () => {
      const senders = Array.from({ length: SENDERS }, async (_, index) => {
        const peer = scene.keep(await startPeer(params, {}))
        await peer.dialOnce(victim.ready.multiaddr)
        await rest(1_000)
        const own = invalid.filter((_block, at) => at % SENDERS === index)
        for (const { block } of own) {
          await peer.publishBlock({ form: 'whole', bytes: encodeBlock(block) })
          await rest(1)
        }
      })
      await Promise.all(senders)
      await rest(2_000)
    },
    { leavesHeaders: true },
  )
  const lines = victim.log.slice(before).split('\n')
  const told = lines.filter((line) => line.includes('block is invalid'))
  process.stdout.write(
    `3,000 invalid blocks: ${told.length} lines tell of them, ${lines.length} in all\n`,
  )
  expect(told.length).toBeGreaterThan(0)
  expect(told.length).toBeLessThan(60)
  expect(lines.length).toBeLessThan(200)
})
