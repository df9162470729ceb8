import { describe, expect, it } from 'vitest'
import {
  checkProofOfWork,
  contextualCheckHeader,
  createConsensusParams,
  encodeChainSpec,
  MAINNET_SPEC,
  parseChainSpec,
  REGTEST_SPEC,
} from '../../../src/consensus/index.ts'
import {
  type BlockHash,
  type BlockHeader,
  computeBlockHash,
  encodeBlock,
  fromDisplayHex,
  toDisplayHex,
} from '../../../src/primitives/index.ts'
import { encodeHex } from '../../../src/util/index.ts'

const mainnet = createConsensusParams(MAINNET_SPEC)

/** Bitcoin's genesis block, as every node has it. */
const MAINNET_GENESIS_HEX =
  '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e' +
  '67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c0101000000010000000000000000000000' +
  '000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a' +
  '616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f' +
  '722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a679' +
  '62e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000'

/** Real mainnet headers: the first after genesis, and three that begin a retarget window. */
const MAINNET_HEADERS = [
  {
    height: 1,
    hash: '00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048',
    prev: '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
    merkleRoot: '0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098',
    version: 1,
    time: 1_231_469_665,
    bits: 0x1d00ffff,
    nonce: 2_573_394_689,
  },
  {
    height: 2016,
    hash: '00000000a141216a896c54f211301c436e557a8d55900637bbdce14c6c7bddef',
    prev: '00000000693067b0e6b440bc51450b9f3850561b07f6d3c021c54fbd6abb9763',
    merkleRoot: '572c6d6b54dda72004df004a95575a2b772acd8876e58f8c81c8a9cdae70e4ac',
    version: 1,
    time: 1233063531,
    bits: 0x1d00ffff,
    nonce: 790229043,
  },
  {
    height: 116928,
    hash: '000000000000494457221111a6a99da34a993c69c2761582bec31f90ba5d560d',
    prev: '000000000000691d0c2444db713bf6c088844cc95a37cdc55cc269bb0a31d8c8',
    merkleRoot: 'b078fa61db5798d5795f1c8355e2ac618afa5f364dc2ffcd58e8e63835d400ee',
    version: 1,
    time: 1302034197,
    bits: 0x1b00cbbd,
    nonce: 1763741052,
  },
  {
    height: 403200,
    hash: '000000000000000000c4272a5c68b4f55e5af734e88ceab09abf73e9ac3b6d01',
    prev: '00000000000000000404b6939e6c35a5448386e5d58f318c82ce2fefb7d73e47',
    merkleRoot: 'd2d30e2d177ec58fa47231a5a178475f7cfa9b8c555fa58ef1f8b2b7e5ca0944',
    version: 4,
    time: 1458292068,
    bits: 0x1806a4c3,
    nonce: 3351354287,
  },
]

describe('genesis', () => {
  it('is Bitcoin’s on mainnet, byte for byte', () => {
    expect(encodeHex(encodeBlock(mainnet.genesis))).toBe(MAINNET_GENESIS_HEX)
    expect(toDisplayHex(mainnet.genesisHash)).toBe(
      '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
    )
  })

  it('is Bitcoin Core’s on regtest', () => {
    expect(toDisplayHex(createConsensusParams(REGTEST_SPEC).genesisHash)).toBe(
      '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
    )
  })

  it('has the work that it claims on both', () => {
    for (const spec of [MAINNET_SPEC, REGTEST_SPEC]) {
      const params = createConsensusParams(spec)
      expect(() =>
        checkProofOfWork(params.genesis.header, params.genesisHash, params),
      ).not.toThrow()
    }
  })

  it('follows from the spec alone', () => {
    const spec = {
      version: 1,
      name: 'mine',
      genesis: { time: 1_700_000_000, message: 'hello' },
      retarget: { targetSpacingSeconds: 2 },
    }
    const one = createConsensusParams(parseChainSpec(spec))
    const same = createConsensusParams(parseChainSpec(structuredClone(spec)))
    const other = createConsensusParams(
      parseChainSpec({ ...spec, genesis: { ...spec.genesis, time: 1_700_000_001 } }),
    )
    expect(toDisplayHex(one.genesisHash)).toBe(toDisplayHex(same.genesisHash))
    expect(one.chainId).toBe(same.chainId)
    expect(toDisplayHex(one.genesisHash)).not.toBe(toDisplayHex(other.genesisHash))
    expect(one.chainId).not.toBe(other.chainId)
  })
})

describe('real mainnet headers', () => {
  it.each(MAINNET_HEADERS)('block $height hashes to what it should and has its work', (real) => {
    const header: BlockHeader = {
      version: real.version,
      prevBlockHash: fromDisplayHex<BlockHash>(real.prev),
      merkleRoot: fromDisplayHex(real.merkleRoot),
      time: real.time,
      bits: real.bits,
      nonce: real.nonce,
    }
    const hash = computeBlockHash(header)
    expect(toDisplayHex(hash)).toBe(real.hash)
    expect(() => checkProofOfWork(header, hash, mainnet)).not.toThrow()
    const other = computeBlockHash({ ...header, nonce: header.nonce ^ 1 })
    expect(() => checkProofOfWork(header, other, mainnet)).toThrow('high-hash')
  })

  it('keep the contextual rules: block 1 after genesis', () => {
    const [real] = MAINNET_HEADERS
    if (real === undefined) throw new RangeError('no headers')
    const { header } = mainnet.genesis
    const parent = {
      height: 0,
      time: header.time,
      bits: header.bits,
      prev: undefined,
      getAncestor: () => undefined,
    }
    const candidate: BlockHeader = {
      ...header,
      prevBlockHash: mainnet.genesisHash,
      time: real.time,
      bits: real.bits,
    }
    const check = (changes: Partial<BlockHeader>, now = real.time) =>
      contextualCheckHeader({ ...candidate, ...changes }, parent, now, mainnet)
    expect(() => check({})).not.toThrow()
    expect(() => check({ bits: 0x1d00fffe })).toThrow('bad-diffbits')
    expect(() => check({ time: header.time })).toThrow('time-too-old')
    expect(() => check({ time: header.time + 1 })).not.toThrow()
    expect(() => check({}, real.time - 7_200)).not.toThrow()
    expect(() => check({}, real.time - 7_201)).toThrow('time-too-new')
  })

  it('gives a chain its parameters by what its spec says, not by which object says it', () => {
    const copy = parseChainSpec(JSON.parse(encodeChainSpec(MAINNET_SPEC)))
    expect(createConsensusParams(copy)).toEqual(createConsensusParams(MAINNET_SPEC))
    expect(Object.keys(createConsensusParams(copy).scriptFlagExceptions)).toHaveLength(2)
  })
})
