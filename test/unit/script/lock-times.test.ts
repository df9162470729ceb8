import { describe, expect, it } from 'vitest'
import { SEQUENCE_FINAL } from '../../../src/primitives/index.ts'
import { CONSENSUS_SCRIPT_FLAGS, VERIFY_NONE } from '../../../src/script/index.ts'
import { findScriptError } from '../../vectors/vectors.support.ts'
import { spendBare } from './script-spends.support.ts'

const UNSATISFIED = 'UNSATISFIED_LOCKTIME'
const BY_TIME = 0x0040_0000
const DISABLED = 0x8000_0000

interface Fields {
  readonly version?: number
  readonly lockTime?: number
  readonly sequence?: number
}

function run(script: string, fields: Fields, flags = CONSENSUS_SCRIPT_FLAGS): string | undefined {
  const { tx, spentOutputs } = spendBare('1', `${script} DROP`)
  const { version = 2, lockTime = 0, sequence = 0 } = fields
  const inputs = tx.inputs.map((input) => ({ ...input, sequence }))
  return findScriptError({ ...tx, version, lockTime, inputs }, spentOutputs, flags)
}

describe('CHECKLOCKTIMEVERIFY (BIP-0065)', () => {
  it.each([
    { wanted: 100, lockTime: 100, error: undefined },
    { wanted: 100, lockTime: 101, error: undefined },
    { wanted: 100, lockTime: 99, error: UNSATISFIED },
    { wanted: 0, lockTime: 0, error: undefined },
    { wanted: 499_999_999, lockTime: 499_999_999, error: undefined },
    { wanted: 500_000_000, lockTime: 500_000_000, error: undefined },
    // Heights are not compared with times.
    { wanted: 499_999_999, lockTime: 500_000_000, error: UNSATISFIED },
    { wanted: 500_000_000, lockTime: 499_999_999, error: UNSATISFIED },
    { wanted: 4_294_967_295, lockTime: 4_294_967_295, error: undefined },
    { wanted: 4_294_967_296, lockTime: 4_294_967_295, error: UNSATISFIED },
    { wanted: -1, lockTime: 0, error: 'NEGATIVE_LOCKTIME' },
  ])('of $wanted in a transaction locked until $lockTime: $error', (each) => {
    const script = `${each.wanted} CHECKLOCKTIMEVERIFY`
    expect(run(script, { lockTime: each.lockTime })).toBe(each.error)
    expect(run(script, { lockTime: each.lockTime }, VERIFY_NONE)).toBeUndefined()
  })

  it('is not satisfied by a final input, and takes five bytes', () => {
    expect(run('0 CHECKLOCKTIMEVERIFY', { sequence: SEQUENCE_FINAL })).toBe(UNSATISFIED)
    expect(run('0x06 0x000000000000 CHECKLOCKTIMEVERIFY', {})).toBe('SCRIPTNUM')
  })
})

describe('CHECKSEQUENCEVERIFY (BIP-0112)', () => {
  it.each([
    { wanted: 10, sequence: 10, error: undefined },
    { wanted: 10, sequence: 11, error: undefined },
    { wanted: 10, sequence: 9, error: UNSATISFIED },
    { wanted: 65_535, sequence: 65_535, error: undefined },
    // Only 16 bits have a value.
    { wanted: 0x1_0001, sequence: 1, error: undefined },
    { wanted: BY_TIME + 5, sequence: BY_TIME + 5, error: undefined },
    { wanted: BY_TIME + 5, sequence: 5, error: UNSATISFIED },
    { wanted: 5, sequence: BY_TIME + 5, error: UNSATISFIED },
    { wanted: 5, sequence: DISABLED + 5, error: UNSATISFIED },
    // Asks for nothing.
    { wanted: DISABLED + 5, sequence: 0, error: undefined },
    { wanted: -1, sequence: 0, error: 'NEGATIVE_LOCKTIME' },
  ])('of $wanted in an input of sequence $sequence: $error', ({ wanted, sequence, error }) => {
    expect(run(`${wanted} CHECKSEQUENCEVERIFY`, { sequence })).toBe(error)
    expect(run(`${wanted} CHECKSEQUENCEVERIFY`, { sequence }, VERIFY_NONE)).toBeUndefined()
  })

  it.each([
    { version: 1, error: UNSATISFIED },
    { version: 0, error: UNSATISFIED },
    { version: 2, error: undefined },
    // Versions are compared without their sign.
    { version: -1, error: undefined },
  ])('in a transaction of version $version: $error', ({ version, error }) => {
    expect(run('1 CHECKSEQUENCEVERIFY', { version, sequence: 1 })).toBe(error)
  })
})
