/** One node of the transactions' measurement, in a process of its own. Does what its parent says over IPC. */

import '../../../dist/platform/nodejs/polyfills.js'
import { BenchNode, log } from './nodes.mjs'

const { createSignatureEngine, loadSignatureSource } = await import(
  '../../../dist/platform/nodejs/signature-engine-loader.js'
)
const { decodeTransaction } = await import('../../../dist/primitives/index.js')

const TICK_MS = 5
const NS_PER_MS = 1e6

let node
let own = []
let cpuStart
/** By txid: when it came into the mempool. */
const arrivals = new Map()

/** Of the machine's monotonic clock, which all processes share. */
function nowMs() {
  return Number(process.hrtime.bigint()) / NS_PER_MS
}

/** Submits our own transactions, so many a second, whether or not the node keeps up. */
function inject({ perSecond }) {
  cpuStart = process.cpuUsage()
  const startMs = nowMs()
  const injected = []
  let index = 0
  const timer = setInterval(() => {
    const due = Math.min(own.length, Math.floor(((nowMs() - startMs) * perSecond) / 1_000))
    for (; index < due; index++) {
      injected.push(nowMs())
      node.sync.submitTransaction(own[index]).catch((error) => {
        throw error
      })
    }
    if (index < own.length) return
    clearInterval(timer)
    process.send({ type: 'injected', injected })
  }, TICK_MS)
}

const COMMANDS = {
  async start({ blocks, transactions }) {
    const signatures = createSignatureEngine(await loadSignatureSource(log))
    own = transactions.map(decodeTransaction)
    node = await BenchNode.create(blocks, [], {}, signatures)
    node.mempool.events.on('added', ({ txid }) => arrivals.set(txid, nowMs()))
    process.send({ type: 'started', address: node.network.addresses()[0] })
  },
  connect({ addresses }) {
    for (const address of addresses) node.network.connect(address)
  },
  ask() {
    const peers = node.network.peers().length
    const { isCaughtUp } = node.sync
    process.send({ type: 'state', peers, isCaughtUp, size: node.mempool.size })
  },
  inject,
  report() {
    const { user, system } = process.cpuUsage(cpuStart)
    process.send({ type: 'report', arrivals, cpuMicroseconds: user + system })
  },
  async stop() {
    await node.stop()
    process.exit()
  },
}

process.on('message', ({ type, ...message }) => COMMANDS[type](message))
process.on('disconnect', () => process.exit())
