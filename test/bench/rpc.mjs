/**
 * Measures how many JSON-RPC requests a node answers to many clients at a time, beside the HTTP library that it uses,
 * answering the same bytes without a node behind it; how long the node's event loop is held meanwhile; and how long a
 * new block template takes with a large mempool, from the request to the last byte of the answer.
 *
 *   node test/bench/rpc.mjs [--json] [--record] [--tiny] [--seconds N] [--clients N] [--transactions N] [--waiting N]
 *     [--templates N]
 *
 * Each server has a process of its own, this one is the clients'. Nothing here passes or fails on a time.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { build, isBuilt } from '../../scripts/build.mjs'
import { readOptions } from './report/options.mjs'
import { endReport, formatMachine, startReport } from './report/report.mjs'
import { askOnce, measure } from './rpc/clients.mjs'

if (!isBuilt()) build()

const SERVER = fileURLToPath(new URL('./rpc/server.mjs', import.meta.url))
/** The call whose rate is compared with the bare library's: little but the server itself. */
const SMALL_METHOD = 'getblockcount'
const ROUNDS = 3

const options = readOptions({
  seconds: { usual: 3, tiny: 0.2, isWhole: false },
  clients: { usual: 32, tiny: 4 },
  transactions: { usual: 1_000, tiny: 20 },
  waiting: { usual: 50_000, tiny: 100 },
  templates: { usual: 5, tiny: 1 },
})
const { seconds, clients, transactions, waiting, templates: templateCount } = options.sizes
const load = { clients, seconds }
const machine = startReport()

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
  for (let i = 0; i < templateCount; i++) {
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
    ...machine,
    clients,
    ratioToBareServer: methods[SMALL_METHOD].ratioToBareServer,
    // Of requests a second to those of the bare library.
    ratios: byMethod('ratioToBareServer'),
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
  endReport('rpc', options, report, print)
} finally {
  await node.stop()
  await bare.stop()
}

function print(report) {
  const line = (text) => process.stdout.write(`${text}\n`)
  line(`${formatMachine(report)}, ${report.clients} clients\n`)
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
