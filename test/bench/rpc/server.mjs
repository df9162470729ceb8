/**
 * One of the two servers that are compared, in a process of its own: a node with a chain worth asking for, or the HTTP
 * library alone, which answers each method with the bytes that it is given.
 *
 * Messages in: `{ type: 'node', transactions, waiting }`, `{ type: 'bare', answers }`, `{ type: 'watch' }`,
 * `{ type: 'holds' }`, `{ type: 'templates' }`. Every one is answered.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import fastify from 'fastify'

const { startNode } = await import('../../../dist/program/nodejs/index.js')
const { computeTxid, decodeBlock, encodeTransaction } = await import(
  '../../../dist/primitives/index.js'
)
const { decodeHex, encodeHex } = await import('../../../dist/util/index.js')

/** Anyone can spend it. */
const OP_TRUE = Uint8Array.of(0x51)
const MATURITY = 100
const FEE = 1_000n
const OUTPUTS_PER_COINBASE = 2_500

/** How long the event loop is held, from when it is reset. */
const holds = monitorEventLoopDelay({ resolution: 1 })
let node
/** How long the node itself took for each template that filled a block, in milliseconds. */
const templates = []

function spend(tx, vout, count) {
  const total = tx.outputs[vout].value - FEE * BigInt(count)
  return {
    version: 2,
    inputs: [
      {
        prevout: { txid: computeTxid(tx), vout },
        scriptSig: new Uint8Array(0),
        sequence: 0xffff_ffff,
        witness: [],
      },
    ],
    outputs: Array.from({ length: count }, () => ({
      value: total / BigInt(count),
      scriptPubKey: OP_TRUE,
    })),
    lockTime: 0,
  }
}

async function send(tx) {
  await node.call('sendrawtransaction', encodeHex(encodeTransaction(tx)), 0)
  return tx
}

/** A node with a block of many transactions, and many more that wait. */
async function createNode(transactions, waiting) {
  // Of the transactions that wait, a block holds 10,000 and more.
  const filled = Math.min(10_000, waiting / 2)
  const onLog = ({ message, fields }) => {
    if (message === 'block template built' && fields.transactions > filled) {
      templates.push(fields.ms)
    }
  }
  node = await startNode({ acceptNonStandard: true, onLog })
  const coinbases = Math.ceil((transactions + waiting) / OUTPUTS_PER_COINBASE)
  const hashes = await node.call('generatetodescriptor', MATURITY + coinbases, 'raw(51)')
  const outputs = []
  for (const hash of hashes.slice(0, coinbases)) {
    const block = decodeBlock(decodeHex(await node.call('getblock', hash, 0)))
    const split = await send(spend(block.transactions[0], 0, OUTPUTS_PER_COINBASE))
    outputs.push(...split.outputs.map((_, vout) => [split, vout]))
  }
  await node.call('generatetodescriptor', 1, 'raw(51)')
  for (const [tx, vout] of outputs.splice(0, transactions)) await send(spend(tx, vout, 1))
  const [full] = await node.call('generatetodescriptor', 1, 'raw(51)')
  for (const [tx, vout] of outputs.splice(0, waiting)) await send(spend(tx, vout, 1))
  const { rpcUrl, rpcUser, rpcPassword } = node
  return { url: rpcUrl, auth: `${rpcUser}:${rpcPassword}`, full }
}

async function createBareServer(answers) {
  const app = fastify({ logger: false })
  const bytes = new Map(answers.map(([method, text]) => [method, Buffer.from(text)]))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  // It has to look for the method, as every server of JSON-RPC has.
  app.post('/', (request, reply) =>
    reply.type('application/json').send(bytes.get(JSON.parse(request.body).method)),
  )
  return { url: await app.listen({ host: '127.0.0.1', port: 0 }) }
}

async function answer(message) {
  switch (message.type) {
    case 'node':
      return createNode(message.transactions, message.waiting)
    case 'bare':
      return createBareServer(message.answers)
    case 'watch':
      holds.enable()
      holds.reset()
      return {}
    case 'templates':
      return templates.splice(0)
    case 'holds':
      return { longestMs: holds.max / 1e6 }
    default:
      throw new RangeError(`no such message: ${message.type}`)
  }
}

process.on('message', async (message) => {
  try {
    process.send({ result: await answer(message) })
  } catch (error) {
    process.send({ error: `${error?.stack ?? error}` })
  }
})
