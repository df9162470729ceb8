import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { FIRST_RPC_PORT, findNodePorts } from '../../../src/platform/nodejs/free-ports.ts'

/** Far above what a devnet beside this test uses. */
const FAR_STEP = 2_000

describe('findNodePorts', () => {
  it('steps over a pair of which one port is taken', async () => {
    const free = await findNodePorts(FAR_STEP)
    for (const port of [free.rpc, free.p2p]) {
      const server = createServer().listen(port, '127.0.0.1')
      await once(server, 'listening')
      const next = await findNodePorts(free.step)
      expect(next.step).toBeGreaterThan(free.step)
      server.close()
      await once(server, 'close')
    }
  })

  it('keeps the two ports side by side, ten apart from the next pair', async () => {
    const { rpc, p2p, step } = await findNodePorts(FAR_STEP)
    expect(p2p).toBe(rpc + 1)
    expect(rpc).toBe(FIRST_RPC_PORT + 10 * step)
  })
})
