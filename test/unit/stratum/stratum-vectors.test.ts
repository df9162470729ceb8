import { describe, expect, it } from 'vitest'
import { hashToNumber } from '../../../src/consensus/index.ts'
import { computeShareHash } from '../../../src/pool/index.ts'
import type { BlockHash } from '../../../src/primitives/index.ts'
import { toDisplayHex } from '../../../src/primitives/index.ts'
import {
  difficultyToTarget,
  type Share,
  type StratumWork,
  targetToDifficulty,
} from '../../../src/stratum/index.ts'
import { NotifyText } from '../../../src/stratum/job.ts'
import { decodeHex } from '../../../src/util/index.ts'

/** `mining.notify` as a pool sent it, without id and `clean_jobs`. */
type Notify = readonly [string, string, string, readonly string[], string, string, string]

function readWork([prevHash, prefix, suffix, branch, version, bits, time]: Notify): StratumWork {
  const swapped = decodeHex(prevHash)
  return {
    number: 0xbf,
    height: 0,
    prevBlockHash: swapped.map((_, i) => swapped[i ^ 3] ?? 0) as BlockHash,
    version: Number.parseInt(version, 16),
    bits: Number.parseInt(bits, 16),
    target: 0n,
    time: Number.parseInt(time, 16),
    minTime: 0,
    coinbasePrefix: decodeHex(prefix),
    coinbaseSuffix: decodeHex(suffix),
    merkleBranch: branch.map(decodeHex),
  }
}

interface Vector {
  readonly name: string
  readonly notify: Notify
  readonly extraNonce1: string
  readonly extraNonce2: string
  readonly time: string
  readonly nonce: string
  readonly version: number
  readonly hash: string
  readonly difficulty: number
}

const VECTORS: readonly Vector[] = [
  {
    // Slush's documentation of Stratum: block 0000000020768 of testnet, alone in its merkle tree.
    name: "Slush's block on testnet",
    notify: [
      '4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000',
      '01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04b8864e5008',
      '072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000',
      [],
      '00000002',
      '1c2ac4af',
      '504e86b9',
    ],
    extraNonce1: '08000002',
    extraNonce2: '00000001',
    time: '504e86ed',
    nonce: 'b2957c02',
    version: 2,
    hash: '000000002076870fe65a2b6eeed84fa892c0db924f1482243a6247d931dcab32',
    difficulty: 7.88578,
  },
  {
    // public-pool, recorded from a Bitaxe that rolls the version.
    name: "a Bitaxe's share with a rolled version",
    notify: [
      '171592f223740e92d223f6e68bff25279af7ac4f2246451e0000000200000000',
      '02000000010000000000000000000000000000000000000000000000000000000000000000ffffffff1903c943255c7075626c69632d706f6f6c5c',
      'ffffffff037a90000000000000160014e6f22ca44dc800e9d049621a3b9a42c509f1c4bc3b0f250000000000160014e6f22ca44dc800e9d049621a3b9a42c509f1c4bc0000000000000000266a24aa21a9edbd3d1d916aa0b57326a2d88ebe1b68a1d7c48585f26d8335fe6a94b62755f64c00000000',
      [
        '175335649d5e8746982969ec88f52e85ac9917106fba5468e699c8879ab974a1',
        'd5644ab3e708c54cd68dc5aedc92b8d3037449687f92ec41ed6e37673d969d4a',
        '5c9ec187517edc0698556cca5ce27e54c96acb014770599ed9df4d4937fbf2b0',
      ],
      '20000000',
      '192495f8',
      '64b3f3ec',
    ],
    extraNonce1: '57a6f098',
    extraNonce2: 'c7080000',
    time: '64b3f3ec',
    nonce: 'ed460d91',
    version: 0x2000_2000,
    hash: '000000000061d52983863e5c424c00d9e0981874fddf6a8493433e73928a3e4e',
    difficulty: 669.868291,
  },
]

describe.each(VECTORS)('$name', (vector) => {
  const work = readWork(vector.notify)

  it('hashes to what the pool recorded', () => {
    const share: Share = {
      worker: { name: '', payee: '' },
      work,
      extraNonce1: decodeHex(vector.extraNonce1),
      extraNonce2: decodeHex(vector.extraNonce2),
      time: Number.parseInt(vector.time, 16),
      nonce: Number.parseInt(vector.nonce, 16),
      version: vector.version,
      shareTarget: 0n,
      difficulty: 0,
    }
    const hash = computeShareHash(share)
    expect(toDisplayHex(hash)).toBe(vector.hash)
    expect(targetToDifficulty(hashToNumber(hash))).toBeCloseTo(vector.difficulty, 4)
  })

  it('is announced in the bytes that the pool sent', () => {
    const { clean, keeping } = new NotifyText(work)
    const params = ['0000000000bf', ...vector.notify]
    expect(JSON.parse(clean)).toEqual({
      id: null,
      method: 'mining.notify',
      params: [...params, true],
    })
    expect(JSON.parse(keeping).params).toEqual([...params, false])
    expect(clean.endsWith('\n')).toBe(true)
  })
})

describe('the target of a difficulty', () => {
  it.each([
    [16_384, '000000000003fffc'],
    [1, '00000000ffff0000'],
    [0.5, '00000001fffe0000'],
    [2 ** -32, 'ffff000000000000'],
  ])('of %d begins with %s', (difficulty, start) => {
    expect(difficultyToTarget(difficulty).toString(16).padStart(64, '0').slice(0, 16)).toBe(start)
  })
})
