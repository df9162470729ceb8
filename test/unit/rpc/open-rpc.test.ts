import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { beforeAll, describe, expect, it } from 'vitest'
import { RPC_METHODS } from '../../../src/rpc/index.ts'
import { createRegtestNode } from '../../support/regtest-node.ts'

interface OpenRpcMethod {
  readonly name: string
  readonly params: readonly { name: string; required: boolean; schema: object }[]
  readonly result: { readonly schema: object }
  readonly examples?: readonly { params: readonly { value: unknown }[] }[]
}

// Its declarations do not say what it exports.
const require = createRequire(import.meta.url)
const { openrpcDocument } = require('@open-rpc/meta-schema') as { openrpcDocument: object }

let document: { methods: readonly OpenRpcMethod[] }
const ajv = new Ajv({ strict: false })

/** The specification's schema says what a schema is by addresses that ajv does not follow: they are judged apart. */
function withoutSchemasOfSchemas(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSchemasOfSchemas)
  if (typeof value !== 'object' || value === null) return value
  const { $ref } = value as { readonly $ref?: unknown }
  if (typeof $ref === 'string' && $ref.startsWith('https://')) return {}
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== '$schema')
      .map(([name, part]) => [name, withoutSchemasOfSchemas(part)]),
  )
}

beforeAll(async () => {
  const node = await createRegtestNode()
  document = await node.call('getopenrpcinfo')
  expect(await node.call('rpc.discover')).toEqual(document)
})

describe('the OpenRPC document', () => {
  it('is one by the schema of the specification', () => {
    const validate = ajv.compile(withoutSchemasOfSchemas(openrpcDocument) as object)
    expect(validate(document), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true)
    expect(validate({ ...document, openrpc: '9' })).toBe(false)
    const [first] = document.methods
    expect(validate({ ...document, methods: [{ ...first, params: 'none' }] })).toBe(false)
    const schemas = document.methods.flatMap(({ params, result }) => [
      result.schema,
      ...params.map(({ schema }) => schema),
    ])
    for (const schema of schemas) expect(ajv.validateSchema(schema), ajv.errorsText()).toBe(true)
  })

  it('has every method that help lists, with its parameters in order', () => {
    const listed = RPC_METHODS.filter(({ category }) => category !== 'hidden')
    const own = ['help', 'getrpcinfo', 'getopenrpcinfo']
    expect(document.methods.map(({ name }) => name).toSorted()).toEqual(
      [...listed.map(({ name }) => name), ...own].toSorted(),
    )
    for (const { name, params } of listed) {
      const described = document.methods.find((method) => method.name === name)
      expect(described?.params.map((param) => param.name)).toEqual(
        params.map((param) => param.name),
      )
    }
  })

  it('has schemas that hold for the examples of its methods', () => {
    let count = 0
    for (const { name, params, examples = [] } of document.methods) {
      for (const example of examples) {
        for (const [i, { value }] of example.params.entries()) {
          const schema = params[i]?.schema ?? false
          expect(ajv.validate(schema, value), `${name} ${JSON.stringify(value)}`).toBe(true)
          count += 1
        }
      }
    }
    expect(count).toBeGreaterThan(40)
  })

  it('has schemas that hold for results', async () => {
    const node = await createRegtestNode()
    await node.mine(3, Uint8Array.of(0x51))
    const hash = await node.call('getbestblockhash')
    const calls: readonly (readonly [string, ...unknown[]])[] = [
      ['getblockchaininfo'],
      ['getblock', hash, 0],
      ['getblock', hash, 2],
      ['getmempoolinfo'],
      ['getnetworkinfo'],
      ['getpeerinfo'],
      ['getblockstats', 2],
      ['getchaintips'],
      ['estimatesmartfee', 6],
      ['gettxoutsetinfo'],
      ['getdeploymentinfo'],
      ['uptime'],
    ]
    for (const [name, ...args] of calls) {
      const schema = document.methods.find((method) => method.name === name)?.result.schema ?? false
      const result = await node.call(name, ...args)
      const isValid = ajv.validate(schema, result)
      expect(isValid, `${name}: ${JSON.stringify(ajv.errors?.slice(0, 2))}`).toBe(true)
    }
  })
})
