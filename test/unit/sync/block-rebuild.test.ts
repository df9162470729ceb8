import { describe, expect, it } from 'vitest'
import { createConsensusParams, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import {
  computeWtxid,
  decodeTransaction,
  encodeTransaction,
} from '../../../src/primitives/index.ts'
import { BlockRebuild } from '../../../src/sync/block-rebuild.ts'
import { createCompactBlock } from '../../../src/sync/compact-block.ts'
import { createFullBlock, createRelayScene } from '../../support/relay-scene.ts'

const params = createConsensusParams(REGTEST_SPEC)
const scene = createRelayScene(params, 8)
const { transactions } = scene
const inBlock = transactions.slice(0, 6)
const { block } = createFullBlock(scene, params, inBlock)
const compact = createCompactBlock(block, new Uint8Array(8), () => true)

describe('BlockRebuild', () => {
  it('finds its transactions among others, in any order', () => {
    const rebuild = new BlockRebuild(compact)
    rebuild.fill([...transactions].reverse())
    expect(rebuild.isComplete).toBe(true)
    expect(rebuild.toBlock()).toEqual(block)
  })

  it('says what is missing, and takes it', () => {
    const rebuild = new BlockRebuild(compact)
    rebuild.fill([inBlock[1], inBlock[4]].filter((tx) => tx !== undefined))
    expect(rebuild.isComplete).toBe(false)
    expect(rebuild.toBlock()).toBeUndefined()
    expect(rebuild.listMissing()).toEqual([1, 3, 4, 6])
    rebuild.complete([0, 2, 3, 5].flatMap((index) => inBlock[index] ?? []))
    expect(rebuild.toBlock()).toEqual(block)
  })

  it('is not complete with fewer than were missing', () => {
    const rebuild = new BlockRebuild(compact)
    rebuild.complete(inBlock.slice(1))
    expect(rebuild.toBlock()).toBeUndefined()
  })

  it('takes one transaction seen twice for one', () => {
    const rebuild = new BlockRebuild(compact)
    const copies = inBlock.map((tx) => decodeTransaction(encodeTransaction(tx)))
    rebuild.fill(inBlock)
    rebuild.fill(copies)
    expect(rebuild.toBlock()).toEqual(block)
  })

  it('leaves a place empty for which there are two, whatever comes later', () => {
    // Short ids of one bit: all transactions are in each other's way.
    const computeShortId = (wtxid: Uint8Array) => (wtxid[0] ?? 0) & 1
    const [first] = inBlock
    if (first === undefined) throw new RangeError('no transactions')
    const id = computeShortId(computeWtxid(first))
    const rivals = transactions.filter((tx) => computeShortId(computeWtxid(tx)) === id)
    expect(rivals.length).toBeGreaterThan(2)
    const one = { ...compact, shortIds: [id] }
    const rebuild = new BlockRebuild(one, computeShortId)
    rebuild.fill(rivals.slice(0, 1))
    expect(rebuild.isComplete).toBe(true)
    rebuild.fill(rivals.slice(0, 2))
    expect(rebuild.listMissing()).toEqual([1])
    rebuild.fill(rivals.slice(2))
    expect(rebuild.listMissing()).toEqual([1])
    rebuild.complete([first])
    expect(rebuild.toBlock()?.transactions).toEqual([block.transactions[0], first])
  })

  it('is hopeless if two short ids are the same', () => {
    const [id = 0, , ...rest] = compact.shortIds
    expect(new BlockRebuild(compact).isHopeless).toBe(false)
    expect(new BlockRebuild({ ...compact, shortIds: [id, id, ...rest] }).isHopeless).toBe(true)
  })
})
