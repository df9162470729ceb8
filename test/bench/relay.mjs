/**
 * Measures how new blocks spread among 20 nodes that know their transactions, in compact form and whole; and how
 * signed transactions spread among 5 nodes (see relay/transactions.mjs).
 *
 *   node test/bench/relay.mjs [--json] [--record] [--tiny] [--only blocks|transactions] [--nodes N] [--rounds N]
 *     [--largest-bytes N] [--senders N] [--per-second N] [--seconds N]
 *
 * For blocks all nodes live in this process, each with its own chain, mempool and libp2p over TCP on loopback, so that every byte
 * is sent and encrypted; but they share one core. What to trust are ratios within one run. The time of a node is when
 * it has the block whole, has checked it and passes it on. Nodes connect it only when all have it: on machines of
 * their own they would do that beside the others' relaying, here it would hold that up. Bytes are those of TCP, all
 * connections together, with whatever else nodes say meanwhile.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { build, isBuilt } from '../../scripts/build.mjs'
import { readOptions } from './report/options.mjs'
import { endReport, formatMachine, startReport } from './report/report.mjs'

if (!isBuilt()) build()
await import('../../dist/platform/nodejs/polyfills.js')
const { encodeBlock, encodeTransaction } = await import('../../dist/primitives/index.js')
const { createBlock, createScene, TRANSACTION_BYTES } = await import('./relay/scene.mjs')
const { BenchNode, countBytes } = await import('./relay/nodes.mjs')
const { measureTransactions } = await import('./relay/transactions.mjs')

const options = readOptions(
  {
    nodes: { usual: 20, tiny: 3, min: 2 },
    rounds: { usual: 1, tiny: 1 },
    'largest-bytes': { usual: 998_000, tiny: 20_000, min: 10_000 },
    senders: { usual: 5, tiny: 2, min: 2 },
    'per-second': { usual: 500, tiny: 20 },
    seconds: { usual: 10, tiny: 1 },
  },
  { only: { type: 'string' } },
)
const { nodes: nodeCount, rounds, 'largest-bytes': largestBytes } = options.sizes
const { only } = options.given
/** Every node dials so many others. */
const DIALS = 4
/** Bytes of transactions: with header and coinbase a megabyte is all that a block may have without witnesses. */
const SIZES = [
  ['empty', 0],
  ['tenth', Math.floor(largestBytes / 10)],
  ['largest', largestBytes],
]
/** Of blocks that the miner publishes whole: all, or as nodes do by themselves. */
const FORMS = [
  ['whole', 1_048_576],
  ['compact', undefined],
]
/** How many transactions reach the nodes each second, all together, and for how long. */
const TRANSACTION_LOAD = {
  nodeCount: options.sizes.senders,
  perSecond: options.sizes['per-second'],
  seconds: options.sizes.seconds,
}
const TIMEOUT_MS = 180_000
/** So long nobody connects a block that others wait for. */
const PATIENCE_MS = 30_000
/** Announcements follow a block after a fifth of a second. */
const QUIET_MS = 800

async function until(condition, what) {
  const end = performance.now() + TIMEOUT_MS
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
    await pause(5)
  }
}

/** The same numbers in every run. */
function createRandom(seed) {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

/** Each node dials others before it, chosen at random: no part is without the rest. */
async function connectAll(nodes) {
  const random = createRandom(7)
  for (const [index, node] of nodes.entries()) {
    const earlier = new Set()
    while (earlier.size < Math.min(DIALS, index)) earlier.add(random(index))
    for (const other of earlier) node.network.connect(nodes[other].network.addresses()[0])
  }
  const wanted = (index) => Math.min(DIALS, index)
  const isConnected = ({ network }, index) => network.peers().length >= wanted(index)
  await until(() => nodes.every(isConnected), 'all are connected')
  await until(() => nodes.every(({ sync }) => sync.isCaughtUp), 'all are level')
  // Meshes form with the heartbeats.
  await pause(3_000)
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** Lets one node publish a block, and waits until all have it and are quiet. */
async function relay(nodes, miner, { block }) {
  const others = nodes.filter((node) => node !== miner)
  let open
  const gate = new Promise((resolve) => {
    open = resolve
  })
  for (const node of others) {
    node.checkedMs = 0
    node.connectedMs = 0
    node.hasFetched = false
    node.gate = gate
  }
  // So that it does not do so while it relays.
  await miner.chain.flush()
  const before = countBytes()
  await miner.sync.submitBlock(block)
  const processor = process.cpuUsage()
  const haveAll = () => others.every(({ checkedMs }) => checkedMs > 0)
  const end = performance.now() + PATIENCE_MS
  await until(() => haveAll() || performance.now() > end, 'all have it')
  // Whom gossip has not reached by now hears of it from those who have connected it.
  open()
  await until(haveAll, 'all have it')
  const { user, system } = process.cpuUsage(processor)
  await until(() => others.every(({ connectedMs }) => connectedMs > 0), 'all have connected it')
  await pause(QUIET_MS)
  return {
    messageBytes: miner.publishedSize,
    bytes: countBytes() - before,
    times: others.map((node) => node.checkedMs - miner.publishedMs),
    fetched: others.filter(({ hasFetched }) => hasFetched).length,
    processorMs: (user + system) / 1_000,
  }
}

function summarise(results) {
  const mean = (pick) => results.reduce((sum, result) => sum + pick(result), 0) / results.length
  const times = results.flatMap((result) => result.times).sort((a, b) => a - b)
  return {
    bytes: Math.round(mean((result) => result.bytes)),
    medianMs: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    lastMs: mean((result) => Math.max(...result.times)),
    messageBytes: Math.round(mean((result) => result.messageBytes)),
    fetched: mean((result) => result.fetched),
    processorMs: mean((result) => result.processorMs),
  }
}

/** Relays blocks of all sizes in both forms; the results by form and size. */
async function measureBlocks() {
  const counts = SIZES.map(([, size]) => Math.floor(size / TRANSACTION_BYTES))
  const needed = counts.reduce((sum, count) => sum + count, 0) * rounds * FORMS.length
  const scene = createScene(Math.max(needed, 1))
  const blocks = scene.blocks.map(({ block }) => encodeBlock(block))
  const encoded = scene.transactions.map(encodeTransaction)
  const groups = new Map()
  // The miner of each form is a node of its own; the others are the same for both.
  const nodes = []
  for (let index = 0; index < nodeCount; index++) {
    const [, maxWholeBlockSize] = FORMS[index] ?? FORMS[1]
    const options = maxWholeBlockSize === undefined ? {} : { maxWholeBlockSize }
    nodes.push(await BenchNode.create(blocks, encoded, options))
    process.stderr.write(`\rnode ${index + 1} of ${nodeCount} `)
  }
  await connectAll(nodes)
  process.stderr.write('\rall nodes are connected\n')
  let tip = scene.tip
  let used = 0
  for (let round = 0; round < rounds; round++) {
    for (const [index, [size]] of SIZES.entries()) {
      for (const [miner, [form]] of FORMS.entries()) {
        const transactions = scene.transactions.slice(used, used + counts[index])
        used += counts[index]
        tip = createBlock(tip, transactions)
        const result = await relay(nodes, nodes[miner], tip)
        const key = `${form} ${size}`
        groups.set(key, [...(groups.get(key) ?? []), result])
        process.stderr.write(`round ${round + 1}: ${key}\n`)
      }
    }
  }
  for (const node of nodes) await node.stop()
  return groups
}

function reportBlocks(groups) {
  const forms = FORMS.map(([form]) => {
    const cases = Object.fromEntries(
      SIZES.map(([size]) => [size, summarise(groups.get(`${form} ${size}`))]),
    )
    return [form, { ...cases['largest'], cases }]
  })
  const { whole, compact } = Object.fromEntries(forms)
  return {
    whole,
    compact,
    bytesRatio: compact.bytes / whole.bytes,
    medianRatio: compact.medianMs / whole.medianMs,
    lastRatio: compact.lastMs / whole.lastMs,
  }
}

const line = (text) => process.stdout.write(`${text}\n`)

function printBlocks({ ratios: { bytesRatio, medianRatio, lastRatio }, ...forms }) {
  for (const [size, bytes] of SIZES) {
    line(`\n${size}, ${bytes / 1_000} kB`)
    for (const [form] of FORMS) {
      const { bytes, medianMs, p95Ms, lastMs } = forms[form].cases[size]
      const times = [medianMs, p95Ms, lastMs].map((ms) => `${ms.toFixed(0)} ms`).join(', ')
      line(`  ${form.padEnd(8)} ${(bytes / 1e6).toFixed(2)} MB, ${times} (median, p95, last)`)
    }
  }
  line(`\nlargest, compact against whole: ${(100 * bytesRatio).toFixed(1)} % of the bytes,`)
  line(
    `${(100 * medianRatio).toFixed(0)} % of the median time, ${(100 * lastRatio).toFixed(0)} % of the last node's`,
  )
}

function printTransactions(result) {
  const { nodes, injected, injectedPerSecond, delivered, lost } = result
  const { cpuMicrosecondsPerTransaction, p50Ms, p95Ms } = result
  line(`\n${injected} transactions, ${injectedPerSecond.toFixed(0)} a second, into ${nodes} nodes`)
  line(`  ${delivered} reached all, ${lost} were lost`)
  line(`  ${p50Ms.toFixed(0)} ms, ${p95Ms.toFixed(0)} ms (median, p95) to another node`)
  line(`  ${cpuMicrosecondsPerTransaction.toFixed(0)} us of each node's processor time for each`)
}

const report = { ...startReport(), nodes: nodeCount, rounds, peers: DIALS * 2, ratios: {} }
try {
  if (only !== 'blocks') {
    report.transactions = await measureTransactions(TRANSACTION_LOAD)
    const { delivered, injected } = report.transactions
    report.ratios.deliveredShare = delivered / injected
  }
  if (only !== 'transactions') {
    const { bytesRatio, medianRatio, lastRatio, ...forms } = reportBlocks(await measureBlocks())
    Object.assign(report.ratios, { bytesRatio, medianRatio, lastRatio })
    Object.assign(report, forms)
  }
} catch (error) {
  process.stderr.write(`\n${error.stack}\n`)
  process.exit(1)
}
endReport('relay', options, report, () => {
  line(formatMachine(report))
  if (report.whole !== undefined) printBlocks(report)
  if (report.transactions !== undefined) printTransactions(report.transactions)
})
// Sockets that are closing hold the process for a while.
process.exit()
