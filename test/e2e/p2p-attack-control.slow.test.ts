/** Floods of what gossipsub's peers tell each other beside messages. */

import type { Connection } from '@libp2p/interface'
import { afterEach, expect, it } from 'vitest'
import { concatBytes } from '../../src/util/index.ts'
import { AttackScene, statusOf } from '../support/attack-scene.ts'
import { encodeField, type HostilePeer, startHostilePeer } from './p2p-hostile-peer.support.ts'

const ATTACKERS = 3
const ATTACK_MS = 10_000
/** A little below the bound on one RPC. */
const ENTRIES_PER_RPC = 400
const IDS_PER_RPC = 1_000
const ID_SIZE = 20

let scene: AttackScene
afterEach(() => scene.stop())

async function rest(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

function randomId(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(ID_SIZE))
}

function times(count: number, make: (index: number) => Uint8Array): Uint8Array {
  return concatBytes(...Array.from({ length: count }, (_, index) => make(index)))
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
/** Field 3 of an RPC: what is told beside messages. */
const control = (fields: Uint8Array): Uint8Array => encodeField(3, fields)
/** A bool or an integer below 128. */
const small = (number: number, value: number): Uint8Array => Uint8Array.of(number << 3, value)

/** One RPC of each flood, as gossipsub writes it. */
const FLOODS: Readonly<Record<string, (topic: string, count: number) => Uint8Array>> = {
  'GRAFT and PRUNE': (topic) =>
    control(
      times(ENTRIES_PER_RPC / 2, () =>
        concatBytes(
          encodeField(3, encodeField(1, utf8(topic))),
          encodeField(4, encodeField(1, utf8(topic))),
        ),
      ),
    ),
  'GRAFT of foreign topics': (_, count) =>
    control(
      times(ENTRIES_PER_RPC, (index) =>
        encodeField(3, encodeField(1, utf8(`/quarry/elsewhere/${count}/${index}`))),
      ),
    ),
  'IHAVE of what nobody has': (topic) =>
    control(
      encodeField(
        1,
        concatBytes(
          encodeField(1, utf8(topic)),
          times(IDS_PER_RPC, () => encodeField(2, randomId())),
        ),
      ),
    ),
  'IWANT of what there is not': () =>
    control(
      encodeField(
        2,
        times(IDS_PER_RPC, () => encodeField(1, randomId())),
      ),
    ),
  'IDONTWANT of anything': () =>
    control(
      encodeField(
        5,
        times(500, () => encodeField(1, randomId())),
      ),
    ),
  subscriptions: (_, count) =>
    times(16, (index) =>
      encodeField(
        1,
        concatBytes(small(1, 1), encodeField(2, utf8(`/quarry/elsewhere/${count}/${index}`))),
      ),
    ),
  'subscriptions on and off': (topic) =>
    times(16, (index) =>
      encodeField(1, concatBytes(small(1, index % 2), encodeField(2, utf8(topic)))),
    ),
}

async function startAttacker(): Promise<{ hostile: HostilePeer; connection: Connection }> {
  const { params, victim } = scene
  const hostile = scene.keep(await startHostilePeer(params.chainId, statusOf(params)))
  return { hostile, connection: await hostile.dial(victim.ready.multiaddr) }
}

it.each(Object.entries(FLOODS))('a flood of %s is borne', async (name, make) => {
  scene = await AttackScene.start()
  let sent = 0
  await scene.endure(name, async () => {
    const end = performance.now() + ATTACK_MS
    const attackers = Array.from({ length: ATTACKERS }, async () => {
      const { hostile, connection } = await startAttacker()
      const { names } = hostile
      for (let count = 0; performance.now() < end && connection.status === 'open'; count++) {
        const rpc = make(count % 2 === 0 ? names.blockTopic : names.invTopic, count)
        // What is not taken is not sent: as fast as the node reads, and no faster.
        await hostile.sendGossip(connection.remotePeer.toString(), rpc).catch(() => undefined)
        sent += rpc.length
        await rest(1)
      }
    })
    await Promise.all(attackers)
  })
  process.stdout.write(`${name}: ${(sent / 1e6).toFixed(1)} MB sent\n`)
  expect(sent).toBeGreaterThan(10_000)
})
