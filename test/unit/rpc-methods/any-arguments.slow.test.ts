/** The whole table of methods under arguments that make sense, nearly make sense, and make none. */

import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { createDispatcher, RPC_METHODS, type RpcContext } from '../../../src/rpc/index.ts'
import { type LogFields, toErrorMessage } from '../../../src/util/index.ts'
import { createRegtestNode } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const INPUTS = 100_000
const INPUTS_PER_RUN = 20
/** They wait, mine for as long as they are told to, or end the node. */
const LEFT_OUT = new Set([
  'stop',
  'waitforblock',
  'waitforblockheight',
  'waitfornewblock',
  'generatetoaddress',
  'generatetodescriptor',
])
const METHODS = RPC_METHODS.filter(({ name }) => !LEFT_OUT.has(name))
const wallet = new TestWallet('any-arguments')

const failures: string[] = []
const log = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message: string, fields: LogFields = {}) => {
    failures.push(`${message} ${JSON.stringify(fields)}`)
  },
}

let context: RpcContext
let telling: readonly unknown[]

beforeAll(async () => {
  const node = await createRegtestNode({
    params: { coinbaseMaturityBlocks: 1 },
    policy: { requiresStandard: false },
    context: { fatal: (error) => failures.push(`fatal: ${toErrorMessage(error)}`) },
  })
  context = node.context
  const hashes = await node.mine(5, wallet.script('p2wpkh'))
  const block = await node.call('getblock', hashes[4], 0)
  const { tx } = await node.call('getblock', hashes[0], 2)
  telling = [
    ...hashes,
    block,
    tx[0].txid,
    tx[0].hex,
    [tx[0].hex],
    wallet.address('p2wpkh'),
    wallet.address('p2pkh'),
    `raw(51)`,
    { rules: ['segwit'] },
    { rules: ['segwit'], mode: 'proposal', data: block },
    '127.0.0.1:18444',
    '/ip4/127.0.0.1/tcp/1',
    'add',
    'remove',
    'muhash',
    'hash_serialized_3',
    'CONSERVATIVE',
    'utxo.dat',
    'latest',
  ]
})

/** Values that some method takes, cut, changed, and anything else. */
function createArgument(): fc.Arbitrary<unknown> {
  const known = fc.constantFrom(...telling)
  const bent = fc
    .tuple(known, fc.nat(200), fc.string({ maxLength: 2 }))
    .map(([value, at, text]) =>
      typeof value === 'string' ? value.slice(0, at % (value.length + 1)) + text : value,
    )
  const number = fc.oneof(fc.integer({ min: -2, max: 8 }), fc.double(), fc.maxSafeInteger())
  return fc.oneof(
    known,
    bent,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.jsonValue({ maxDepth: 2 }),
  )
}

it(`answers ${INPUTS} calls without a failure inside`, { timeout: 900_000 }, async () => {
  const dispatcher = createDispatcher({
    methods: METHODS,
    context,
    log,
    clock: context.clock,
  })
  const argument = createArgument()
  const call = fc
    .constantFrom(...METHODS)
    .chain(({ name, params }) =>
      fc
        .oneof(
          fc.array(argument, { maxLength: params.length + 1 }),
          fc.dictionary(fc.constantFrom('args', ...params.map((param) => param.name)), argument),
        )
        .map((args) => ({ jsonrpc: '2.0', id: 1, method: name, params: args })),
    )
  let answered = 0
  let results = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { minLength: INPUTS_PER_RUN, maxLength: INPUTS_PER_RUN }),
      async (calls) => {
        for (const request of calls) {
          const { status, text } = await dispatcher.handleText(JSON.stringify(request))
          const { result, error } = JSON.parse(text)
          expect(status).toBe(200)
          expect((result === undefined) !== (error === undefined), text).toBe(true)
          if (error === undefined) results += 1
          else
            expect(Number.isInteger(error.code) && typeof error.message === 'string', text).toBe(
              true,
            )
          // What no handler has foreseen is an internal error, in the log with its stack.
          expect(failures, JSON.stringify(request)).toEqual([])
          answered += 1
        }
      },
    ),
    { numRuns: INPUTS / INPUTS_PER_RUN },
  )
  expect(answered).toBe(INPUTS)
  // Not only refusals were tried.
  expect(results).toBeGreaterThan(INPUTS / 100)
})
