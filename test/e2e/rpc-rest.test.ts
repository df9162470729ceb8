/** REST of a real node, held against its RPC. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startHttpServer } from '../../src/platform/nodejs/http-server.ts'
import type { RunningNode } from '../../src/platform/nodejs/index.ts'
import { systemClock } from '../../src/platform/system.ts'
import {
  computeBlockHash,
  decodeBlock,
  decodeHeader,
  decodeTransaction,
  encodeTransaction,
  fromDisplayHex,
  HASH_SIZE,
  toDisplayHex,
} from '../../src/primitives/index.ts'
import { createDispatcher } from '../../src/rpc/index.ts'
import { ByteReader, ByteWriter, decodeHex, encodeHex } from '../../src/util/index.ts'
import { silentLog } from '../support/memory-chain.ts'
import { type Json, waitFor } from '../support/node-process.ts'
import { TestWallet } from '../support/wallet.ts'

const BUNDLE = new URL('../../dist/program/nodejs/index.js', import.meta.url).href
const { startNode } = (await import(BUNDLE)) as typeof import('../../src/platform/nodejs/index.ts')
const wallet = new TestWallet('rest')
const BLOCK_COUNT = 102
const HEADER_SIZE = 80
const MEMPOOL_HEIGHT = 0x7fff_ffff
const UNKNOWN = '11'.repeat(HASH_SIZE)

let node: RunningNode
let hashes: readonly string[]
/** Waits in the mempool; spends the coinbase of block 1. */
let waiting: string
let coinbase: string

beforeAll(async () => {
  node = await startNode({ rest: true, txindex: true })
  hashes = (await node.call('generatetoaddress', BLOCK_COUNT, wallet.address('p2wpkh'))) as string[]
  const { tx } = (await node.call('getblock', hashes[0], 2)) as Json
  const from = decodeTransaction(decodeHex(tx[0].hex))
  coinbase = tx[0].txid
  const value = (from.outputs[0]?.value ?? 0n) - 1_000n
  const spent = wallet.spend(from, 0, 'p2wpkh', wallet.script('p2wpkh'), value)
  waiting = (await node.call('sendrawtransaction', encodeHex(encodeTransaction(spent)))) as string
})

afterAll(() => node.stop())

async function get(path: string, init?: RequestInit) {
  const response = await fetch(`${node.rpcUrl}/rest/${path}`, init)
  const bytes = new Uint8Array(await response.arrayBuffer())
  const text = Buffer.from(bytes).toString()
  return { status: response.status, type: response.headers.get('content-type'), bytes, text }
}

/** The JSON at a path. */
async function getJson(path: string): Promise<Json> {
  const { status, type, text } = await get(path)
  expect([status, type]).toEqual([200, 'application/json'])
  expect(text.endsWith('\n')).toBe(true)
  return JSON.parse(text)
}

/** The bytes at a path, which must be those of its hexadecimal form. */
async function getBytes(path: string): Promise<Uint8Array> {
  const { status, type, bytes } = await get(`${path}.bin`)
  expect([status, type]).toEqual([200, 'application/octet-stream'])
  const hex = await get(`${path}.hex`)
  expect(hex.type).toBe('text/plain')
  expect(hex.text).toBe(`${encodeHex(bytes)}\n`)
  return bytes
}

async function refusal(path: string, init?: RequestInit): Promise<string> {
  const { status, text } = await get(path, init)
  return `${status} ${text.trim()}`
}

describe('REST', () => {
  it('gives transactions, confirmed and waiting', async () => {
    for (const txid of [coinbase, waiting]) {
      const hex = await node.call('getrawtransaction', txid)
      expect(encodeHex(await getBytes(`tx/${txid}`))).toBe(hex)
      expect(await getJson(`tx/${txid}.json`)).toMatchObject({ txid, hex })
    }
    expect((await getJson(`tx/${coinbase}.json`)).blockhash).toBe(hashes[0])
    expect(await refusal(`tx/${UNKNOWN}.json`)).toBe(`404 ${UNKNOWN} not found`)
  })

  it('gives blocks, with and without their transactions', async () => {
    const hash = hashes[4] ?? ''
    const bytes = await getBytes(`block/${hash}`)
    expect(toDisplayHex(computeBlockHash(decodeBlock(bytes).header))).toBe(hash)
    expect(await getBytes(`block/notxdetails/${hash}`)).toEqual(bytes)
    expect(await getJson(`block/${hash}.json`)).toEqual(await node.call('getblock', hash, 3))
    expect(await getJson(`block/notxdetails/${hash}.json`)).toEqual(
      await node.call('getblock', hash),
    )
    expect(await refusal(`block/${UNKNOWN}.bin`)).toBe(`404 ${UNKNOWN} not found`)
  })

  it('gives headers of the active chain, five unless told otherwise', async () => {
    const first = hashes[0]
    const bytes = await getBytes(`headers/${first}`)
    const headers = Array.from({ length: bytes.length / HEADER_SIZE }, (_, i) =>
      decodeHeader(bytes.slice(i * HEADER_SIZE, (i + 1) * HEADER_SIZE)),
    )
    expect(headers.map((header) => toDisplayHex(computeBlockHash(header)))).toEqual(
      hashes.slice(0, 5),
    )
    const two = await getJson(`headers/${first}.json?count=2`)
    expect(two.map(({ hash }: Json) => hash)).toEqual(hashes.slice(0, 2))
    expect(await getJson(`headers/2/${first}.json`)).toEqual(two)
    expect(two[0]).toEqual(await node.call('getblockheader', first))
    expect(await getJson(`headers/${first}.json?count=2000`)).toHaveLength(BLOCK_COUNT)
    expect(await getJson(`headers/${UNKNOWN}.json`)).toEqual([])
    for (const count of ['0', '2001', '-1', 'x']) {
      expect(await refusal(`headers/${first}.json?count=${count}`)).toBe(
        `400 Header count is invalid or out of acceptable range (1-2000): ${count}`,
      )
    }
  })

  it('counts the first of equal names in a query, and reads escapes', async () => {
    const path = `headers/${hashes[0]}.json`
    expect(await getJson(`${path}?count=2&count=x`)).toHaveLength(2)
    expect(await getJson(`${path}?c%6funt=%33`)).toHaveLength(3)
    expect(await getJson(`${path}?a=1&count=1&b&`)).toHaveLength(1)
    expect(await refusal('mempool/contents.json?verbose=no&verbose=true')).toMatch(
      /^400 The "verbose"/,
    )
  })

  it('refuses what is no URI in words of its own', async () => {
    const broken = 'URI parsing failed, it likely contained RFC 3986 invalid characters\r\n'
    const queries = ['%zz', '%3', '%ff', '1|2'].map(
      (count) => `headers/${UNKNOWN}.json?count=${count}`,
    )
    for (const path of ['tx/%zz.json', ...queries]) {
      const { status, type, text } = await get(path)
      expect([status, type, text]).toEqual([400, expect.stringMatching(/^text\/plain/), broken])
    }
  })

  it('gives hashes by height', async () => {
    const { bytes } = await get('blockhashbyheight/3.bin')
    expect(bytes).toEqual(Uint8Array.from(fromDisplayHex(hashes[2] ?? '')))
    expect((await get('blockhashbyheight/3.hex')).text).toBe(`${hashes[2]}\n`)
    expect(await getJson('blockhashbyheight/3.json')).toEqual({ blockhash: hashes[2] })
    expect(await refusal('blockhashbyheight/103.json')).toBe('404 Block height out of range')
    expect(await refusal('blockhashbyheight/-1.json')).toBe('400 Invalid height: -1')
    expect(await refusal('blockhashbyheight/x.json')).toBe('400 Invalid height: x')
  })

  it('tells of the chain and its forks', async () => {
    expect(await getJson('chaininfo.json')).toEqual(await node.call('getblockchaininfo'))
    expect(await getJson('deploymentinfo.json')).toEqual(await node.call('getdeploymentinfo'))
    expect(await getJson(`deploymentinfo/${hashes[0]}.json`)).toEqual(
      await node.call('getdeploymentinfo', hashes[0]),
    )
    expect(await refusal(`deploymentinfo/${UNKNOWN}.json`)).toBe('400 Block not found')
  })

  it('tells of the mempool', async () => {
    expect(await getJson('mempool/info.json')).toEqual(await node.call('getmempoolinfo'))
    expect(await getJson('mempool/contents.json')).toEqual(await node.call('getrawmempool', true))
    expect(await getJson('mempool/contents.json?verbose=false')).toEqual([waiting])
    const query = 'verbose=false&mempool_sequence=true'
    expect(await getJson(`mempool/contents.json?${query}`)).toEqual(
      await node.call('getrawmempool', false, true),
    )
    expect(await refusal('mempool/contents.json?verbose=1')).toBe(
      '400 The "verbose" query parameter must be either "true" or "false".',
    )
    expect(await refusal('mempool/contents.json?mempool_sequence=true')).toBe(
      '400 Verbose results cannot contain mempool sequence values. (hint: set "verbose=false")',
    )
    expect(await refusal('mempool/nothing.json')).toBe(
      '400 Invalid URI format. Expected /rest/mempool/<info|contents>.json',
    )
  })

  it.each(['tx/zz.json', 'block/11.json', 'headers/11.json', 'deploymentinfo/11.json'])(
    'refuses the hash in %s',
    async (path) => {
      expect(await refusal(path)).toMatch(/^400 Invalid hash: \w+$/)
    },
  )

  it('has no other forms and no other paths', async () => {
    const forms = '404 output format not found (available: .bin, .hex, .json)'
    expect(await refusal(`block/${hashes[0]}`)).toBe(forms)
    expect(await refusal(`block/${hashes[0]}.xml`)).toMatch(/^400 Invalid hash/)
    expect(await refusal('chaininfo.bin')).toBe('404 output format not found (available: json)')
    expect(await refusal('nothing.json')).toBe('404 Not found')
    expect(await refusal('chaininfo.json', { method: 'DELETE' })).toMatch(/^404/)
  })
})

describe('getutxos', () => {
  const spent = () => `${coinbase}-0`

  it('tells what is unspent, and in the mempool if that counts', async () => {
    const path = `${spent()}/${waiting}-0/${waiting}-1`
    const confirmed = await getJson(`getutxos/${path}.json`)
    expect(confirmed).toMatchObject({
      chainHeight: BLOCK_COUNT,
      chaintipHash: hashes.at(-1),
      bitmap: '100',
    })
    const output = (await node.call('gettxout', coinbase, 0, false)) as Json
    expect(confirmed.utxos).toEqual([{ height: 1, value: 50, scriptPubKey: output.scriptPubKey }])
    const all = await getJson(`getutxos/checkmempool/${path}.json`)
    expect(all.bitmap).toBe('010')
    expect(all.utxos[0]).toMatchObject({ height: MEMPOOL_HEIGHT, value: 49.99999 })
  })

  it('says the same in bytes, to a question in bytes', async () => {
    const reader = new ByteReader(await getBytes(`getutxos/${spent()}/${UNKNOWN}-7`))
    expect(reader.readUint32()).toBe(BLOCK_COUNT)
    expect(toDisplayHex(reader.readBytes(HASH_SIZE) as never)).toBe(hashes.at(-1))
    expect([reader.readUint8(), reader.readUint8(), reader.readUint8()]).toEqual([1, 0b1, 1])
    expect([reader.readUint32(), reader.readUint32()]).toEqual([0, 1])
    expect(reader.readInt64()).toBe(5_000_000_000n)
    expect(encodeHex(reader.readBytes(reader.readUint8()))).toBe(encodeHex(wallet.script('p2wpkh')))
    expect(reader.remaining).toBe(0)
    const question = new ByteWriter().writeUint8(0).writeCompactSize(2)
    for (const [txid, vout] of [
      [coinbase, 0],
      [UNKNOWN, 7],
    ] as const) {
      question.writeBytes(fromDisplayHex(txid)).writeUint32(vout)
    }
    const body = question.toBytes()
    const expected = (await get(`getutxos/${spent()}/${UNKNOWN}-7.bin`)).bytes
    const post = (form: string, sent: NonNullable<RequestInit['body']>) =>
      get(`getutxos.${form}`, { method: 'POST', body: sent })
    expect((await post('bin', Buffer.from(body))).bytes).toEqual(expected)
    expect((await post('hex', encodeHex(body))).text).toBe(`${encodeHex(expected)}\n`)
    expect((await post('bin', Buffer.from(body.slice(0, -1)))).text).toBe('Parse error\r\n')
    expect((await post('hex', 'xyz')).text).toBe('Parse error\r\n')
  })

  it('refuses nothing, nonsense, and too many', async () => {
    expect(await refusal('getutxos.json')).toBe('400 Error: empty request')
    expect(await refusal('getutxos/checkmempool.json')).toBe('400 Error: empty request')
    expect(await refusal(`getutxos/${coinbase}.json`)).toBe('400 Parse error')
    expect(await refusal(`getutxos/${coinbase}-4294967296.json`)).toBe('400 Parse error')
    expect(await refusal(`getutxos/${Array(16).fill(spent()).join('/')}.json`)).toBe(
      '400 Error: max outpoints exceeded (max: 15, tried: 16)',
    )
    const body = Buffer.from('00fe00000100', 'hex')
    expect(await refusal('getutxos.bin', { method: 'POST', body })).toBe(
      '400 Error: max outpoints exceeded (max: 15, tried: 65536)',
    )
    const both = { method: 'POST', body: Buffer.from([0]) }
    expect(await refusal(`getutxos/${spent()}.bin`, both)).toBe(
      '400 Combination of URI scheme inputs and raw post data is not allowed',
    )
    const large = { method: 'POST', body: Buffer.alloc(5_000) }
    expect((await get('getutxos.bin', large)).status).toBe(413)
  })
})

describe('who may ask', () => {
  it('is nobody unless it is wished for', async () => {
    const other = await startNode()
    try {
      expect((await fetch(`${other.rpcUrl}/rest/chaininfo.json`)).status).toBe(404)
    } finally {
      await other.stop()
    }
  })

  it('are few at a time, and leave room for those with a password', async () => {
    const releases: (() => void)[] = []
    const dispatcher = createDispatcher({
      methods: [],
      context: undefined,
      log: silentLog,
      clock: systemClock,
    })
    const server = await startHttpServer(
      {
        dispatcher,
        readiness: () => ({ isReady: true, reasons: [] }),
        rest: {
          handle: () =>
            new Promise((resolve) =>
              releases.push(() =>
                resolve({ status: 200, contentType: 'text/plain', body: 'done' }),
              ),
            ),
        },
        log: silentLog,
        clock: systemClock,
      },
      { port: 0, credentials: ['user:password'], limits: { maxRestRequests: 2 } },
    )
    try {
      const ask = () => fetch(`${server.url}/rest/chaininfo.json`)
      const waitingOnes = [ask(), ask()]
      await waitFor('both', () => Promise.resolve(releases.length === 2))
      expect((await ask()).status).toBe(503)
      const headers = { authorization: `Basic ${btoa('user:password')}` }
      const call = { method: 'POST', headers, body: '{"method":"help","id":1}' }
      expect((await fetch(server.url, call)).status).toBe(200)
      for (const release of releases) release()
      const statuses = (await Promise.all(waitingOnes)).map(({ status }) => status)
      expect(statuses).toEqual([200, 200])
      const last = ask()
      await waitFor('one more', () => Promise.resolve(releases.length === 3))
      releases[2]?.()
      expect((await last).status).toBe(200)
    } finally {
      await server.close()
    }
  })

  it('is no web page', async () => {
    const headers = { origin: 'http://evil.example' }
    expect((await get('chaininfo.json', { headers })).status).toBe(403)
  })
})
