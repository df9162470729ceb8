/**
 * Measures how transactions spread among nodes that all get some to relay. The nodes are processes: each has an event
 * loop of its own, as in life, so that one that falls behind does not hold up the others, and its processor time can be
 * told from theirs. Transactions come in by `submitTransaction`, which is what `sendrawtransaction` calls; HTTP is left
 * out, since it is not what is measured.
 */

import { fork } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createSignedScene } from './signed-transactions.mjs'

const { computeTxid, decodeTransaction, toDisplayHex } = await import(
  '../../../dist/primitives/index.js'
)

const NODE_PROGRAM = fileURLToPath(new URL('transaction-node.mjs', import.meta.url))
const START_TIMEOUT_MS = 60_000
/** What has not arrived when nothing has for so long is lost. */
const PATIENCE_MS = 60_000
const POLL_MS = 100
/** Meshes form with the heartbeats. */
const SETTLE_MS = 3_000

class NodeProcess {
  #child = fork(NODE_PROGRAM, { serialization: 'advanced' })
  #answers = new Map()

  constructor() {
    this.#child.on('message', ({ type, ...message }) => this.#answers.get(type)?.resolve(message))
    // What a node that has ended was asked is never answered.
    this.#child.on('exit', (code, signal) => {
      const error = new Error(`a node ended with ${code ?? signal}`)
      for (const { reject } of this.#answers.values()) reject(error)
    })
  }

  tell(type, message = {}) {
    this.#child.send({ type, ...message })
  }

  expect(type) {
    return new Promise((resolve, reject) => this.#answers.set(type, { resolve, reject }))
  }

  ask(type, answer, message) {
    const answered = this.expect(answer)
    this.tell(type, message)
    return answered
  }

  /** Waits until it has ended. */
  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.tell('stop')
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(late)
  }
}

/** Asks all nodes for their state until all are as they should be. Returns false if nothing changes for too long. */
async function untilAll(nodes, patienceMs, isGood) {
  let end = 0
  let last = ''
  for (;;) {
    const states = await Promise.all(nodes.map((node) => node.ask('ask', 'state')))
    if (states.every(isGood)) return true
    const now = JSON.stringify(states)
    if (now !== last) end = performance.now() + patienceMs
    last = now
    if (performance.now() > end) return false
    await pause(POLL_MS)
  }
}

async function connectAll(nodes) {
  const addresses = []
  for (const [index, node] of nodes.entries()) {
    node.tell('connect', { addresses: addresses.slice() })
    addresses.push(nodes[index].address)
  }
  const isConnected = ({ peers, isCaughtUp }) => peers === nodes.length - 1 && isCaughtUp
  if (!(await untilAll(nodes, START_TIMEOUT_MS, isConnected))) throw new Error('not all connected')
  await pause(SETTLE_MS)
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

function summarise(shares, injected, reports) {
  const delays = []
  let delivered = 0
  for (const [source, transactions] of shares.entries()) {
    for (const [index, txid] of transactions.entries()) {
      const times = reports.map(({ arrivals }) => arrivals.get(txid))
      if (times.every((time) => time !== undefined)) delivered += 1
      for (const [node, time] of times.entries()) {
        if (node !== source && time !== undefined) delays.push(time - injected[source][index])
      }
    }
  }
  delays.sort((a, b) => a - b)
  const count = shares.flat().length
  const cpu = reports.reduce((sum, { cpuMicroseconds }) => sum + cpuMicroseconds, 0)
  return {
    delivered,
    lost: count - delivered,
    // Of one node.
    cpuMicrosecondsPerTransaction: cpu / count / reports.length,
    p50Ms: quantile(delays, 0.5),
    p95Ms: quantile(delays, 0.95),
    lastMs: delays.at(-1),
  }
}

/** Has so many nodes relay so many transactions a second, all together, for some seconds. */
export async function measureTransactions({ nodeCount, perSecond, seconds }) {
  const count = perSecond * seconds
  process.stderr.write(`signing ${count} transactions\n`)
  const { blocks, transactions } = createSignedScene(count)
  const nodes = Array.from({ length: nodeCount }, () => new NodeProcess())
  try {
    const shares = nodes.map((_, node) => transactions.filter((_, at) => at % nodeCount === node))
    for (const [index, node] of nodes.entries()) {
      const wishes = { blocks, transactions: shares[index] }
      const { address } = await node.ask('start', 'started', wishes)
      node.address = address
    }
    await connectAll(nodes)
    process.stderr.write(`${nodeCount} nodes relay ${perSecond} transactions a second\n`)
    const startMs = performance.now()
    const wishes = { perSecond: perSecond / nodeCount }
    const answers = await Promise.all(nodes.map((node) => node.ask('inject', 'injected', wishes)))
    const injectedMs = performance.now() - startMs
    await untilAll(nodes, PATIENCE_MS, ({ size }) => size === count)
    const reports = await Promise.all(nodes.map((node) => node.ask('report', 'report')))
    const ids = shares.map((share) =>
      share.map((bytes) => toDisplayHex(computeTxid(decodeTransaction(bytes)))),
    )
    const injected = answers.map((answer) => answer.injected)
    return {
      nodes: nodeCount,
      injected: count,
      injectedPerSecond: count / (injectedMs / 1_000),
      ...summarise(ids, injected, reports),
    }
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
}
