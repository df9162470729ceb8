/** The typed client as the package gives it, against a node that it also gives. */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import type { RpcClient } from '../../src/platform/nodejs/client.ts'
import type { RunningNode } from '../../src/platform/nodejs/index.ts'
import { TestWallet } from '../support/wallet.ts'

const PROGRAM = new URL('../../dist/program/nodejs/', import.meta.url)
const { startNode } = (await import(
  new URL('index.js', PROGRAM).href
)) as typeof import('../../src/platform/nodejs/index.ts')
const { createRpcClient, RpcError, RpcClientError } = (await import(
  new URL('client.js', PROGRAM).href
)) as typeof import('../../src/platform/nodejs/client.ts')

const PACKAGE = new URL('../../package.json', import.meta.url)
const { exports: doors } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as {
  exports: Record<string, { default: string }>
}

let node: RunningNode
let client: RpcClient

beforeAll(async () => {
  node = await startNode({ wallet: true })
  client = createRpcClient({ url: node.rpcUrl, auth: `${node.rpcUser}:${node.rpcPassword}` })
})

afterAll(() => node.stop())

describe('the doors of the package', () => {
  it.each(['ConfigError', 'RpcError'])('give the same %s', async (name) => {
    const modules = await Promise.all(
      ['.', './client', './core'].map(
        (door) => import(new URL(doors[door]?.default ?? '', PACKAGE).href),
      ),
    )
    const classes = modules.flatMap((module) => module[name] ?? [])
    expect(classes.length).toBeGreaterThan(1)
    expect(new Set(classes).size).toBe(1)
  })
})

describe('the typed client', () => {
  it('calls methods by their names, with types of the table that answers', async () => {
    const hashes = await client.generatetoaddress(3, new TestWallet('client').address('p2wpkh'))
    expectTypeOf(hashes).toEqualTypeOf<string[]>()
    expect(hashes).toHaveLength(3)
    const { blocks, chain } = await client.getblockchaininfo()
    expectTypeOf(blocks).toEqualTypeOf<number>()
    expect([blocks, chain]).toEqual([3, 'regtest'])
    expect(await client.getblockhash(3)).toBe(hashes[2])
    expectTypeOf(client.getblockhash).parameters.toEqualTypeOf<[value: number]>()
    // @ts-expect-error A height is a number.
    await expect(client.getblockhash('three')).rejects.toMatchObject({ code: -3 })
  })

  it('takes named arguments, and methods that it has no type for', async () => {
    expect(await client.call('getblockhash', { height: 0 })).toMatch(/^0f9188f13cb7/)
    await expect(client.call('nothing')).rejects.toMatchObject({ code: -32_601 })
  })

  it('tells the answer that a call cannot be done from no answer', async () => {
    await expect(client.getblockhash(99)).rejects.toBeInstanceOf(RpcError)
    const stranger = createRpcClient({ url: node.rpcUrl, auth: 'a:b' })
    await expect(stranger.uptime()).rejects.toBeInstanceOf(RpcClientError)
    const nobody = createRpcClient({ url: 'http://127.0.0.1:1', auth: 'a:b' })
    await expect(nobody.uptime()).rejects.toMatchObject({ code: 'rpc-unreachable' })
  })

  it('reads user, password and wallet from the URL', async () => {
    const url = node.rpcUrl.replace('//', `//${node.rpcUser}:${node.rpcPassword}@`)
    expect(await createRpcClient({ url }).getblockhash(0)).toMatch(/^0f9188f13cb7/)
    const noWallet = createRpcClient({ url: `${url}/wallet/nosuch` })
    await expect(noWallet.call('getbalance')).rejects.toMatchObject({ code: -18 })
    await expect(createRpcClient({ url, wallet: 'nosuch' }).call('getbalance')).rejects.toThrow(
      'Requested wallet does not exist or is not loaded',
    )
    await expect(createRpcClient({ url: `${url}/other` }).uptime()).rejects.toMatchObject({
      code: 'bad-settings',
    })
  })

  it('is no promise, whatever looks at it', async () => {
    expect(await Promise.resolve(client)).toBe(client)
  })
})
