/** Garbage on every protocol that a node speaks, ours and libp2p's. */

import type { Connection } from '@libp2p/interface'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AttackScene, statusOf } from '../support/attack-scene.ts'
import { arbitraryBytes, CORPUS } from '../support/corpus.ts'
import { type HostilePeer, startHostilePeer } from './p2p-hostile-peer.support.ts'

const RUNS = 250
/** Long enough for a node to have read what was sent. */
const READ_MS = 10

let scene: AttackScene
let hostile: HostilePeer | undefined
let connection: Connection | undefined
beforeEach(async () => {
  scene = await AttackScene.start({ isDiscovering: true })
})
afterEach(async () => {
  await hostile?.stop()
  await scene.stop()
})

/** A connection of somebody who is not refused yet. */
async function connect(): Promise<{ hostile: HostilePeer; connection: Connection }> {
  if (hostile === undefined || connection?.status !== 'open') {
    await hostile?.stop()
    hostile = await startHostilePeer(scene.params.chainId, statusOf(scene.params))
    connection = await hostile.dial(scene.victim.ready.multiaddr)
  }
  return { hostile, connection }
}

/** Sends pieces on a stream of its own; what becomes of it is the node's to say. */
async function send(protocol: string, pieces: readonly Uint8Array[], ends: boolean): Promise<void> {
  const peer = await connect()
  try {
    const stream = await peer.hostile.open(peer.connection, protocol)
    for (const piece of pieces) stream.send(piece)
    await new Promise((resolve) => setTimeout(resolve, READ_MS))
    if (ends) await stream.close({ signal: AbortSignal.timeout(100) })
    else stream.abort(new TypeError('enough'))
  } catch {
    // Cut, or too many streams: the node's good right.
  }
}

it('is survived, each entry of the corpus and whatever fast-check makes of them', async () => {
  const first = await connect()
  const protocols = await first.hostile.protocolsOf(first.connection)
  const { dataProtocol, syncProtocol, addrProtocol } = first.hostile.names
  expect(protocols).toEqual(expect.arrayContaining([dataProtocol, syncProtocol, addrProtocol]))
  // Beside ours at least identify, ping and gossipsub.
  expect(protocols.length).toBeGreaterThanOrEqual(6)
  await first.hostile.stop()
  await scene.endure(`garbage on ${protocols.length} protocols`, async () => {
    for (const protocol of protocols) {
      for (const { bytes } of CORPUS) await send(protocol, [bytes], true)
    }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...protocols),
        fc.array(arbitraryBytes(), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (protocol, pieces, ends) => {
          await send(protocol, pieces, ends)
          expect(await scene.victim.call('getbestblockhash')).toHaveLength(64)
        },
      ),
      { numRuns: RUNS },
    )
    await hostile?.stop()
  })
})
