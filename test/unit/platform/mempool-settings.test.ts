import { describe, expect, it } from 'vitest'
import { fillNodeSettings, type NodeSettings } from '../../../src/platform/nodejs/config.ts'
import { toNodeOptions } from '../../../src/platform/nodejs/to-node-options.ts'
import { createRegtestNode } from '../../support/regtest-node.ts'

/** What a node tells of its policy. */
async function describePolicy(given: Partial<NodeSettings>) {
  const settings = fillNodeSettings(given, 'test')
  const { mempool } = toNodeOptions(settings, { payouts: [], verifyThreads: 0, version: '0.0.0' })
  const node = await createRegtestNode({ policy: mempool.policy })
  const [info, network, mining] = [
    await node.call('getmempoolinfo'),
    await node.call('getnetworkinfo'),
    await node.call('getmininginfo'),
  ]
  return {
    policy: node.mempool.policy,
    info,
    fees: [network.relayfee, network.incrementalfee, mining.blockmintxfee],
  }
}

describe('the settings of the mempool', () => {
  it('are the defaults of Bitcoin Core', async () => {
    const { info, fees, policy } = await describePolicy({})
    expect(fees).toEqual([0.000001, 0.000001, 0.00000001])
    expect(info).toMatchObject({
      maxmempool: 300_000_000,
      mempoolminfee: 0.000001,
      minrelaytxfee: 0.000001,
      incrementalrelayfee: 0.000001,
      permitbaremultisig: true,
      maxdatacarriersize: 100_000,
    })
    expect(policy.familyLimits).toEqual({
      ancestorCount: 25,
      ancestorSize: 101_000,
      descendantCount: 25,
      descendantSize: 101_000,
    })
  })

  it('reach the policy, and what the node tells of it', async () => {
    const { info, fees, policy } = await describePolicy({
      minRelayTxFee: '0.00002',
      incrementalRelayFee: '0.00003',
      dustRelayFee: '0.00004',
      blockMinTxFee: '0.00005',
      dataCarrierSize: 83,
      permitBareMultisig: false,
      bytesPerSigop: 21,
      limitAncestorCount: 5,
      limitAncestorSize: 6,
      limitDescendantCount: 7,
      limitDescendantSize: 8,
    })
    expect(fees).toEqual([0.00002, 0.00003, 0.00005])
    expect(info).toMatchObject({
      mempoolminfee: 0.00002,
      minrelaytxfee: 0.00002,
      incrementalrelayfee: 0.00003,
      permitbaremultisig: false,
      maxdatacarriersize: 83,
    })
    expect(policy).toMatchObject({
      dustFeeRate: 4_000n,
      bytesPerSigop: 21,
      familyLimits: {
        ancestorCount: 5,
        ancestorSize: 6_000,
        descendantCount: 7,
        descendantSize: 8_000,
      },
    })
  })

  it('raise the least fee with the incremental one, unless that is set as well', async () => {
    const { fees } = await describePolicy({ incrementalRelayFee: '0.00003', dataCarrier: false })
    expect(fees.slice(0, 2)).toEqual([0.00003, 0.00003])
    const { info } = await describePolicy({ dataCarrier: false })
    expect(info.maxdatacarriersize).toBe(0)
  })
})
