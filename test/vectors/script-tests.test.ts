import { describe, expect, it } from 'vitest'
import {
  computeTapLeafHash,
  computeTapTweakHash,
  encodeControlBlock,
  nobleSignatureEngine,
  TAPSCRIPT_LEAF_VERSION,
} from '../../src/script/index.ts'
import { decodeHex, encodeHex } from '../../src/util/index.ts'
import {
  createSpend,
  describeVectors,
  findScriptError,
  parseFlags,
  parseScript,
  readVectors,
  VectorTally,
} from './vectors.support.ts'

/** A key that nobody has the secret of. @see BIP-0341 */
const NOBODYS_KEY = decodeHex('50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0')
const SATOSHIS_PER_COIN = 1e8

/** Names that differ between the vectors and Core's enumeration, or were made more telling since. */
const RENAMED: Readonly<Record<string, string | undefined>> = {
  OK: undefined,
  NULLFAIL: 'SIG_NULLFAIL',
  UNKNOWN_ERROR: 'SCRIPTNUM',
}

/** What an error is called by now that an older copy of the vectors calls otherwise. */
const RENAMED_SINCE: Readonly<Record<string, string | undefined>> = {
  // Of witness scripts that leave more than one value. @see Bitcoin Core `ExecuteWitnessScript`
  EVAL_FALSE: 'CLEANSTACK',
}
const LOCK_TIMES = /^(CHECKLOCKTIMEVERIFY|CHECKSEQUENCEVERIFY)$/

interface ScriptCase {
  readonly witness: readonly Uint8Array[]
  readonly value: bigint
  readonly scriptSig: Uint8Array
  readonly scriptPubKey: Uint8Array
  readonly flags: number
  readonly expected: string | undefined
}

/** Fills in what the taproot cases leave to the reader: the only leaf's control block and the output's key. */
function readTaproot(items: readonly string[]): { witness: Uint8Array[]; outputKey: string } {
  const text = items.find((item) => item.startsWith('#SCRIPT#')) ?? ''
  const leaf = parseScript(text.slice('#SCRIPT#'.length))
  const tweak = computeTapTweakHash(NOBODYS_KEY, computeTapLeafHash(TAPSCRIPT_LEAF_VERSION, leaf))
  const output = nobleSignatureEngine.tweakPublicKey(NOBODYS_KEY, tweak)
  if (output === undefined) throw new RangeError('the tweak does not fit the key')
  const control = encodeControlBlock({
    leafVersion: TAPSCRIPT_LEAF_VERSION,
    parity: output.parity,
    internalKey: NOBODYS_KEY,
    path: [],
  })
  const witness = items.map((item) => {
    if (item === text) return leaf
    return item === '#CONTROLBLOCK#' ? control : decodeHex(item)
  })
  return { witness, outputKey: encodeHex(output.key) }
}

function readCase(entry: readonly unknown[]): ScriptCase {
  const hasWitness = Array.isArray(entry[0])
  const first = hasWitness ? (entry[0] as readonly unknown[]) : [0]
  const [sig = '', pubKey = '', flags = '', expected = ''] = entry
    .slice(hasWitness ? 1 : 0)
    .map(String)
  const items = first.slice(0, -1).map(String)
  const isTaproot = items.some((item) => item.startsWith('#'))
  const { witness, outputKey } = isTaproot
    ? readTaproot(items)
    : { witness: items.map(decodeHex), outputKey: '' }
  return {
    witness,
    value: BigInt(Math.round(Number(first.at(-1)) * SATOSHIS_PER_COIN)),
    scriptSig: parseScript(sig),
    scriptPubKey: parseScript(pubKey.replace('#TAPROOTOUTPUT#', `0x${outputKey}`)),
    flags: parseFlags(flags),
    expected: expected in RENAMED ? RENAMED[expected] : expected,
  }
}

describe.each(['bitcoin-core/script_tests.json', 'bitcore/bitcoind/script_tests.json'])(
  '%s',
  (file) => {
    describeVectors(file, () => {
      it('every script, by its error', () => {
        const entries: readonly unknown[][] = readVectors(file)
        const cases = entries.filter((entry) => entry.length > 1)
        const tally = new VectorTally(file)
        const isOlder = file.startsWith('bitcore/')
        for (const entry of cases) {
          if (
            isOlder &&
            entry[3] === 'DISCOURAGE_UPGRADABLE_NOPS' &&
            LOCK_TIMES.test(`${entry[1]}`)
          ) {
            tally.skip(
              'of an older rule: Core no longer discourages lock times that are not enforced',
            )
            continue
          }
          tally.run(JSON.stringify(entry).slice(0, 300), () => {
            const { witness, value, scriptSig, scriptPubKey, flags, expected } = readCase(entry)
            const { tx, spentOutputs } = createSpend(scriptPubKey, scriptSig, witness, value)
            const error = findScriptError(tx, spentOutputs, flags)
            if (isOlder && error !== undefined && error === RENAMED_SINCE[expected ?? '']) return
            expect(error).toBe(expected)
          })
        }
        tally.finish(cases.length)
      }, 60_000)
    })
  },
)
