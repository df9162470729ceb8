import { describe, expect, it } from 'vitest'
import { createBasicAuth, createMethodCheck } from '../../../src/platform/nodejs/http-guard.ts'
import {
  createRpcAuth,
  isPasswordOf,
  parseRpcAuth,
  parseRpcWhitelists,
} from '../../../src/platform/nodejs/rpc-auth.ts'

/** The user of Bitcoin Core's functional test of passwords, `rpc_users.py`. */
const CORE = {
  rpcAuth:
    'rt:93648e835a54c573682c2eb19f882535$7681e9c5b74bdd85e78166031d2058e1069b3ed7ed967c93fc63abba06f31144',
  password: 'cA773lm788buwYe4g4WT+05pKyNruVKjQ25x3n0DQcM=',
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function requireUser(text: string) {
  const user = parseRpcAuth(text)
  if (user === undefined) throw new RangeError(text)
  return user
}

describe('rpcauth', () => {
  it("knows the password of Bitcoin Core's example, and no other", () => {
    const user = requireUser(CORE.rpcAuth)
    expect(user.name).toBe('rt')
    expect(isPasswordOf(user, CORE.password)).toBe(true)
    expect(isPasswordOf(user, CORE.password.slice(1))).toBe(false)
    expect(isPasswordOf(user, '')).toBe(false)
  })

  it('makes users that it then knows, each time with another salt', () => {
    const { rpcAuth, password } = createRpcAuth('bob')
    expect(isPasswordOf(requireUser(rpcAuth), password)).toBe(true)
    expect(createRpcAuth('bob', password).rpcAuth).not.toBe(rpcAuth)
    expect(isPasswordOf(requireUser(createRpcAuth('bob', 'p:w').rpcAuth), 'p:w')).toBe(true)
  })

  it.each([
    '',
    'alice',
    'alice:00$00',
    `a b:00$${'0'.repeat(64)}`,
    `:00$${'0'.repeat(64)}`,
    `alice:xy$${'0'.repeat(64)}`,
  ])('does not take %j', (text) => {
    expect(parseRpcAuth(text)).toBeUndefined()
  })

  it('lets in by name and password together', () => {
    const users = [requireUser(CORE.rpcAuth), requireUser(createRpcAuth('bob', 'b:1').rpcAuth)]
    const check = createBasicAuth({ credentials: ['__cookie__:c'], users })
    expect(check(basic('rt', CORE.password))).toEqual({ verdict: 'right', user: 'rt' })
    expect(check(basic('bob', 'b:1'))).toEqual({ verdict: 'right', user: 'bob' })
    expect(check(basic('__cookie__', 'c'))).toEqual({ verdict: 'right', user: '__cookie__' })
    expect(check(basic('bob', CORE.password))).toEqual({ verdict: 'wrong' })
    expect(check(basic('rt', 'b:1'))).toEqual({ verdict: 'wrong' })
    expect(check(basic('carol', ''))).toEqual({ verdict: 'wrong' })
    expect(check(undefined)).toEqual({ verdict: 'missing' })
  })
})

describe('whitelists', () => {
  const methodsOf = (parts: readonly string[], user: string) => [
    ...(parseRpcWhitelists(parts)?.get(user) ?? ['none']),
  ]

  it('reads one user after another, even if the list was cut at its commas', () => {
    const parts = ['alice:getblock,getblockcount', 'bob:', 'carol: a', 'b ']
    expect(methodsOf(parts, 'alice')).toEqual(['getblock', 'getblockcount'])
    expect(methodsOf(parts, 'bob')).toEqual([])
    expect(methodsOf(parts, 'carol')).toEqual(['a', 'b'])
    expect(methodsOf(parts, 'dave')).toEqual(['none'])
  })

  it('leaves what both lists of one user have', () => {
    expect(methodsOf(['alice:a,b', 'alice:b,c'], 'alice')).toEqual(['b'])
  })

  it.each([['getblock'], [':a']])('does not take %j', (part) => {
    expect(parseRpcWhitelists([part])).toBeUndefined()
  })

  it('says what each user may call', () => {
    const lists = parseRpcWhitelists(['alice:a']) ?? new Map()
    expect(createMethodCheck(lists, true)('alice')?.('a')).toBeUndefined()
    expect(createMethodCheck(lists, true)('alice')?.('b')).toBe('This user may not call b')
    expect(createMethodCheck(lists, true)('bob')).toBeUndefined()
    expect(createMethodCheck(lists, false)('bob')?.('a')).toMatch(
      /not call a: .*--no-rpc-whitelist-default/,
    )
  })
})
