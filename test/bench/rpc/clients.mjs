/** Clients that cost little themselves: sockets with requests that are made once, and answers that are only counted. */

import { connect } from 'node:net'

const HEAD_END = Buffer.from('\r\n\r\n')
const LENGTH = /content-length: (\d+)/i

/** One keep-alive connection. */
class Connection {
  #socket
  #chunks = []
  #size = 0
  #wanted = -1
  #onAnswer = () => {}
  #onError = () => {}

  constructor(socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', (error) => this.#onError(error))
    socket.on('close', () => this.#onError(new Error('the server closed a connection')))
  }

  /** @returns {Promise<Buffer>} The whole answer, head and body. */
  ask(request) {
    return new Promise((resolve, reject) => {
      this.#onAnswer = resolve
      this.#onError = reject
      this.#socket.write(request)
    })
  }

  close() {
    this.#onError = () => {}
    this.#socket.destroy()
  }

  #take(chunk) {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#wanted < 0) {
      const head = Buffer.concat(this.#chunks)
      const end = head.indexOf(HEAD_END)
      if (end < 0) return
      const length = LENGTH.exec(head.toString('latin1', 0, end))
      if (length === null) throw new Error('an answer without a length')
      this.#wanted = end + HEAD_END.length + Number(length[1])
    }
    if (this.#size < this.#wanted) return
    const answer = Buffer.concat(this.#chunks)
    this.#chunks = []
    this.#size = 0
    this.#wanted = -1
    this.#onAnswer(answer)
  }
}

function createRequest(url, auth, method, params) {
  const body = JSON.stringify({ id: 1, method, params })
  const head = [
    'POST / HTTP/1.1',
    `Host: ${url.host}`,
    ...(auth === undefined ? [] : [`Authorization: Basic ${btoa(auth)}`]),
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function open(url) {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => resolve(new Connection(socket)))
    socket.once('error', reject)
  })
}

/** The body of one answer. */
export async function askOnce({ url, auth }, method, params) {
  const target = new URL(url)
  const connection = await open(target)
  try {
    const answer = await connection.ask(createRequest(target, auth, method, params))
    const status = answer.toString('latin1', 9, 12)
    if (status !== '200') throw new Error(`${method} was answered with ${status}`)
    return answer.toString('utf8', answer.indexOf(HEAD_END) + HEAD_END.length)
  } finally {
    connection.close()
  }
}

/**
 * Asks the same of a server again and again, over many connections at a time.
 *
 * @returns Requests a second, and the latency that 99 in 100 stay below, in milliseconds.
 */
export async function measure({ url, auth }, method, params, { clients, seconds }) {
  const target = new URL(url)
  const request = createRequest(target, auth, method, params)
  const connections = await Promise.all(Array.from({ length: clients }, () => open(target)))
  const latencies = []
  const start = performance.now()
  const end = start + seconds * 1_000
  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < end) {
        const asked = performance.now()
        await connection.ask(request)
        latencies.push(performance.now() - asked)
      }
    }),
  )
  const elapsed = (performance.now() - start) / 1_000
  for (const connection of connections) connection.close()
  latencies.sort((a, b) => a - b)
  return {
    requestsPerSecond: latencies.length / elapsed,
    p50Ms: latencies[Math.floor(latencies.length / 2)],
    p99Ms: latencies[Math.floor(latencies.length * 0.99)],
  }
}
