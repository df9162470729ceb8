/** Miners over TCP against a real node: blocks, late blocks, refusals, floods, and what RPC says of them. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NodeProcess, TestNetwork, waitFor } from '../support/node-process.ts'
import { TcpMiner } from '../support/tcp-miner.ts'
import { TestWallet } from '../support/wallet.ts'

const BLOCKS = 100
/** Every so many blocks one is handed in for a job that is stale. */
const STALE_EVERY = 5
const wallet = new TestWallet('stratum')
const address = wallet.address('p2wpkh')

/** Jobs on a new tip, the first one included. */
function cleanJobs(miner: TcpMiner): number {
  return miner.jobs.filter(({ isClean }) => isClean).length
}

describe('a node with a Stratum server', () => {
  let network: TestNetwork
  let node: NodeProcess
  let url: string

  beforeAll(async () => {
    network = new TestNetwork()
    node = await network.start('pool', { chain: 'regtest', flags: ['--stratum', '127.0.0.1:0'] })
    url = node.ready.stratumUrl ?? ''
  })
  afterAll(() => network.close())

  it('takes every block that a miner finds, those on jobs that have just become stale too', async () => {
    const miner = await TcpMiner.connect(url, `${address}.rig`)
    let stale = 0
    for (let height = 1; height <= BLOCKS; height++) {
      await miner.until('a job on the tip', () => cleanJobs(miner) >= height)
      const { job } = miner
      const late = height % STALE_EVERY === 0 ? miner.solve(job) : undefined
      expect(await miner.submit(miner.solve(job))).toMatchObject({ result: true })
      if (late === undefined) continue
      await miner.until('a new tip', () => cleanJobs(miner) > height)
      stale += 1
      expect((await miner.submit(late)).error?.[0]).toBe(21)
    }
    expect(await node.call('getblockcount')).toBe(BLOCKS)
    const blocks = await node.call('listpoolblocks')
    expect(blocks).toHaveLength(BLOCKS + stale)
    const outcomes = (wanted: string) =>
      blocks.filter(({ outcome }: { outcome: string }) => outcome === wanted).length
    expect(outcomes('connected')).toBe(BLOCKS)
    expect(outcomes('stored')).toBe(stale)
    const tip = await node.call('getblock', await node.call('getbestblockhash'), 2)
    expect(tip.tx[0].vout[0].scriptPubKey.address).toBe(address)
    expect(await node.call('listpoolworkers')).toMatchObject([
      { worker: `${address}.rig`, connections: 1, accepted: BLOCKS, refused: { stale } },
    ])
    expect(await node.call('getpoolinfo')).toMatchObject({
      connections: 1,
      workers: 1,
      blocks_found: BLOCKS,
    })
    expect(await node.call('disconnectworker', `${address}.rig`)).toBe(1)
    await miner.until('the end of the connection', () => miner.isClosed)
  })

  it('answers no HTTP, and cuts off a line without an end', async () => {
    for (const text of ['GET / HTTP/1.1\r\n\r\n', 'x'.repeat(20_000)]) {
      const { hostname, port } = new URL(url.replace('stratum+tcp', 'http'))
      const socket = connect({ host: hostname, port: Number(port) })
      socket.on('error', () => {})
      let answer = ''
      socket.setEncoding('utf8').on('data', (chunk) => {
        answer += chunk
      })
      socket.write(text)
      await once(socket, 'close')
      expect(answer).toBe('')
    }
  })

  it('refuses a user name that nobody can be paid for', async () => {
    const { hostname, port } = new URL(url.replace('stratum+tcp', 'http'))
    const socket = connect({ host: hostname, port: Number(port) })
    let answer = ''
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk
    })
    socket.write('{"id":1,"method":"mining.authorize","params":["bob","x"]}\n')
    await waitFor('an answer', async () => answer.endsWith('\n'))
    socket.destroy()
    expect(JSON.parse(answer).error).toEqual([24, expect.stringContaining('no address'), null])
  })
})
