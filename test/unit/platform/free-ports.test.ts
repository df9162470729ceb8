import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { FIRST_RPC_PORT, findNodePorts } from '../../../src/platform/nodejs/free-ports.ts'

/** Far above what a devnet beside this test uses. */
const FAR_STEP = 2_000

describe('findNodePorts', () => {
  it('steps over ports of which one is taken', async () => {
    const free = await findNodePorts(FAR_STEP, true)
    for (const port of [free.rpc, free.p2p, free.stratum]) {
      const server = createServer().listen(port, '127.0.0.1')
      await once(server, 'listening')
      const next = await findNodePorts(free.step, true)
      expect(next.step).toBeGreaterThan(free.step)
      server.close()
      await once(server, 'close')
    }
  })

  it('keeps the ports of a node side by side, ten apart from those of the next', async () => {
    const { rpc, p2p, stratum, step } = await findNodePorts(FAR_STEP, true)
    expect(stratum).toBe(3_333 + 10 * step)
    expect(p2p).toBe(rpc + 1)
    expect(rpc).toBe(FIRST_RPC_PORT + 10 * step)
  })
})
