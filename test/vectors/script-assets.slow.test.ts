import { expect, it } from 'vitest'
import { decodeTransaction, type Transaction, type TxOut } from '../../src/primitives/index.ts'
import { CONSENSUS_SCRIPT_FLAGS } from '../../src/script/index.ts'
import { ByteReader, decodeHex } from '../../src/util/index.ts'
import {
  describeVectors,
  findScriptError,
  parseFlags,
  readVectors,
  VectorTally,
} from './vectors.support.ts'

/** Core's taproot cases, which are too large for its repository; bitcore-lib has them among its tests. */
const FILE = 'bitcore/bitcoind/script_assets_test.json'

interface Proof {
  readonly scriptSig: string
  readonly witness: readonly string[]
}

interface AssetCase {
  readonly tx: string
  readonly prevouts: readonly string[]
  readonly index: number
  readonly success?: Proof
  readonly failure?: Proof
  readonly flags: string
  /** Whether no rule to come could make the success a failure. */
  readonly final?: boolean
  readonly comment: string
}

function decodeOutput(hex: string): TxOut {
  const reader = new ByteReader(decodeHex(hex))
  const output = { value: reader.readInt64(), scriptPubKey: reader.readVarBytes() }
  reader.expectEnd()
  return output
}

/** The error of the one input that a case is about, with a proof put in. */
function findAssetError(entry: AssetCase, proof: Proof, flags: number): string | undefined {
  const whole = decodeTransaction(decodeHex(entry.tx))
  const spent = entry.prevouts.map(decodeOutput)
  const inputs = whole.inputs.map((input, index) =>
    index === entry.index
      ? {
          ...input,
          scriptSig: decodeHex(proof.scriptSig),
          witness: proof.witness.map((item) => decodeHex(item)),
        }
      : input,
  )
  const tx: Transaction = { ...whole, inputs }
  return findScriptError(tx, spent, flags, undefined, [entry.index])
}

describeVectors(FILE, () => {
  it('every success and every failure', () => {
    const cases: readonly AssetCase[] = readVectors(FILE)
    const tally = new VectorTally(FILE)
    for (const entry of cases) {
      tally.run(entry.comment, () => {
        const flags = parseFlags(entry.flags)
        const more = flags | CONSENSUS_SCRIPT_FLAGS
        if (entry.success !== undefined) {
          expect(findAssetError(entry, entry.success, flags), 'success').toBeUndefined()
          if (entry.final === true && more !== flags) {
            expect(findAssetError(entry, entry.success, more), 'final').toBeUndefined()
          }
        }
        if (entry.failure !== undefined) {
          expect(findAssetError(entry, entry.failure, flags), 'failure').toBeDefined()
          if (more !== flags) expect(findAssetError(entry, entry.failure, more)).toBeDefined()
        }
        expect(entry.success ?? entry.failure, 'a case has something to verify').toBeDefined()
      })
    }
    tally.finish(cases.length)
  }, 300_000)
})
