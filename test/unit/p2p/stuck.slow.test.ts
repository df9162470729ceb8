/** What never ends by itself: dials that nobody answers, and a libp2p that does not stop. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { TypedEventEmitter } from '@libp2p/interface'
import { afterEach, describe, expect, it } from 'vitest'
import { generateIdentity, type Libp2pNetwork, peerIdFromIdentity } from '../../../src/p2p/index.ts'
import { systemRandom } from '../../../src/platform/system.ts'
import { createRecorder } from '../../compliance/peer-network-recorder.ts'
import { addressOf } from '../../compliance/peer-network-suite.ts'
import {
  createFastClock,
  createRecordingLog,
  createTestNetwork,
  type TestNetworkOptions,
  until,
} from './libp2p-support.ts'

/** More than libp2p dials at a time. */
const SILENT_NODES = 20
/** Ten seconds of ours pass in half of one, libp2p's own in ten. */
const FACTOR = 20

describe('what does not end by itself', { timeout: 60_000 }, () => {
  const toStop: Libp2pNetwork[] = []
  const servers: Server[] = []
  const sockets = new Set<Socket>()

  afterEach(async () => {
    await Promise.all(toStop.splice(0).map((network) => network.stop()))
    for (const socket of sockets) socket.destroy()
    for (const server of servers.splice(0)) server.close()
  })

  async function start(options: TestNetworkOptions = {}): Promise<Libp2pNetwork> {
    const network = await createTestNetwork(options)
    toStop.push(network)
    await network.start(createRecorder().handlers)
    return network
  }

  /** Takes connections and says nothing. */
  async function startSilent(): Promise<{ address: string; accepted: () => number }> {
    let accepted = 0
    const server = createServer((socket) => {
      accepted += 1
      sockets.add(socket.resume())
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    })
    servers.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const id = peerIdFromIdentity(await generateIdentity(systemRandom))
    return { address: `/ip4/127.0.0.1/tcp/${port}/p2p/${id}`, accepted: () => accepted }
  }

  it('a dial that nobody answers is given up in our time', async () => {
    const network = await start({ clock: createFastClock(FACTOR) })
    const { address, accepted } = await startSilent()
    let failure: unknown
    network.dialOnce(address).catch((error: unknown) => {
      failure = error
    })
    await until(() => failure !== undefined, 'given up', 5_000)
    expect(failure).toMatchObject({ name: 'P2pError', code: 'timeout' })
    expect(accepted()).toBe(1)
    await until(() => sockets.size === 0, 'its socket is closed', 5_000)
  })

  it('dials that nobody answers do not pile up, and others get through', async () => {
    const network = await start({ clock: createFastClock(FACTOR) })
    const silent = await Promise.all(Array.from({ length: SILENT_NODES }, startSilent))
    for (const { address } of silent) network.connect(address)
    let most = 0
    const haveRedialled = (): boolean => {
      most = Math.max(most, sockets.size)
      return silent.every(({ accepted }) => accepted() >= 4)
    }
    await until(haveRedialled, 'each is dialled again and again', 30_000)
    // One for each, and one that is being closed.
    expect(most).toBeLessThanOrEqual(2 * SILENT_NODES)
    const honest = await start()
    network.connect(addressOf(honest))
    await until(() => network.peers().length === 1, 'connected', 5_000)
  })

  it('a libp2p that does not stop is left to itself', async () => {
    const log = createRecordingLog()
    const stuck = Object.assign(new TypedEventEmitter(), {
      start: () => undefined,
      stop: () => new Promise<void>(() => undefined),
    })
    const network = await start({
      log,
      clock: createFastClock(FACTOR),
      peerDiscovery: [() => stuck as never],
    })
    const other = await start()
    await other.dialOnce(addressOf(network))
    let isStopped = false
    void network.stop().then(() => {
      isStopped = true
    })
    await until(() => isStopped, 'stopped all the same')
    expect(log.lines.map(({ message }) => message)).toContain('libp2p was slow to stop')
    await until(() => other.peers().length === 0, 'its peer is told')
  })
})
