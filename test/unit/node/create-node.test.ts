import '../../../src/platform/nodejs/polyfills.ts'
import { memory } from '@libp2p/memory'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type ConsensusParams,
  createConsensusParams,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import {
  type ByteDatabase,
  createNode,
  createNodeOptions,
  type DatabaseName,
  type NodeOptionsInit,
  type Platform,
  type QuarryNode,
} from '../../../src/node/index.ts'
import { createLibp2pNodeNetwork } from '../../../src/platform/libp2p-node-network.ts'
import { createMemoryPlatform } from '../../../src/platform/nodejs/memory-platform.ts'
import { silentLog } from '../../support/fixed-clock.ts'

let memoryPlatform: Platform
beforeAll(async () => {
  memoryPlatform = await createMemoryPlatform({ child: () => silentLog })
})

function startNode(
  params: ConsensusParams,
  platform: Partial<Platform> = {},
  options: Partial<NodeOptionsInit> = {},
): Promise<QuarryNode> {
  return createNode({
    params,
    platform: { ...memoryPlatform, ...platform },
    createNetwork: createLibp2pNodeNetwork({ transports: [memory()] }),
    options: createNodeOptions({ version: '0.1.0', ...options }),
    onFatal: (error) => {
      throw error
    },
    onStopRequested: () => undefined,
  })
}

/** Databases that outlive their node, and the names of those that were written after they were closed. */
function createLastingDatabases() {
  const lateWrites: DatabaseName[] = []
  const databases = new Map<DatabaseName, ByteDatabase>()
  const open = async (name: DatabaseName) => {
    const database = databases.get(name) ?? (await memoryPlatform.openDatabase(name))
    if (!databases.has(name)) {
      databases.set(name, database)
      const batch = database.batch.bind(database) as (...given: unknown[]) => unknown
      Reflect.set(database, 'batch', (...given: unknown[]) => {
        if (database.status !== 'open') lateWrites.push(name)
        return batch(...given)
      })
    }
    await database.open()
    return database
  }
  return { lateWrites, open }
}

describe('createNode', () => {
  it('warns of a chain spec that no useful chain can start from', async () => {
    const spec = (version: number) =>
      parseChainSpec({
        version,
        name: 'asert',
        genesis: { time: 1_000_000_000, bits: '1e00ffff' },
        retarget: { algorithm: 'asert', targetSpacingSeconds: 2, halfLifeSeconds: 60 },
      })
    const reasons: unknown[] = []
    const warn = (_message: string, fields = {}) => reasons.push(Reflect.get(fields, 'reason'))
    const log = { child: () => ({ ...silentLog, warn }) }
    for (const version of [2, 1]) {
      const node = await startNode(createConsensusParams(spec(version)), { log })
      await node.stop()
    }
    expect(reasons).toEqual([expect.stringMatching(/^version: 1 anchors ASERT at genesis/)])
  })

  it('writes what peers and wallets have left before it closes their database', async () => {
    const { lateWrites, open } = createLastingDatabases()
    const params = createConsensusParams(REGTEST_SPEC)
    const start = () => startNode(params, { openDatabase: open }, { hasWallet: true })
    const first = await start()
    await first.rpc.execute('createwallet', ['w'])
    const address = await first.rpc.execute('getnewaddress', [])
    await first.rpc.execute('generatetoaddress', [1, String(address)])
    await first.rpc.execute('setban', ['192.0.2.1', 'add'])
    await first.stop()
    expect(lateWrites).toEqual([])

    const second = await start()
    expect(await second.rpc.execute('listbanned', [])).toHaveLength(1)
    await second.rpc.execute('loadwallet', ['w'])
    expect(await second.rpc.execute('listtransactions', [])).toHaveLength(1)
    await second.stop()
    expect(lateWrites).toEqual([])
  })
})
