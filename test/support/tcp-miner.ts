/** @module A miner at the other end of a socket, which hashes what it is told to. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { decodeBits, hashToNumber } from '../../src/consensus/index.ts'
import { sha256d } from '../../src/primitives/index.ts'
import { buildHeader, type NotifiedJob, parseNotify, type ServerMessage } from './stratum-text.ts'

const TIMEOUT_MS = 60_000

/** Speaks Stratum as small miners do, and finds blocks where one hash in some thousand is one. */
export class TcpMiner {
  readonly messages: ServerMessage[] = []
  readonly #socket: Socket
  readonly #user: string
  #text = ''
  #lastId = 0
  #extraNonce1 = ''
  #counter = 0
  isClosed = false
  readonly #waiting = new Set<() => void>()

  private constructor(socket: Socket, user: string) {
    this.#socket = socket
    this.#user = user
    socket.setEncoding('utf8').on('data', (chunk) => this.#receive(String(chunk)))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  /** Connects and shakes hands. @param url - `stratum+tcp://127.0.0.1:3333` */
  static async connect(url: string, user: string, password = 'x'): Promise<TcpMiner> {
    const { hostname, port } = new URL(url.replace('stratum+tcp', 'http'))
    const socket = connect({ host: hostname, port: Number(port) })
    await once(socket, 'connect')
    const miner = new TcpMiner(socket, user)
    const subscribed = await miner.call('mining.subscribe', ['test/1'])
    const [, extraNonce1] = (subscribed.result ?? []) as readonly unknown[]
    miner.#extraNonce1 = String(extraNonce1)
    await miner.call('mining.authorize', [user, password])
    await miner.until('a job', () => miner.jobs.length > 0)
    return miner
  }

  get jobs(): readonly NotifiedJob[] {
    return this.messages.filter(({ method }) => method === 'mining.notify').map(parseNotify)
  }

  get job(): NotifiedJob {
    const job = this.jobs.at(-1)
    if (job === undefined) throw new TypeError('no job')
    return job
  }

  /** Waits until what the server has sent fulfils a condition. */
  until(what: string, condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!condition()) return
        clearTimeout(timer)
        this.#waiting.delete(check)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(check)
        reject(new Error(`waited in vain: ${what}`))
      }, TIMEOUT_MS)
      this.#waiting.add(check)
      check()
    })
  }

  write(text: string): void {
    this.#socket.write(text)
  }

  async call(method: string, params: readonly unknown[]): Promise<ServerMessage> {
    this.#lastId += 1
    const id = this.#lastId
    this.write(`${JSON.stringify({ id, method, params })}\n`)
    await this.until(`the answer to ${method}`, () =>
      this.messages.some((message) => message.id === id),
    )
    return this.messages.find((message) => message.id === id) as ServerMessage
  }

  /** Finds a header of a job that meets the block's target. @returns The parameters of `mining.submit`. */
  solve(job = this.job): readonly string[] {
    const { target } = decodeBits(Number.parseInt(job.bits, 16))
    this.#counter += 1
    const extraNonce2 = this.#counter.toString(16).padStart(16, '0')
    for (let nonce = 0; ; nonce++) {
      const text = nonce.toString(16).padStart(8, '0')
      const header = buildHeader(job, this.#extraNonce1, extraNonce2, job.time, text)
      if (hashToNumber(sha256d(header)) > target) continue
      return [this.#user, job.id, extraNonce2, job.time, text]
    }
  }

  submit(params: readonly string[]): Promise<ServerMessage> {
    return this.call('mining.submit', params)
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: string): void {
    const lines = `${this.#text}${chunk}`.split('\n')
    this.#text = lines.pop() ?? ''
    for (const line of lines) this.messages.push(JSON.parse(line))
    this.#wake()
  }

  #wake(): void {
    for (const check of this.#waiting) check()
  }
}
