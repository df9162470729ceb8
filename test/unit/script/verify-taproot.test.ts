import { schnorr } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import type { Transaction } from '../../../src/primitives/index.ts'
import {
  CONSENSUS_SCRIPT_FLAGS,
  computeAnnexHash,
  computeTapLeafHash,
  computeTaprootSignatureHash,
  decodeControlBlock,
  encodeControlBlock,
  precomputeTransactionData,
  SIGHASH_DEFAULT,
  TAPSCRIPT_LEAF_VERSION,
} from '../../../src/script/index.ts'
import { decodeHex, encodeHex } from '../../../src/util/index.ts'
import { findScriptError, parseScript } from '../../vectors/vectors.support.ts'
import { type SpendCase, spendBare, spendTapscript } from './script-spends.support.ts'

const SECRET = sha256(Uint8Array.of(3))
const KEY = encodeHex(schnorr.getPublicKey(SECRET))
const NO_SEPARATOR = 0xffff_ffff
const ANNEX = '50aabb'

function verify({ tx, spentOutputs }: SpendCase): string | undefined {
  return findScriptError(tx, spentOutputs, CONSENSUS_SCRIPT_FLAGS)
}

/** Signs a tapscript's only signature and puts it where the spend has none yet. */
function signTapscript(script: string, separatorPosition: number, annex?: string): SpendCase {
  const options = annex === undefined ? {} : { annex }
  const { tx, spentOutputs } = spendTapscript([], script, options)
  const shared = precomputeTransactionData(tx, spentOutputs)
  const leafHash = computeTapLeafHash(TAPSCRIPT_LEAF_VERSION, parseScript(script))
  const position = { leafHash, codeSeparatorPosition: separatorPosition }
  const annexHash = annex === undefined ? undefined : computeAnnexHash(decodeHex(annex))
  const hash = computeTaprootSignatureHash(
    tx,
    0,
    spentOutputs,
    SIGHASH_DEFAULT,
    shared,
    annexHash,
    position,
  )
  if (hash === undefined) throw new RangeError('the hash type is known')
  const signature = schnorr.sign(hash, SECRET, new Uint8Array(32))
  return spendTapscript([encodeHex(signature)], script, options)
}

function withWitness({ tx, spentOutputs }: SpendCase, witness: readonly Uint8Array[]): SpendCase {
  const [input] = tx.inputs
  if (input === undefined) throw new RangeError('no input')
  const changed: Transaction = { ...tx, inputs: [{ ...input, witness }] }
  return { tx: changed, spentOutputs }
}

describe('tapscript signatures', () => {
  it.each([
    { name: 'plain', script: `0x20 0x${KEY} CHECKSIG`, position: NO_SEPARATOR },
    { name: 'verified', script: `0x20 0x${KEY} CHECKSIGVERIFY 1`, position: NO_SEPARATOR },
    {
      name: 'added',
      script: `1 0x20 0x${KEY} CHECKSIGADD 2 NUMEQUAL`,
      position: NO_SEPARATOR,
    },
    {
      name: 'after a code separator',
      script: `NOP CODESEPARATOR 0x20 0x${KEY} CHECKSIG`,
      position: 1,
    },
    {
      name: 'after a code separator that is not executed',
      script: `0 IF CODESEPARATOR ENDIF 0x20 0x${KEY} CHECKSIG`,
      position: NO_SEPARATOR,
    },
    {
      name: 'with an annex',
      script: `0x20 0x${KEY} CHECKSIG`,
      position: NO_SEPARATOR,
      annex: ANNEX,
    },
  ])('$name', ({ script, position, annex }) => {
    expect(verify(signTapscript(script, position, annex))).toBeUndefined()
    expect(verify(signTapscript(script, position ^ 1, annex))).toBe('SCHNORR_SIG')
  })

  it('sign whether there is an annex', () => {
    const signed = signTapscript(`0x20 0x${KEY} CHECKSIG`, NO_SEPARATOR, ANNEX)
    const witness = signed.tx.inputs[0]?.witness ?? []
    expect(verify(withWitness(signed, witness.slice(0, -1)))).toBe('SCHNORR_SIG')
  })

  it('that are empty fail without failing the script, and cost nothing', () => {
    const script = `0x20 0x${KEY} CHECKSIG NOT`
    expect(verify(spendTapscript([''], script))).toBeUndefined()
    // Ten checks would cost more than these 360 bytes pay for.
    const many = `0 0x20 0x${KEY} CHECKSIG DROP `.repeat(10)
    expect(verify(spendTapscript([], `${many}1`))).toBeUndefined()
  })

  it('of keys of unknown kinds count as valid, and against the budget', () => {
    expect(verify(spendTapscript([], "1 'key' CHECKSIG"))).toBeUndefined()
    const checks = "1 'key' CHECKSIGVERIFY "
    // A witness of 1 + (1 + 6n + 1) + (1 + 33) bytes and 50 more to begin with pays for one check each 50.
    expect(verify(spendTapscript([], `${checks}1`))).toBeUndefined()
    expect(verify(spendTapscript([], `${checks.repeat(2)}1`))).toBe('TAPSCRIPT_VALIDATION_WEIGHT')
    const padding = '00'.repeat(13)
    expect(verify(spendTapscript([padding], `DROP ${checks.repeat(2)}1`))).toBeUndefined()
  })
})

describe('taproot spends', () => {
  it('by a script that the output does not commit to are refused', () => {
    const spend = spendTapscript([], '1')
    const [script, control] = spend.tx.inputs[0]?.witness ?? []
    if (script === undefined || control === undefined) throw new RangeError('no leaf')
    expect(verify(spend)).toBeUndefined()
    const other = Uint8Array.from(control)
    other[0] = (other[0] ?? 0) ^ 1
    for (const witness of [
      [parseScript('2'), control],
      [script, other],
      [script, Uint8Array.from([...control, ...new Uint8Array(32)])],
    ]) {
      expect(verify(withWitness(spend, witness))).toBe('WITNESS_PROGRAM_MISMATCH')
    }
    expect(verify(withWitness(spend, [script, control.subarray(0, -1)]))).toBe(
      'TAPROOT_WRONG_CONTROL_SIZE',
    )
  })

  it('with nothing but an annex count that as the signature', () => {
    const output = `1 0x20 0x${KEY}`
    expect(verify(spendBare('', output, [ANNEX]))).toBe('SCHNORR_SIG_SIZE')
    expect(verify(spendBare('', output, []))).toBe('WITNESS_PROGRAM_WITNESS_EMPTY')
  })

  it('may have more than 10,000 bytes and 201 operations, but not 1,001 values', () => {
    expect(verify(spendTapscript([], `${'NOP '.repeat(20_000)}1`))).toBeUndefined()
    const many = Array.from({ length: 1001 }, () => '')
    expect(verify(spendTapscript(many, '1'))).toBe('STACK_SIZE')
    expect(verify(spendTapscript(['00'.repeat(521)], 'DROP 1'))).toBe('PUSH_SIZE')
  })

  it('with OP_SUCCESS are valid whatever else is wrong', () => {
    const many = Array.from({ length: 1001 }, () => '00'.repeat(600))
    expect(verify(spendTapscript(many, 'RETURN 0xfe 0x4c'))).toBeUndefined()
    // What cannot be decoded before it comes first.
    expect(verify(spendTapscript([], '0x05 0xfe'))).toBe('BAD_OPCODE')
    expect(verify(spendTapscript([], '0xff'))).toBe('BAD_OPCODE')
  })

  it('of unknown leaf versions and in P2SH are anyone’s', () => {
    expect(verify(spendTapscript([], 'RETURN', { leafVersion: 0xc2 }))).toBeUndefined()
    expect(verify(spendTapscript([], 'RETURN'))).toBe('OP_RETURN')
  })
})

describe('control blocks', () => {
  it.each([0, 32, 34, 64, 66, 33 + 32 * 129])('of %i bytes are none', (size) => {
    expect(decodeControlBlock(new Uint8Array(size))).toBeUndefined()
  })

  it.each([33, 65, 33 + 32 * 128])('of %i bytes are read and written back', (size) => {
    const bytes = Uint8Array.from({ length: size }, (_, index) => (index + 0xc1) & 0xff)
    const control = decodeControlBlock(bytes)
    if (control === undefined) throw new RangeError('no control block')
    expect(control.leafVersion).toBe(0xc0)
    expect(control.parity).toBe(1)
    expect(encodeControlBlock(control)).toEqual(bytes)
  })
})
