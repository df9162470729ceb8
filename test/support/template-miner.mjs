// @ts-check
/**
 * A miner that works as cpuminer does: `getblocktemplate`, its own coinbase, its own merkle root, its own proof of
 * work, `submitblock`, and a long poll for the next. Shares no code with src, and runs without being compiled.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'

const NONCE_COUNT = 2 ** 32
/** Nonces between two looks at whether the work is stale. */
const SLICE = 20_000

/** @param {Uint8Array} bytes */
function sha256d(bytes) {
  return createHash('sha256').update(createHash('sha256').update(bytes).digest()).digest()
}

/**
 * Between the spelling for people and the order of bytes.
 *
 * @param {string} hex
 */
function reversed(hex) {
  return Buffer.from(hex, 'hex').reverse()
}

/** @param {number} value */
function uint32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** @param {number} value */
function compactSize(value) {
  if (value < 0xfd) return Buffer.of(value)
  return Buffer.of(0xfd, value & 0xff, value >>> 8)
}

/** @param {Uint8Array} bytes */
function withSize(bytes) {
  return Buffer.concat([compactSize(bytes.length), bytes])
}

/**
 * A height as BIP-0034 wants it: up to 16 as one operation, above as the shortest number with a sign.
 *
 * @param {number} height
 */
function encodeHeight(height) {
  if (height <= 16) return Buffer.of(0x50 + height)
  const bytes = []
  for (let rest = height; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256)
  if ((bytes.at(-1) ?? 0) >= 0x80) bytes.push(0)
  return withSize(Buffer.from(bytes))
}

/** @param {readonly Buffer[]} hashes */
function computeMerkleRoot(hashes) {
  let level = [...hashes]
  while (level.length > 1) {
    const next = []
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] ?? Buffer.alloc(32)
      next.push(sha256d(Buffer.concat([left, level[i + 1] ?? left])))
    }
    level = next
  }
  return level[0] ?? Buffer.alloc(32)
}

/**
 * The output script that commits to the witnesses of a template's transactions.
 *
 * @param {any} template
 */
export function computeCommitment(template) {
  const hashes = template.transactions.map((/** @type {any} */ tx) => reversed(tx.hash))
  const root = computeMerkleRoot([Buffer.alloc(32), ...hashes])
  const commitment = sha256d(Buffer.concat([root, Buffer.alloc(32)]))
  return Buffer.concat([Buffer.from('6a24aa21a9ed', 'hex'), commitment])
}

/**
 * @param {any} template
 * @param {Uint8Array} payoutScript
 * @param {string} tag
 * @param {number} extraNonce
 */
function createCoinbase(template, payoutScript, tag, extraNonce) {
  const script = Buffer.concat([
    encodeHeight(template.height),
    withSize(Buffer.from(tag, 'latin1')),
    withSize(uint32(extraNonce)),
  ])
  const output = (/** @type {number} */ value, /** @type {Uint8Array} */ to) => {
    const amount = Buffer.alloc(8)
    amount.writeBigInt64LE(BigInt(value))
    return Buffer.concat([amount, withSize(to)])
  }
  const input = Buffer.concat([
    Buffer.alloc(32),
    uint32(0xffff_ffff),
    withSize(script),
    uint32(0xffff_ffff),
  ])
  const outputs = Buffer.concat([
    Buffer.of(2),
    output(template.coinbasevalue, payoutScript),
    output(0, computeCommitment(template)),
  ])
  const bare = Buffer.concat([uint32(1), Buffer.of(1), input, outputs, uint32(0)])
  const witness = Buffer.concat([Buffer.of(1), withSize(Buffer.alloc(32))])
  const marked = Buffer.concat([uint32(1), Buffer.of(0, 1, 1), input, outputs, witness, uint32(0)])
  return { bare, marked }
}

/**
 * A block for a template, without its proof of work.
 *
 * @param {any} template
 * @param {{ payoutScript: Uint8Array, tag?: string, extraNonce?: number, hasWitness?: boolean }} options - Without
 * witness the coinbase is as most miners send it: the node fills the witness in.
 */
export function createBlock(
  template,
  { payoutScript, tag = '/cpu/', extraNonce = 0, hasWitness = false },
) {
  const { bare, marked } = createCoinbase(template, payoutScript, tag, extraNonce)
  const txids = template.transactions.map((/** @type {any} */ tx) => reversed(tx.txid))
  const header = Buffer.concat([
    uint32(template.version),
    reversed(template.previousblockhash),
    computeMerkleRoot([sha256d(bare), ...txids]),
    uint32(template.curtime),
    reversed(template.bits),
    uint32(0),
  ])
  const data = template.transactions.map((/** @type {any} */ tx) => Buffer.from(tx.data, 'hex'))
  const body = Buffer.concat([compactSize(1 + data.length), hasWitness ? marked : bare, ...data])
  return { header, body, target: template.target }
}

/**
 * Finds a nonce, one hash after the other; undefined if there is none or the work is stale.
 *
 * @param {{ header: Buffer, target: string }} block - Its header is changed.
 * @param {() => boolean} isStale
 */
export async function solve({ header, target }, isStale = () => false) {
  for (let nonce = 0; nonce < NONCE_COUNT; nonce++) {
    header.writeUInt32LE(nonce, 76)
    if (sha256d(header).reverse().toString('hex') <= target) return nonce
    if (nonce % SLICE !== SLICE - 1) continue
    await new Promise((resolve) => setImmediate(resolve))
    if (isStale()) return undefined
  }
  return undefined
}

/**
 * A block as it is sent.
 *
 * @param {{ header: Buffer, body: Buffer }} block
 */
export function encodeBlock({ header, body }) {
  return Buffer.concat([header, body]).toString('hex')
}

/** @param {{ header: Buffer }} block */
export function hashOf({ header }) {
  return sha256d(header).reverse().toString('hex')
}

/** Why a call failed, as the node says. */
export class CallError extends Error {
  /** @param {{ code: number, message: string }} error */
  constructor({ code, message }) {
    super(message)
    this.code = code
  }
}

/** Talks to one node over connections that stay open. */
export class TemplateClient {
  /** @param {{ rpcUrl: string, cookiePath: string }} node */
  constructor({ rpcUrl, cookiePath }) {
    this.url = rpcUrl
    this.auth = readFileSync(cookiePath, 'utf8').trim()
    this.agent = new Agent({ keepAlive: true })
  }

  /**
   * @param {string} method
   * @param {readonly unknown[]} params
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  call(method, params = [], signal) {
    // As cpuminer writes it: no version, and 0 for an id.
    const body = JSON.stringify({ method, params, id: 0 })
    const { url, auth, agent } = this
    return new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      }
      const options = {
        method: 'POST',
        agent,
        auth,
        headers,
        ...(signal === undefined ? {} : { signal }),
      }
      const asking = request(url, options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('error', reject)
        response.on('end', () => {
          try {
            const { result, error } = JSON.parse(text)
            if (error === null) resolve(result)
            else reject(new CallError(error))
          } catch {
            reject(new Error(`${method}: HTTP ${response.statusCode}: ${text.slice(0, 200)}`))
          }
        })
      })
      asking.on('error', reject)
      asking.end(body)
    })
  }

  /**
   * @param {string} [longpollid] - Waits until there is something better.
   * @param {AbortSignal} [signal]
   */
  getTemplate(longpollid, signal) {
    const capabilities = ['coinbasetxn', 'coinbasevalue', 'longpoll', 'workid']
    const wish = {
      capabilities,
      rules: ['segwit'],
      ...(longpollid === undefined ? {} : { longpollid }),
    }
    return this.call('getblocktemplate', [wish], signal)
  }

  close() {
    this.agent.destroy()
  }
}
