import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { connectToPool } from '../../../src/platform/nodejs/pool-socket.ts'
import { MAX_POOL_LINE_BYTES } from '../../../src/stratum/index.ts'

/** Connects to a pool that does as told with its socket. @returns What the miner has heard by the end. */
async function hear(
  serve: (socket: Socket) => void,
): Promise<{ lines: string[]; problem: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serve(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const lines: string[] = []
  const problem = await new Promise<string>((resolve) => {
    const connection = connectToPool(
      { host: '127.0.0.1', port },
      { onLine: (line) => lines.push(line), onClosed: resolve },
    )
    connection.send('hello\n')
  })
  server.close()
  return { lines, problem }
}

it('reads the lines of a pool, and sends what was written before the connection stood', async () => {
  const { lines, problem } = await hear((socket) => {
    socket.once('data', (chunk) => socket.end(`you said ${chunk}and no more\n`))
  })
  expect(lines).toEqual(['you said hello', 'and no more'])
  expect(problem).toMatch(/has ended/)
})

it('leaves a pool that sends a line without end', async () => {
  const { lines, problem } = await hear((socket) => {
    socket.write(`fine\n${'x'.repeat(MAX_POOL_LINE_BYTES)}\n${'y'.repeat(MAX_POOL_LINE_BYTES + 1)}`)
  })
  expect(lines.map(({ length }) => length)).toEqual([4, MAX_POOL_LINE_BYTES])
  expect(problem).toMatch(/line without end/)
})

it('says that nothing listens', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const problem = await new Promise((resolve) => {
    connectToPool({ host: '127.0.0.1', port }, { onLine: () => undefined, onClosed: resolve })
  })
  expect(problem).toMatch(/Nothing listens/)
})
