import { base64 } from '@scure/base'
import { describe, expect, it } from 'vitest'
import { encodeTransactionWithoutWitness, type Txid } from '../../../src/primitives/index.ts'
import { ByteWriter, concatBytes } from '../../../src/util/index.ts'
import { createRegtestNode } from '../../support/regtest-node.ts'

const MAGIC = Uint8Array.of(0x70, 0x73, 0x62, 0x74, 0xff)
const END = Uint8Array.of(0)
const TX = encodeTransactionWithoutWitness({
  version: 2,
  inputs: [
    {
      prevout: { txid: new Uint8Array(32).fill(7) as Txid, vout: 1 },
      scriptSig: new Uint8Array(),
      sequence: 0xffff_fffd,
      witness: [],
    },
  ],
  outputs: [{ value: 1_000n, scriptPubKey: Uint8Array.of(0x51) }],
  lockTime: 0,
})

function field(key: readonly number[], value: Uint8Array): Uint8Array {
  return new ByteWriter().writeVarBytes(Uint8Array.from(key)).writeVarBytes(value).toBytes()
}

const UNSIGNED = field([0], TX)
/** Types that the library, version 2 and nobody know, with and without more of the key. */
const STRANGE_KEYS = [
  [0x0f],
  [0x0e, 1],
  [0x10],
  [0x11],
  [0x12],
  [0xf0, 2],
  [0xfe, 0x51, 0x75, 0x61, 0x72, 9],
]

const STRANGE = STRANGE_KEYS.map((key) => field(key, Uint8Array.of(1, 2, 3)))
const GLOBAL = [field([0x02], Uint8Array.of(4)), field([0x06], Uint8Array.of(5))]
const OUTPUT = [field([0x03], Uint8Array.of(6)), field([0x04, 1], Uint8Array.of(7))]

function psbtOf(...parts: readonly Uint8Array[]): string {
  return base64.encode(concatBytes(MAGIC, ...parts))
}

function hasField(psbt: string, wanted: Uint8Array): boolean {
  return Buffer.from(psbt, 'base64').includes(Buffer.from(wanted))
}

describe('a PSBT with unknown fields', () => {
  it('keeps those that only version 2 has when it is combined', async () => {
    const node = await createRegtestNode()
    const half = STRANGE.length / 2
    const first = psbtOf(UNSIGNED, ...GLOBAL, END, ...STRANGE.slice(0, half), END, END)
    const second = psbtOf(UNSIGNED, END, ...STRANGE.slice(half), END, ...OUTPUT, END)
    const combined = await node.call('combinepsbt', [first, second])
    const all = [...STRANGE, ...GLOBAL, ...OUTPUT]
    expect(all.filter((wanted) => !hasField(combined, wanted))).toEqual([])
    expect(await node.call('combinepsbt', [combined, first, second])).toBe(combined)
    expect(await node.call('decodepsbt', combined)).toMatchObject({ tx: { vin: [{ vout: 1 }] } })
  })

  it.each([
    ['other magic', base64.encode(Uint8Array.of(1)), 'Invalid PSBT magic bytes: iostream error'],
    ['no transaction', psbtOf(END), 'No unsigned transaction was provided: iostream error'],
    [
      'no end of a map',
      psbtOf(UNSIGNED),
      'Separator is missing at the end of the global map: iostream error',
    ],
    [
      'a doubled key',
      psbtOf(UNSIGNED, UNSIGNED, END),
      'Duplicate Key, unsigned tx already provided: iostream error',
    ],
    [
      'too few inputs',
      psbtOf(UNSIGNED, END),
      'Inputs provided does not match the number of inputs in transaction.: iostream error',
    ],
    [
      'too few outputs',
      psbtOf(UNSIGNED, END, END),
      'Outputs provided does not match the number of outputs in transaction.: iostream error',
    ],
    ['more behind it', psbtOf(UNSIGNED, END, END, END, END), 'extra data after PSBT'],
    [
      'half a field',
      psbtOf(UNSIGNED, Uint8Array.of(9, 1)),
      'SpanReader::read(): end of data: iostream error',
    ],
    [
      'another version',
      psbtOf(UNSIGNED, field([0xfb], Uint8Array.of(2, 0, 0, 0)), END),
      'Unsupported version number: iostream error',
    ],
    [
      'a field that the library refuses',
      psbtOf(UNSIGNED, END, field([0x03], Uint8Array.of(1)), END, END),
      'a field of it is not valid',
    ],
    ['other letters', '!', 'invalid base64'],
  ])('is refused with %s in words of Bitcoin Core', async (_name, psbt, why) => {
    const node = await createRegtestNode()
    expect(await node.refusal('decodepsbt', psbt)).toBe(`-22 TX decode failed ${why}`)
  })
})
