import { describe, expect, it } from 'vitest'
import {
  type Coin,
  CoinsView,
  connectBlock,
  createConsensusParams,
  disconnectBlock,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import { outPointKey } from '../../../src/primitives/index.ts'
import { createBlock, placeGenesis } from '../../support/chain-generator.ts'
import { spendOpen } from '../../support/open-spends.ts'

const params = { ...createConsensusParams(REGTEST_SPEC), coinbaseMaturityBlocks: 1 }
const first = createBlock(placeGenesis(params), params)
const [tx] = first.block.transactions
if (tx === undefined) throw new RangeError('a block without a coinbase')
const spend = spendOpen([{ tx, vout: 0 }], 1_000n, 2)
const second = createBlock(first, params, { transactions: [spend] })

describe('disconnectBlock', () => {
  it('gives spent coins back and removes all that the block made, its coinbase too', () => {
    const coin: Coin = {
      output: tx.outputs[0] ?? { value: 0n, scriptPubKey: new Uint8Array(0) },
      height: 1,
      isCoinbase: true,
    }
    const spent = { txid: spend.inputs[0]?.prevout.txid ?? first.hash, vout: 0 } as Parameters<
      CoinsView['get']
    >[0]
    const view = new CoinsView(new Map([[outPointKey(spent), coin]]))
    const context = {
      height: 2,
      hash: second.hash,
      params,
      enforcesBip30: true,
      parentMedianTimePast: 0,
      medianTimePastAt: () => 0,
    }
    const { undo } = connectBlock(second.block, view, context as Parameters<typeof connectBlock>[2])
    expect(view.get(spent)).toBeUndefined()
    expect([...view.changes()].filter((change) => change.coin !== undefined)).toHaveLength(3)
    disconnectBlock(second.block, undo, view)
    expect(view.get(spent)).toEqual(coin)
    expect(
      [...view.changes()]
        .filter((change) => change.coin !== undefined)
        .map(({ outPoint }) => outPoint.vout),
    ).toEqual([0])
  })

  it('refuses undo data of another block', () => {
    const view = new CoinsView(new Map())
    expect(() => disconnectBlock(second.block, [], view)).toThrow('number of transactions')
    expect(() => disconnectBlock(second.block, [[]], view)).toThrow('number of inputs')
  })
})
