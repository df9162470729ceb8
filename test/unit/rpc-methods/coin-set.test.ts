import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { concatBytes, decodeHex, encodeHex, reverseBytes } from '../../../src/util/index.ts'
import { createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import { createRegtestNode } from '../../support/regtest-node.ts'

const params = createConsensusParams(REGTEST_SPEC)

/** A coin as Bitcoin Core serialises it for hashes, put together by hand. */
function serialise(txid: string, height: number, value: bigint, script: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(16))
  head.setUint32(0, 0, true)
  head.setUint32(4, height * 2 + 1, true)
  head.setBigInt64(8, value, true)
  return concatBytes(
    reverseBytes(decodeHex(txid)),
    new Uint8Array(head.buffer),
    Uint8Array.of(script.length),
    script,
  )
}

describe('gettxoutsetinfo', () => {
  it('counts and hashes the coins as Bitcoin Core does', async () => {
    const node = await createRegtestNode()
    const script = Uint8Array.of(0x51)
    const blocks = createBlocks(placeGenesis(params), params, 3, { payoutScript: script })
    for (const { block } of blocks) await node.chain.acceptBlock(block)
    const coins = await Promise.all(
      blocks.map(async (_, i) => {
        const hash = await node.call('getblockhash', i + 1)
        const { tx } = (await node.call('getblock', hash)) as { tx: [string] }
        return { txid: tx[0], element: serialise(tx[0], i + 1, 5_000_000_000n, script) }
      }),
    )
    const inOrder = coins
      .map(({ element }) => element)
      .sort((a, b) => (encodeHex(a.subarray(0, 32)) < encodeHex(b.subarray(0, 32)) ? -1 : 1))
    const serialised = encodeHex(reverseBytes(sha256(sha256(concatBytes(...inOrder)))))
    const common = {
      height: 3,
      bestblock: node.chain.tip.hashHex,
      txouts: 3,
      transactions: 3,
      bogosize: 3 * 51,
      total_amount: 150,
      disk_size: 6_789,
    }
    expect(await node.call('gettxoutsetinfo')).toEqual({ ...common, hash_serialized_3: serialised })
    expect(await node.call('gettxoutsetinfo', 'none')).toEqual(common)
    const { muhash, ...rest } = (await node.call('gettxoutsetinfo', 'muhash')) as { muhash: string }
    expect(rest).toEqual(common)
    expect(muhash).toMatch(/^[0-9a-f]{64}$/)
  })

  it('has the hash of the empty set at genesis', async () => {
    const node = await createRegtestNode()
    // MuHash of nothing: SHA-256 of the number 1 in 384 bytes.
    const one = new Uint8Array(384)
    one[0] = 1
    expect(await node.call('gettxoutsetinfo', 'muhash')).toMatchObject({
      height: 0,
      txouts: 0,
      muhash: encodeHex(reverseBytes(sha256(one))),
    })
  })

  it('knows no other heights', async () => {
    const node = await createRegtestNode()
    await expect(node.call('gettxoutsetinfo', 'muhash', 1)).rejects.toMatchObject({
      code: -8,
      message: 'Querying specific block heights requires coinstatsindex',
    })
  })
})
