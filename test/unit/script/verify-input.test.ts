import { describe, expect, it } from 'vitest'
import type { Transaction, TxOut } from '../../../src/primitives/index.ts'
import {
  nobleSignatureEngine,
  precomputeTransactionData,
  ScriptError,
  STANDARD_SCRIPT_FLAGS,
  verifyInput,
} from '../../../src/script/index.ts'
import { type SpendKind, TestWallet } from '../../support/wallet.ts'

const wallet = new TestWallet('verify')
const stranger = new TestWallet('stranger')
const VALUE = 100_000n

/** A transaction with one output to the wallet. */
function fund(kind: SpendKind): Transaction {
  return {
    version: 2,
    inputs: [],
    outputs: [{ value: VALUE, scriptPubKey: wallet.script(kind) }],
    lockTime: 0,
  }
}

function verify(tx: Transaction, spent: readonly TxOut[]): string | undefined {
  try {
    const shared = precomputeTransactionData(tx, spent)
    verifyInput(tx, 0, spent, STANDARD_SCRIPT_FLAGS, shared, nobleSignatureEngine)
    return undefined
  } catch (error) {
    if (error instanceof ScriptError) return error.code
    throw error
  }
}

describe.each<SpendKind>(['p2pkh', 'p2wpkh', 'p2tr'])('a %s spend', (kind) => {
  const from = fund(kind)
  const tx = wallet.spend(from, 0, kind, stranger.script('p2wpkh'), 90_000n)

  it('that another library signed is valid', () => {
    expect(verify(tx, from.outputs)).toBeUndefined()
  })

  it('is invalid once anything signed has changed', () => {
    const [output] = tx.outputs
    if (output === undefined) throw new RangeError('no output')
    const changed = { ...tx, outputs: [{ ...output, value: output.value + 1n }] }
    expect(verify(changed, from.outputs)).toMatch(/EVAL_FALSE|SIG_NULLFAIL|SCHNORR_SIG/)
    expect(verify({ ...tx, lockTime: 1 }, from.outputs)).toMatch(
      /EVAL_FALSE|SIG_NULLFAIL|SCHNORR_SIG/,
    )
  })

  it('is invalid for another key’s output', () => {
    const theirs = [{ value: VALUE, scriptPubKey: stranger.script(kind) }]
    expect(verify(tx, theirs)).toMatch(/EQUALVERIFY|SCHNORR_SIG/)
  })

  it('commits to the amount where segwit says so', () => {
    const cheaper = [{ value: VALUE - 1n, scriptPubKey: wallet.script(kind) }]
    if (kind === 'p2pkh') expect(verify(tx, cheaper)).toBeUndefined()
    else expect(verify(tx, cheaper)).toMatch(/EVAL_FALSE|SIG_NULLFAIL|SCHNORR_SIG/)
  })

  it('is invalid without its proof', () => {
    const [input] = tx.inputs
    if (input === undefined) throw new RangeError('no input')
    const bare = { ...tx, inputs: [{ ...input, witness: [], scriptSig: new Uint8Array() }] }
    expect(verify(bare, from.outputs)).toBeDefined()
  })
})
