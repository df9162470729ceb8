/**
 * Measures how many JSON-RPC requests a node answers to many clients at a time, beside the HTTP library that it uses,
 * answering the same bytes without a node behind it; how long the node's event loop is held meanwhile; and how long a
 * new block template takes with a large mempool, from the request to the last byte of the answer.
 *
 *   node test/bench/rpc.mjs [--json] [--seconds N] [--clients N] [--transactions N] [--waiting N]
 *
 * Each server has a process of its own, this one is the clients'. Nothing here passes or fails on a time.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build, isBuilt } from '../../scripts/build.mjs'
import { askOnce, measure } from './rpc/clients.mjs'

if (!isBuilt()) build()

const SERVER = fileURLToPath(new URL('./rpc/server.mjs', import.meta.url))
/** The call whose rate is compared with the bare library's: little but the server itself. */
const SMALL_METHOD = 'getblockcount'
const ROUNDS = 3

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '32' },
    transactions: { type: 'string', default: '1000' },
    waiting: { type: 'string', default: '50000' },
  },
})

function readCount(name) {
  const count = Number(values[name])
  if (!(count > 0)) throw new RangeError(`--${name} takes a number above 0`)
  return count
}

const load = { clients: readCount('clients'), seconds: readCount('seconds') }
const transactions = readCount('transactions')
const waiting = readCount('waiting')

class Server {
  #child = fork(SERVER)
  #ended = once(this.#child, 'exit').then(([code]) => {
    throw new Error(`a server ended with code ${code}`)
  })

  async ask(message) {
    this.#child.send(message)
    const [{ result, error }] = await Promise.race([once(this.#child, 'message'), this.#ended])
    if (error !== undefined) throw new Error(error)
    return result
  }

  async stop() {
    this.#child.kill()
    await this.#ended.catch(() => undefined)
  }
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]
}

const node = new Server()
const bare = new Server()
try {
  process.stderr.write(`a chain with ${transactions} transactions in a block, ${waiting} waiting\n`)
  const target = await node.ask({ type: 'node', transactions, waiting })
  const calls = [
    [SMALL_METHOD, []],
    ['getblock', [target.full, 2]],
    ['getblocktemplate', [{ rules: ['segwit'] }]],
  ]
  const answers = []
  for (const [method, params] of calls) {
    answers.push([method, await askOnce(target, method, params)])
  }
  const bareTarget = await bare.ask({ type: 'bare', answers })
  const methods = {}
  const ratios = []
  let longestLoopHoldMs = 0
  for (const [method, params] of calls) {
    process.stderr.write(`${method}\n`)
    const rounds = []
    await node.ask({ type: 'watch' })
    for (let round = 0; round < ROUNDS; round++) {
      // Turn about, so that what else the machine does weighs on both.
      const ours = await measure(target, method, params, load)
      const theirs = await measure(bareTarget, method, params, load)
      rounds.push({ ours, theirs })
    }
    const { longestMs } = await node.ask({ type: 'holds' })
    longestLoopHoldMs = Math.max(longestLoopHoldMs, longestMs)
    const ratio = median(
      rounds.map(({ ours, theirs }) => ours.requestsPerSecond / theirs.requestsPerSecond),
    )
    if (method === SMALL_METHOD) ratios.push(ratio)
    methods[method] = {
      answerBytes: Buffer.byteLength(answers.find(([name]) => name === method)[1]),
      requestsPerSecond: median(rounds.map(({ ours }) => ours.requestsPerSecond)),
      p50Ms: median(rounds.map(({ ours }) => ours.p50Ms)),
      p99Ms: median(rounds.map(({ ours }) => ours.p99Ms)),
      ratioToBareServer: ratio,
      longestLoopHoldMs: longestMs,
    }
  }
  process.stderr.write('new templates\n')
  const templates = []
  const sendings = []
  await node.ask({ type: 'templates' })
  for (let i = 0; i < 5; i++) {
    // A changed mempool and a stale template: prioritising counts as a change.
    const [txid] = JSON.parse(await askOnce(target, 'getrawmempool', [])).result
    await askOnce(target, 'prioritisetransaction', [txid, 0, 1])
    await new Promise((resolve) => setTimeout(resolve, 5_500))
    for (const [server, times] of [
      [target, templates],
      [bareTarget, sendings],
    ]) {
      const start = performance.now()
      await askOnce(server, 'getblocktemplate', [{ rules: ['segwit'] }])
      times.push(performance.now() - start)
    }
  }
  const byMethod = (field) =>
    Object.fromEntries(Object.entries(methods).map(([name, figures]) => [name, figures[field]]))
  const report = {
    machine: `Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
    load: loadavg()[0],
    clients: load.clients,
    ratioToBareServer: ratios[0],
    requestsPerSecond: byMethod('requestsPerSecond'),
    p99Ms: byMethod('p99Ms'),
    longestLoopHoldMs,
    template: {
      waiting,
      ms: median(await node.ask({ type: 'templates' })),
      // From the request to the last byte of the answer.
      overHttpMs: median(templates),
      worstMs: Math.max(...templates),
      // What the bare library takes to send the same bytes.
      bareMs: median(sendings),
    },
    methods,
  }
  if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  else print(report)
} finally {
  await node.stop()
  await bare.stop()
}

function print(report) {
  const line = (text) => process.stdout.write(`${text}\n`)
  line(`${report.machine}, load ${report.load.toFixed(1)}, ${report.clients} clients\n`)
  for (const [name, figures] of Object.entries(report.methods)) {
    line(`${name} (${(figures.answerBytes / 1_000).toFixed(1)} kB)`)
    line(
      `  ${figures.requestsPerSecond.toFixed(0)} a second, ${(100 * figures.ratioToBareServer).toFixed(0)} % of the bare library`,
    )
    line(
      `  p50 ${figures.p50Ms.toFixed(1)} ms, p99 ${figures.p99Ms.toFixed(1)} ms, loop held for ${figures.longestLoopHoldMs.toFixed(0)} ms at the longest`,
    )
  }
  const { template } = report
  line(
    `\na new template out of ${template.waiting} transactions: ${template.ms.toFixed(0)} ms, ${template.overHttpMs.toFixed(0)} with its JSON over HTTP, ${template.worstMs.toFixed(0)} at the worst; the bare library sends the same bytes in ${template.bareMs.toFixed(0)} ms`,
  )
}
