/** @module The maps of a partially signed transaction, read in front of the library. @see BIP-0174 */

import { decodeTransactionWithoutWitness } from '../primitives/index.ts'
import { ByteReader, ByteWriter, DecodeError, encodeHex } from '../util/index.ts'
import { WalletError } from './wallet-error.ts'

const MAGIC = Uint8Array.of(0x70, 0x73, 0x62, 0x74, 0xff)
const UNSIGNED_TX_KEY = '00'
const VERSION_KEY = 'fb'
/** Bitcoin Core's errors of a stream end so. */
const STREAM_ERROR = ': iostream error'
/**
 * Begins the keys that are disguised: a type of the compact size 0xfe, which is nobody's.
 * The key itself follows.
 */
const DISGUISE = Uint8Array.of(0xfe, 0x51, 0x75, 0x61, 0x72)

/** Types that only version 2 has (BIP-0370): in version 0 they are as unknown as any other. */
const VERSION_2_TYPES = {
  global: [0x02, 0x03, 0x04, 0x05, 0x06],
  input: [0x0e, 0x0f, 0x10, 0x11, 0x12],
  output: [0x03, 0x04],
} as const

type MapKind = keyof typeof VERSION_2_TYPES
type PsbtMap = Map<string, { readonly key: Uint8Array; readonly value: Uint8Array }>

/** @throws {@link WalletError} `bad-psbt` in Bitcoin Core's words. */
function fail(message: string, suffix = STREAM_ERROR): never {
  throw new WalletError('bad-psbt', `TX decode failed ${message}${suffix}`)
}

function readMap(reader: ByteReader, missing: string): PsbtMap {
  const map: PsbtMap = new Map()
  while (reader.remaining > 0) {
    const key = reader.readVarBytes()
    if (key.length === 0) return map
    const name = encodeHex(key)
    if (map.has(name)) {
      const what = name === UNSIGNED_TX_KEY ? 'unsigned tx' : 'key for unknown value'
      fail(`Duplicate Key, ${what} already provided`)
    }
    map.set(name, { key, value: reader.readVarBytes() })
  }
  return fail(missing)
}

/** Reads as many maps as there are inputs or outputs. */
function readMaps(reader: ByteReader, count: number, kind: 'input' | 'output'): PsbtMap[] {
  const maps: PsbtMap[] = []
  while (maps.length < count) {
    if (reader.remaining === 0) {
      const name = kind === 'input' ? 'Inputs' : 'Outputs'
      fail(`${name} provided does not match the number of ${kind}s in transaction.`)
    }
    maps.push(readMap(reader, `Separator is missing at the end of an ${kind} map`))
  }
  return maps
}

function readAll(bytes: Uint8Array): readonly (readonly [MapKind, PsbtMap])[] {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) fail('Invalid PSBT magic bytes')
  const reader = new ByteReader(bytes.subarray(MAGIC.length))
  const global = readMap(reader, 'Separator is missing at the end of the global map')
  if (global.get(VERSION_KEY)?.value.some((byte) => byte !== 0) === true) {
    fail('Unsupported version number')
  }
  const unsigned = global.get(UNSIGNED_TX_KEY)?.value
  if (unsigned === undefined) return fail('No unsigned transaction was provided')
  const { inputs, outputs } = decodeTransactionWithoutWitness(unsigned)
  if (inputs.some(({ scriptSig }) => scriptSig.length > 0)) {
    fail('Unsigned tx must have empty scriptSigs and scriptWitnesses.')
  }
  const inputMaps = readMaps(reader, inputs.length, 'input')
  const outputMaps = readMaps(reader, outputs.length, 'output')
  if (reader.remaining > 0) fail('extra data after PSBT', '')
  return [
    ['global', global],
    ...inputMaps.map((map) => ['input', map] as const),
    ...outputMaps.map((map) => ['output', map] as const),
  ]
}

function isDisguised(key: Uint8Array): boolean {
  return DISGUISE.every((byte, i) => key[i] === byte)
}

function rewriteKeys(
  bytes: Uint8Array,
  rewrite: (key: Uint8Array, kind: MapKind) => Uint8Array,
): Uint8Array {
  const writer = new ByteWriter().writeBytes(MAGIC)
  for (const [kind, map] of readAll(bytes)) {
    for (const { key, value } of map.values()) {
      writer.writeVarBytes(rewrite(key, kind)).writeVarBytes(value)
    }
    writer.writeCompactSize(0)
  }
  return writer.toBytes()
}

/**
 * Checks a PSBT's form, and hides from the library what it would mistake for fields of version 2: it keeps them with
 * all others that it does not know.
 *
 * @throws {@link WalletError} `bad-psbt` if it is none.
 */
export function disguiseFields(bytes: Uint8Array): Uint8Array {
  try {
    return rewriteKeys(bytes, (key, kind) => {
      const types: readonly number[] = VERSION_2_TYPES[kind]
      const needsIt = types.includes(key[0] ?? 0) || isDisguised(key)
      return needsIt ? Uint8Array.of(...DISGUISE, ...key) : key
    })
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return fail('SpanReader::read(): end of data')
  }
}

/** Undoes {@link disguiseFields}. */
export function revealFields(bytes: Uint8Array): Uint8Array {
  return rewriteKeys(bytes, (key) => (isDisguised(key) ? key.subarray(DISGUISE.length) : key))
}
