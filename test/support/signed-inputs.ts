/** @module Many signed inputs at once, for tests of what verifies them. */

import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { ScriptCheck } from '../../src/consensus/index.ts'
import {
  computeBlockScriptFlags,
  createConsensusParams,
  REGTEST_SPEC,
} from '../../src/consensus/index.ts'
import { SEQUENCE_FINAL, type Transaction, type Txid } from '../../src/primitives/index.ts'
import {
  computeTaprootSignatureHash,
  computeWitnessV0SignatureHash,
  createKeyHashScript,
  createWitnessScript,
  hash160,
  precomputeTransactionData,
  SIGHASH_ALL,
  SIGHASH_DEFAULT,
} from '../../src/script/index.ts'
import { concatBytes } from '../../src/util/index.ts'

const PARAMS = createConsensusParams(REGTEST_SPEC)
const FLAGS = computeBlockScriptFlags(1_000, PARAMS.genesisHash, PARAMS)
const VALUE = 10_000n

const SECRET = sha256(Uint8Array.of(1, 2, 3))
const KEY_HASH = hash160(secp256k1.getPublicKey(SECRET))

/** What an input spends. */
export type InputKind = 'p2wpkh' | 'p2tr'

function createSpentScript(kind: InputKind): Uint8Array {
  const program = kind === 'p2wpkh' ? KEY_HASH : schnorr.getPublicKey(SECRET)
  return createWitnessScript({ version: kind === 'p2wpkh' ? 0 : 1, program })
}

/** A transaction with so many signed inputs. @param seed - Tells transactions of the same form apart. */
export function createSignedCheck(kind: InputKind, inputCount: number, seed = 0): ScriptCheck {
  const unsigned: Transaction = {
    version: 2,
    inputs: Array.from({ length: inputCount }, (_, index) => ({
      prevout: { txid: sha256(Uint8Array.of(seed & 0xff, seed >> 8)) as Txid, vout: index },
      scriptSig: new Uint8Array(),
      sequence: SEQUENCE_FINAL,
      witness: [],
    })),
    outputs: [{ value: VALUE, scriptPubKey: createSpentScript('p2wpkh') }],
    lockTime: 0,
  }
  const spentOutputs = unsigned.inputs.map(() => ({
    value: VALUE,
    scriptPubKey: createSpentScript(kind),
  }))
  const shared = precomputeTransactionData(unsigned, spentOutputs)
  const sign = (index: number): readonly Uint8Array[] => {
    if (kind === 'p2tr') {
      const hash = computeTaprootSignatureHash(
        unsigned,
        index,
        spentOutputs,
        SIGHASH_DEFAULT,
        shared,
      )
      return [schnorr.sign(hash ?? new Uint8Array(), SECRET)]
    }
    const script = createKeyHashScript(KEY_HASH)
    const hash = computeWitnessV0SignatureHash(unsigned, index, script, VALUE, SIGHASH_ALL, shared)
    const der = secp256k1.sign(hash, SECRET, { prehash: false, format: 'der' })
    return [concatBytes(der, Uint8Array.of(SIGHASH_ALL)), secp256k1.getPublicKey(SECRET)]
  }
  const inputs = unsigned.inputs.map((input, index) => ({ ...input, witness: sign(index) }))
  return { tx: { ...unsigned, inputs }, spentOutputs, flags: FLAGS }
}

/** The same check with one input's signature spoiled. */
export function spoilInput(check: ScriptCheck, index: number): ScriptCheck {
  const inputs = check.tx.inputs.map((input, i) => {
    if (i !== index) return input
    const [signature = new Uint8Array(), ...rest] = input.witness
    const spoiled = signature.map((byte, at) => (at === 40 ? byte ^ 1 : byte))
    return { ...input, witness: [spoiled, ...rest] }
  })
  return { ...check, tx: { ...check.tx, inputs } }
}
