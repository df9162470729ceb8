import { describe, expect, it } from 'vitest'
import { createConsensusParams, MAINNET_SPEC, REGTEST_SPEC } from '../../../src/consensus/index.ts'
import { computeCrc32c, openValue, sealValue } from '../../../src/store/checksum.ts'
import { LevelChainStore } from '../../../src/store/index.ts'
import { META_KEYS, SUBLEVELS } from '../../../src/store/key-map.ts'
import { createBlocks, placeGenesis } from '../../support/chain-generator.ts'
import {
  createFixedClock,
  createMemoryDatabases,
  openMemoryChain,
} from '../../support/memory-chain.ts'

const params = createConsensusParams(REGTEST_SPEC)
const genesis = placeGenesis(params)
const clock = createFixedClock(genesis.block.header.time + 100_000)

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('checksums', () => {
  it('are CRC-32C', () => {
    // The check value of the Castagnoli polynomial, and two of RFC 3720's.
    expect(computeCrc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
    expect(computeCrc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(computeCrc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
  })

  it('can be gone on with from anywhere', () => {
    const bytes = Uint8Array.from({ length: 23 }, (_, i) => i * 89)
    const whole = computeCrc32c(bytes)
    for (let at = 0; at <= bytes.length; at++) {
      expect(computeCrc32c(bytes.subarray(at), computeCrc32c(bytes.subarray(0, at)))).toBe(whole)
    }
  })

  it('notice every flipped bit and every cut', () => {
    const sealed = sealValue(Uint8Array.of(1, 2, 3))
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const damaged = Uint8Array.from(sealed)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => openValue(damaged, { what: 'thing', part: 'state' })).toThrow(
        'the stored thing is damaged',
      )
    }
    for (let size = 0; size < sealed.length; size++) {
      expect(() => openValue(sealed.subarray(0, size), { what: 'thing', part: 'state' })).toThrow(
        'damaged',
      )
    }
    expect(openValue(sealed, { what: 'thing', part: 'state' })).toEqual(Uint8Array.of(1, 2, 3))
  })
})

describe('LevelChainStore', () => {
  it.each([
    ['another genesis', createConsensusParams(MAINNET_SPEC)],
    [
      'other rules on the same genesis',
      createConsensusParams({ ...REGTEST_SPEC, halvingBlocks: 151 }),
    ],
  ])('belongs to one chain: %s is another', async (_, other) => {
    const databases = createMemoryDatabases()
    await openMemoryChain(params, clock, databases)
    expect(await codeOf(LevelChainStore.open(databases, other.chainId))).toBe('wrong-chain')
    expect(await codeOf(LevelChainStore.open(databases, params.chainId))).toBe('none')
  })

  it('keeps buried headers many to a record, and the newest one by one', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    for (const { block } of createBlocks(genesis, params, 2_100)) await chain.acceptBlock(block)
    await chain.flush()
    const countRecords = async (name: string) =>
      (await databases.state.sublevel(name).keys().all()).length
    // Heights 0 to 1,023 are a page; 1,024 to 2,047 are not buried yet.
    expect(await countRecords(SUBLEVELS.page)).toBe(1)
    expect(await countRecords(SUBLEVELS.header)).toBe(2_101 - 1_024)
    const again = await openMemoryChain(params, clock, databases)
    expect(again.tip.hash).toEqual(chain.tip.hash)
    expect(again.headerCount).toBe(2_101)
  })

  it('refuses a schema that it does not know', async () => {
    const databases = createMemoryDatabases()
    await openMemoryChain(params, clock, databases)
    const meta = databases.state.sublevel(SUBLEVELS.meta, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    })
    await meta.put(
      META_KEYS.schema as never,
      sealValue(Uint8Array.of(9, 0, 0, 0), META_KEYS.schema) as never,
    )
    expect(await codeOf(LevelChainStore.open(databases, params.chainId))).toBe('unknown-schema')
  })

  it('says which record is damaged instead of using it', async () => {
    const databases = createMemoryDatabases()
    const chain = await openMemoryChain(params, clock, databases)
    for (const { block } of createBlocks(genesis, params, 2)) await chain.acceptBlock(block)
    const bodies = databases.blocks.sublevel(SUBLEVELS.body, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    })
    const key = chain.tip.hash as never
    const value = Uint8Array.from((await bodies.get(key)) as unknown as Uint8Array)
    value[100] = (value[100] ?? 0) ^ 1
    await bodies.put(key, value as never)
    await expect(chain.readBlockBytes(chain.tip.hash)).rejects.toThrow(
      `body of block ${chain.tip.hashHex}`,
    )
  })
})
