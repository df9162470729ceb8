import { beforeAll, describe, expect, it } from 'vitest'
import { createRegtestNode, type RegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const TXID = '11'.repeat(32)
const wallet = new TestWallet('raw transactions')

/** One output of one coin to a key of BIP-0173, and no input. */
const INPUTLESS =
  '02000000000100e1f50500000000160014751e76e8199196d454941c45d1b3a323f1433bd600000000'
const DECODE_FAILED = '-22 TX decode failed'
const NEEDS_INPUT = `${DECODE_FAILED}. Make sure the tx has at least one input.`

let node: RegtestNode
beforeAll(async () => {
  node = await createRegtestNode()
})

describe('decoderawtransaction', () => {
  it.each([[], [false]])('reads a transaction without inputs (iswitness %s)', async (...flag) => {
    expect(await node.call('decoderawtransaction', INPUTLESS, ...flag)).toMatchObject({
      vin: [],
      vout: [{ value: 1, scriptPubKey: { type: 'witness_v0_keyhash' } }],
    })
  })

  it('reads what createrawtransaction makes without inputs and without outputs', async () => {
    const empty = await node.call('createrawtransaction', [], [])
    expect(await node.call('decoderawtransaction', empty)).toMatchObject({ vin: [], vout: [] })
  })

  it('reads the one form that the caller names', async () => {
    expect(await node.refusal('decoderawtransaction', INPUTLESS, true)).toBe(DECODE_FAILED)
    const whole = await createRegtestNode()
    await whole.mine(1, wallet.script('p2wpkh'))
    const block = await whole.call('getblock', await whole.call('getbestblockhash'), 2)
    const coinbase = block.tx[0].hex
    expect(await node.call('decoderawtransaction', coinbase, true)).toMatchObject({
      txid: block.tx[0].txid,
    })
    expect(await node.refusal('decoderawtransaction', coinbase, false)).toBe(DECODE_FAILED)
  })

  it('prefers the form whose scripts are sane where both can be read', async () => {
    const both = createAmbiguous('ff')
    const asWitness = await node.call('decoderawtransaction', both, true)
    expect(asWitness.vin).toHaveLength(1)
    expect((await node.call('decoderawtransaction', both, false)).vin).toHaveLength(0)
    expect((await node.call('decoderawtransaction', both)).vin).toHaveLength(0)
    const sane = createAmbiguous('51')
    expect((await node.call('decoderawtransaction', sane)).vin).toHaveLength(1)
  })
})

/**
 * A transaction that both forms can be read from. With segwit it has an input with the given script, an output and a
 * witness of one item; without, no input, and one output whose script begins within the input's outpoint.
 */
function createAmbiguous(inputScript: string): string {
  const value = '00'.repeat(7)
  const outpointRest = `${'51'.repeat(24)}00000000`
  const after = `${outpointRest}01${inputScript}5151515101${'00'.repeat(8)}0151010151`
  const length = (after.length / 2).toString(16).padStart(2, '0')
  return `02000000000101${value}${length}${after}00000000`
}

describe('where a transaction needs inputs', () => {
  it.each([
    ['sendrawtransaction', INPUTLESS],
    ['signrawtransactionwithkey', INPUTLESS, []],
  ])('%s refuses one without', async (method, ...params) => {
    expect(await node.refusal(method, ...params)).toBe(NEEDS_INPUT)
  })

  it.each(['testmempoolaccept', 'submitpackage'])('%s refuses one without', async (method) => {
    expect(await node.refusal(method, [INPUTLESS])).toBe(
      `-22 TX decode failed: ${INPUTLESS} Make sure the tx has at least one input.`,
    )
  })
})

describe.each(['createrawtransaction', 'createpsbt'])('%s', (method) => {
  const input = (more: object) => [{ txid: TXID, vout: 0, ...more }]

  it.each<[string, ...unknown[]]>([
    ['-3 JSON value of type string is not of expected type object', ['foo'], {}],
    ['-3 JSON value of type null is not of expected type string', [{}], {}],
    ["-8 txid must be of length 64 (not 3, for 'foo')", [{ txid: 'foo' }], {}],
    ['-8 Invalid parameter, missing vout key', [{ txid: TXID }], {}],
    ['-8 Invalid parameter, missing vout key', [{ txid: TXID, vout: 'foo' }], {}],
    ['-8 Invalid parameter, missing vout key', [{ txid: TXID, vout: null }], {}],
    ['-8 Invalid parameter, vout cannot be negative', [{ txid: TXID, vout: -1 }], {}],
    ['-1 JSON integer out of range', [{ txid: TXID, vout: 2 ** 31 }], {}],
    ['-1 JSON integer out of range', [{ txid: TXID, vout: 1.5 }], {}],
    ['-8 Invalid parameter, sequence number is out of range', input({ sequence: -1 }), {}],
    ['-8 Invalid parameter, sequence number is out of range', input({ sequence: 2 ** 32 }), {}],
    ['-8 Invalid parameter, locktime out of range', [], {}, -1],
    ['-8 Invalid parameter, locktime out of range', [], {}, 2 ** 32],
    ['-8 Invalid parameter, version out of range(1~3)', [], {}, 0, true, 4],
    ['-8 Invalid parameter, version out of range(1~3)', [], {}, 0, true, 0],
    ['-8 Invalid parameter, key-value pair must contain exactly one key', [], [{ a: 1, b: 2 }]],
    [
      '-8 Invalid parameter, key-value pair not an object as expected',
      [],
      [['key-value pair1'], ['2']],
    ],
    [
      '-8 Invalid parameter combination: Sequence number(s) contradict replaceable option',
      input({ sequence: 0xffff_fffe }),
      {},
      0,
      true,
    ],
  ])('answers %s', async (error, ...params) => {
    expect(await node.refusal(method, ...params)).toBe(error)
  })

  it.each<[string, ...unknown[]]>([
    ['nobody says that it may be replaced', input({ sequence: 0xffff_fffe }), {}],
    ['it may not be replaced', input({ sequence: 0xffff_fffe }), {}, 0, false],
    [
      'another input says so',
      [...input({ sequence: 0xffff_fffe }), ...input({ vout: 1 })],
      {},
      0,
      true,
    ],
    ['it has no inputs', [], {}, 0, true],
  ])('takes a sequence number without a signal if %s', async (_why, ...params) => {
    expect(await node.refusal(method, ...params)).toMatch(/^no refusal/)
  })
})
