/**
 * An honest peer in a process of its own, so that nothing but the node it asks keeps it waiting. Asks for headers and a
 * block over and over; tells its parent how long each answer took, and which blocks it has heard of.
 *
 *   honest-peer.mjs <multiaddr> <chain id> <genesis hash, internal order> <block hash, internal order> <node's pid>
 *
 * Beside each time it tells for how much of it the machine had no processor for the node, or for this process.
 */

import '../../dist/platform/nodejs/polyfills.js'
import { readFileSync } from 'node:fs'
import { tcp } from '@libp2p/tcp'
import { createLibp2pNetwork, generateIdentity } from '../../dist/p2p/index.js'
import { systemClock, systemRandom } from '../../dist/platform/system.js'

const [address = '', chainId = '', genesisHex = '', blockHex = '', nodePid = ''] =
  process.argv.slice(2)
const victimId = address.split('/p2p/').at(-1)
const [genesisHash, blockHash] = [genesisHex, blockHex].map((hex) =>
  Uint8Array.from(Buffer.from(hex, 'hex')),
)
/** Nobody waits longer for one answer. */
const PROBE_TIMEOUT_MS = 20_000
const PROBE_PAUSE_MS = 100
const MAX_WAIT_MS = 60_000

const silent = () => undefined
const log = { trace: silent, debug: silent, info: silent, warn: silent, error: silent }

async function connect() {
  const network = createLibp2pNetwork(
    {
      transports: [tcp()],
      privateKey: await generateIdentity(systemRandom),
      clock: systemClock,
      random: systemRandom,
      log,
    },
    { chainId, listen: [], maxPeers: 10, isDevnet: true, userAgent: '/honest/' },
  )
  await network.start({
    status: () => ({
      genesisHash,
      tipHash: genesisHash,
      tipHeight: 0,
      chainWork: 2n,
      userAgent: '/honest/',
    }),
    acceptsStatus: () => true,
    onPeerStatus: silent,
    onPeerGone: silent,
    onGossipBlock: async () => 'ignore',
    onAnnouncements: (items) => {
      for (const { hash } of items) process.send({ heard: Buffer.from(hash).toString('hex') })
      return 'ignore'
    },
    serveHeaders: () => [],
    serveData: async () => undefined,
    serveTransactions: async () => undefined,
  })
  await network.dialOnce(address, AbortSignal.timeout(PROBE_TIMEOUT_MS))
  return network
}

/** Asks as a node does that fetches the chain. */
async function ask(network) {
  const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
  const headers = await network.requestHeaders(victimId, [genesisHash], undefined, signal)
  if (headers.length === 0) throw new Error('no headers')
  const items = [{ kind: 'block', hash: blockHash }]
  for await (const { bytes } of network.requestData(victimId, items, signal)) {
    if (bytes === undefined) throw new Error('no block')
  }
}

/**
 * How long a process' main thread has been ready to run and had to wait for a processor, in milliseconds. Zero where
 * the system does not say, which makes a test all the stricter.
 */
function readStarvation(pid) {
  try {
    const [, waitedNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')
    return Number(waitedNs) / 1e6
  } catch {
    return 0
  }
}

async function measure(task) {
  const pids = [nodePid, process.pid]
  const before = pids.map(readStarvation)
  const start = performance.now()
  const result = await task()
  const ms = performance.now() - start
  // The larger of the two: they may have waited at the same time.
  const starvedMs = Math.max(...pids.map((pid, index) => readStarvation(pid) - before[index]))
  return { ms, starvedMs, result }
}

/** A newcomer's first answer, from the dial on. */
async function welcome() {
  const { result, ...wait } = await measure(async () => {
    const newcomer = await connect()
    await ask(newcomer)
    return newcomer
  })
  await result.stop()
  process.send({ newcomer: wait })
}

let network = await connect()

/** Asks until there is an answer, as any node would; what that takes in all is what counts. */
async function askUntilServed() {
  const end = performance.now() + MAX_WAIT_MS
  for (;;) {
    try {
      if (network.peers().length === 0) {
        await network.stop()
        network = await connect()
      }
      return await ask(network)
    } catch (error) {
      if (performance.now() > end) throw error
      process.send({ retry: error.message })
    }
  }
}

process.on('message', () => {
  welcome().catch((error) => process.send({ failure: `newcomer: ${error.message}` }))
})
process.on('disconnect', () => process.exit())
for (;;) {
  try {
    const { ms, starvedMs } = await measure(askUntilServed)
    process.send({ served: { ms, starvedMs } })
  } catch (error) {
    process.send({ failure: error.message })
  }
  await new Promise((resolve) => setTimeout(resolve, PROBE_PAUSE_MS))
}
