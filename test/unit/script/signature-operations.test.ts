import { secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, it } from 'vitest'
import type { Transaction, Txid } from '../../../src/primitives/index.ts'
import {
  CONSENSUS_SCRIPT_FLAGS,
  computeLegacySignatureHash,
  computeWitnessV0SignatureHash,
  createWitnessScript,
  precomputeTransactionData,
  pushData,
  SIGHASH_ALL,
} from '../../../src/script/index.ts'
import { concatBytes, encodeHex } from '../../../src/util/index.ts'
import { findScriptError, parseFlags, parseScript } from '../../vectors/vectors.support.ts'
import { spendBare, spendScriptHash } from './script-spends.support.ts'

const SECRET = sha256(Uint8Array.of(4))
const KEY = `0x21 0x${encodeHex(secp256k1.getPublicKey(SECRET, true))}`
const VALUE = 1000n

/** Spends something that does not depend on the script, so that a script can have its own signature in it. */
const BARE: Transaction = {
  version: 2,
  inputs: [
    {
      prevout: { txid: new Uint8Array(32).fill(1) as Txid, vout: 0 },
      scriptSig: new Uint8Array(),
      sequence: 0,
      witness: [],
    },
  ],
  outputs: [{ value: VALUE, scriptPubKey: new Uint8Array() }],
  lockTime: 0,
}

function sign(hash: Uint8Array): Uint8Array {
  const der = secp256k1.sign(hash, SECRET, { prehash: false, format: 'der' })
  return concatBytes(der, Uint8Array.of(SIGHASH_ALL))
}

function signLegacy(scriptCode: string): Uint8Array {
  return sign(computeLegacySignatureHash(BARE, 0, parseScript(scriptCode), SIGHASH_ALL))
}

function signWitnessV0(scriptCode: string): Uint8Array {
  const shared = precomputeTransactionData(BARE, [])
  const code = parseScript(scriptCode)
  return sign(computeWitnessV0SignatureHash(BARE, 0, code, VALUE, SIGHASH_ALL, shared))
}

function verify(
  scriptSig: Uint8Array,
  witness: readonly Uint8Array[],
  scriptPubKey: Uint8Array,
): string | undefined {
  const [input] = BARE.inputs
  if (input === undefined) throw new RangeError('no input')
  const tx = { ...BARE, inputs: [{ ...input, scriptSig, witness }] }
  return findScriptError(tx, [{ value: VALUE, scriptPubKey }], CONSENSUS_SCRIPT_FLAGS)
}

function verifyLegacy(signature: Uint8Array, script: Uint8Array): string | undefined {
  return verify(pushData(signature), [], script)
}

function verifyWitnessV0(signature: Uint8Array, text: string): string | undefined {
  const script = parseScript(text)
  const output = createWitnessScript({ version: 0, program: sha256(script) })
  return verify(new Uint8Array(), [signature, script], output)
}

describe('what a signature signs of its script', () => {
  const CHECK = `${KEY} CHECKSIG`

  it('legacy: what follows the last code separator executed, without the others', () => {
    const signature = signLegacy(CHECK)
    expect(verifyLegacy(signature, parseScript(`NOP CODESEPARATOR ${CHECK}`))).toBeUndefined()
    expect(verifyLegacy(signature, parseScript(`NOP ${CHECK}`))).toBe('EVAL_FALSE')
    const skipped = `0 IF CODESEPARATOR ENDIF ${CHECK}`
    expect(verifyLegacy(signature, parseScript(skipped))).toBe('EVAL_FALSE')
    const whole = signLegacy(skipped.replace('CODESEPARATOR ', ''))
    expect(verifyLegacy(whole, parseScript(skipped))).toBeUndefined()
  })

  it('version 0: the same, but with code separators that were not executed', () => {
    const signature = signWitnessV0(CHECK)
    expect(verifyWitnessV0(signature, `NOP CODESEPARATOR ${CHECK}`)).toBeUndefined()
    expect(verifyWitnessV0(signature, `NOP ${CHECK}`)).toBe('EVAL_FALSE')
    const skipped = `0 IF CODESEPARATOR ENDIF ${CHECK}`
    expect(verifyWitnessV0(signWitnessV0(skipped), skipped)).toBeUndefined()
    const without = skipped.replace('CODESEPARATOR ', '')
    expect(verifyWitnessV0(signWitnessV0(without), skipped)).toBe('EVAL_FALSE')
  })

  it('legacy: never a signature that it holds itself', () => {
    const rest = `DROP ${CHECK}`
    const signature = signLegacy(rest)
    const script = concatBytes(pushData(signature), parseScript(rest))
    expect(verifyLegacy(signature, script)).toBeUndefined()
    const twice = concatBytes(pushData(signature), parseScript('DROP'), script)
    expect(verifyLegacy(signature, twice)).toBe('EVAL_FALSE')
  })

  it('legacy: none of a multisig’s signatures', () => {
    const rest = `2DROP 0 ROT ROT 2 ${KEY} ${KEY} 2 CHECKMULTISIG`
    const signature = signLegacy(rest)
    const script = concatBytes(pushData(signature), pushData(signature), parseScript(rest))
    const proof = concatBytes(pushData(signature), pushData(signature))
    expect(verify(proof, [], script)).toBeUndefined()
  })
})

describe('multisigs', () => {
  it('do not look at keys that are too few for the signatures left', () => {
    const strict = parseFlags('STRICTENC')
    const run = (keys: string) => {
      const { tx, spentOutputs } = spendBare('0 0 0', `2 ${keys} 2 CHECKMULTISIG NOT`)
      return findScriptError(tx, spentOutputs, strict)
    }
    // From the last key on: the first is bad here, and not reached.
    expect(run(`1 ${KEY}`)).toBeUndefined()
    expect(run(`${KEY} 1`)).toBe('PUBKEYTYPE')
  })

  it('want signatures in the order of the keys', () => {
    const other = `0x21 0x${encodeHex(secp256k1.getPublicKey(sha256(SECRET), true))}`
    for (const keys of [`${KEY} ${other}`, `${other} ${KEY}`]) {
      const script = `1 ${keys} 2 CHECKMULTISIG`
      const proof = concatBytes(parseScript('0'), pushData(signLegacy(script)))
      expect(verify(proof, [], parseScript(script))).toBeUndefined()
      const both = `2 ${keys} 2 CHECKMULTISIG`
      const signature = pushData(signLegacy(both))
      const twice = concatBytes(parseScript('0'), signature, signature)
      expect(verify(twice, [], parseScript(both))).toBe('EVAL_FALSE')
    }
  })

  it('count their keys as operations', () => {
    const one = `0 0 ${'1 '.repeat(20)} 20 CHECKMULTISIG DROP `
    const error = (count: number) => {
      const { tx, spentOutputs } = spendBare('', `${one.repeat(count)} 1`)
      return findScriptError(tx, spentOutputs, 0)
    }
    expect(error(9)).toBeUndefined()
    expect(error(10)).toBe('OP_COUNT')
  })
})

describe('programs within P2SH', () => {
  it.each([
    `1 ${KEY.replace('0x21 0x02', '0x20 0x').replace('0x21 0x03', '0x20 0x')}`,
    '1 0x02 0x4e73',
  ])('that are %s are anyone’s: taproot and anchors are not nested', (redeemScript) => {
    const { tx, spentOutputs } = spendScriptHash('', redeemScript)
    expect(findScriptError(tx, spentOutputs, CONSENSUS_SCRIPT_FLAGS)).toBeUndefined()
    const discouraging = parseFlags('P2SH,WITNESS,TAPROOT,DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM')
    expect(findScriptError(tx, spentOutputs, discouraging)).toBe(
      'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM',
    )
  })

  it('bare anchors are nobody’s to discourage', () => {
    const { tx, spentOutputs } = spendBare('', '1 0x02 0x4e73')
    const discouraging = parseFlags('P2SH,WITNESS,TAPROOT,DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM')
    expect(findScriptError(tx, spentOutputs, discouraging)).toBeUndefined()
  })
})
