import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  fillNodeSettings,
  resolveNodeSettings,
  type SettingSources,
} from '../../../src/platform/nodejs/config.ts'
import { EXIT_CODES, exitCodeOf } from '../../../src/platform/nodejs/exit-codes.ts'
import { ConfigError } from '../../../src/util/index.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry-config-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

function resolve(changes: Partial<SettingSources> = {}) {
  return resolveNodeSettings({
    flags: {},
    environment: {},
    findHomeDirectory: () => '/home/ada',
    workingDirectory: folder,
    availableCores: 8,
    ...changes,
  })
}

function writeConfig(text: string): string {
  const path = join(folder, 'quarry.toml')
  writeFileSync(path, text)
  return path
}

function catchError(action: () => unknown): ConfigError {
  try {
    action()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new ConfigError('no-error', 'nothing was thrown')
}

describe('resolveNodeSettings', () => {
  it('has a default for everything', () => {
    const { settings, origins } = resolve()
    expect(settings).toEqual({
      chain: 'devnet',
      signatureEngine: 'auto',
      coinbaseFlags: false,
      devFaults: false,
      dataDir: '/home/ada/.quarry',
      dbCache: 64,
      reindex: false,
      prune: 0,
      txindex: false,
      maxMempool: 300,
      mempoolExpiry: 336,
      persistMempool: true,
      acceptNonstdTxn: false,
      incrementalRelayFee: '0.00000100',
      dustRelayFee: '0.00003000',
      blockMinTxFee: '0.00000001',
      dataCarrier: true,
      dataCarrierSize: 100_000,
      permitBareMultisig: true,
      bytesPerSigop: 20,
      limitAncestorCount: 25,
      limitAncestorSize: 101,
      limitDescendantCount: 25,
      limitDescendantSize: 101,
      wallet: false,
      devWallet: false,
      listen: ['/ip4/127.0.0.1/tcp/18444'],
      announce: [],
      peers: [],
      discovery: true,
      mdns: false,
      mine: false,
      addresses: [],
      threads: 7,
      throttle: 1,
      versionRolling: false,
      rpcPort: 18_443,
      rpcBind: '127.0.0.1',
      rpcAllowIp: [],
      rpcAllowHost: [],
      rpcAllowOrigin: [],
      rpcAuth: [],
      rpcWhitelist: [],
      rpcWhitelistDefault: false,
      rest: false,
      logLevel: { fallback: 'info', bySubsystem: {} },
      logFormat: 'auto',
    })
    expect(new Set(Object.values(origins))).toEqual(new Set(['default']))
  })

  it('takes flags before variables, variables before the file, the file before defaults', () => {
    const config = writeConfig('rpc-port = 3\nthreads = 3\nthrottle = 0.3\n')
    const environment = { QUARRY_RPC_PORT: '2', QUARRY_THREADS: '2' }
    const { settings, origins } = resolve({ flags: { config, 'rpc-port': '1' }, environment })
    expect(settings).toMatchObject({ rpcPort: 1, threads: 2, throttle: 0.3, mine: false })
    expect(origins).toMatchObject({
      'rpc-port': '--rpc-port',
      threads: 'QUARRY_THREADS',
      throttle: `${config}:3`,
      mine: 'default',
    })
  })

  it('finds the file by its variable', () => {
    const config = writeConfig('mine = true\npeer = ["10.0.0.1:18444", "[::1]:5"]\n')
    const { settings } = resolve({ environment: { QUARRY_CONFIG: config } })
    expect(settings.mine).toBe(true)
    expect(settings.peers).toEqual(['/ip4/10.0.0.1/tcp/18444', '/ip6/::1/tcp/5'])
  })

  it('reads switches and lists from variables', () => {
    const environment = { QUARRY_MINE: 'true', QUARRY_MDNS: '0', QUARRY_PEER: 'a.example:1,b:2' }
    const { settings } = resolve({ environment })
    expect(settings).toMatchObject({ mine: true, mdns: false })
    expect(settings.peers).toEqual(['/dns/a.example/tcp/1', '/dns/b/tcp/2'])
  })

  it('binds those without a whitelist as soon as there is one, unless told otherwise', () => {
    const environment = { QUARRY_RPC_WHITELIST: 'alice:getblock,getblockcount' }
    expect(resolve({ environment }).settings).toMatchObject({
      rpcWhitelist: ['alice:getblock', 'getblockcount'],
      rpcWhitelistDefault: true,
    })
    const flags = { 'rpc-whitelist-default': false }
    expect(resolve({ environment, flags }).settings.rpcWhitelistDefault).toBe(false)
    expect(resolve({ flags: { 'rpc-whitelist-default': true } }).settings).toMatchObject({
      rpcWhitelist: [],
      rpcWhitelistDefault: true,
    })
  })

  it.each([
    ['rpc-auth', ['alice:password']],
    ['rpc-whitelist', ['getblockcount']],
    ['blocknotify', ''],
  ])('refuses %s = %j', (name, value) => {
    const { code, message } = catchError(() => resolve({ flags: { [name]: value } }))
    expect(code).toBe('bad-settings')
    expect(message).toContain(`${name}: `)
  })

  it('lets a flag switch off what a variable switched on', () => {
    const { settings } = resolve({ flags: { mine: false }, environment: { QUARRY_MINE: 'true' } })
    expect(settings.mine).toBe(false)
  })

  it('takes paths in a file as relative to the file', () => {
    const config = writeConfig('datadir = "data"\nchain = "chain.json"\n')
    const { settings } = resolve({ flags: { config }, workingDirectory: '/elsewhere' })
    expect(settings.dataDir).toBe(join(folder, 'data'))
    expect(settings.chain).toBe(join(folder, 'chain.json'))
  })

  it('reads levels with exceptions', () => {
    const { settings } = resolve({ flags: { 'log-level': 'warn, p2p=debug,sync=trace' } })
    expect(settings.logLevel).toEqual({
      fallback: 'warn',
      bySubsystem: { p2p: 'debug', sync: 'trace' },
    })
  })

  it.each([
    ['rpc-port', '99999', '--rpc-port', /0 \(any free one\) to 65535/],
    ['rpc-port', 'x', '--rpc-port', /65535/],
    ['rpc-port', '', '--rpc-port', /65535/],
    ['throttle', '0', '--throttle', /0\.01 to 1/],
    ['throttle', '1.5', '--throttle', /0\.01 to 1/],
    ['threads', '0', '--threads', /auto/],
    ['threads', '1.5', '--threads', /auto/],
    ['threads', '33', '--threads', /four for each core/],
    ['listen', ['/ip4/1.2.3.4'], '--listen', /multiaddrs/],
    ['peer', ['not a peer'], '--peer', /multiaddrs/],
    ['rpc-bind', 'localhost', '--rpc-bind', /IP address/],
    ['rpc-allow-ip', ['10.0.0.0/33'], '--rpc-allow-ip', /192\.168\.1\.0\/24/],
    ['rpc-allow-host', ['node-1:18443'], '--rpc-allow-host', /without a port/],
    ['rpc-allow-origin', ['http://localhost:3000/'], '--rpc-allow-origin', /localhost:3000/],
    ['log-level', 'loud', '--log-level', /trace, debug/],
    ['log-level', 'p2p=loud', '--log-level', /trace, debug/],
    ['log-format', 'xml', '--log-format', /auto, pretty or json/],
    ['datadir', '', '--datadir', /path of a directory/],
  ])('refuses %s = %j and says what is wanted', (name, value, origin, wanted) => {
    const error = catchError(() => resolve({ flags: { [name]: value } }))
    expect(error.code).toBe('bad-settings')
    expect(error.message).toContain(`${name}: `)
    expect(error.message).toContain(`(from ${origin})`)
    expect(error.message).toMatch(wanted)
    expect(exitCodeOf(error)).toBe(EXIT_CODES.badConfig)
  })

  it('lists every problem at once, each with its place', () => {
    const config = writeConfig('# settings\nthrottle = 7\nrpcport = 1\n')
    const environment = { QUARRY_THREADS: 'many' }
    const { message } = catchError(() =>
      resolve({ flags: { config, mdns: 'no idea' }, environment }),
    )
    expect(message).toContain(`throttle: 7 (from ${config}:2)`)
    expect(message).toContain('threads: "many" (from QUARRY_THREADS)')
    expect(message).toContain('mdns: "no idea" (from --mdns)')
    expect(message).toContain(`rpcport (${config}:3) is no setting`)
  })

  it('says on which line a file stops being TOML', () => {
    const config = writeConfig('mine = true\nrpc-port 5\n')
    expect(catchError(() => resolve({ flags: { config } })).message).toMatch(
      /quarry\.toml:2:\d+ is not valid TOML/,
    )
  })

  it('says that a file is missing and how it was named', () => {
    const error = catchError(() => resolve({ flags: { config: 'missing.toml' } }))
    expect(error.message).toMatch(/missing\.toml.*--config or QUARRY_CONFIG/)
  })

  it('opens RPC to other machines only when told which', () => {
    const flags = { 'rpc-bind': '0.0.0.0' }
    expect(catchError(() => resolve({ flags })).message).toContain('--rpc-allow-ip')
    const allowed = resolve({ flags: { ...flags, 'rpc-allow-ip': ['192.168.1.0/24'] } })
    expect(allowed.settings.rpcAllowIp).toEqual(['192.168.1.0/24'])
    expect(resolve({ flags: { 'rpc-bind': '127.0.0.2' } }).settings.rpcBind).toBe('127.0.0.2')
  })

  it('reads fee rates as coins, and has room in the mempool for forty large families', () => {
    const environment = { QUARRY_INCREMENTAL_RELAY_FEE: '2e-5' }
    const config = writeConfig('min-relay-tx-fee = 0.0000001\ndust-relay-fee = "0"\n')
    expect(resolve({ flags: { config }, environment }).settings).toMatchObject({
      minRelayTxFee: '0.00000010',
      incrementalRelayFee: '0.00002000',
      dustRelayFee: '0.00000000',
    })
    for (const wrong of ['-1', '0.000000001', '21000001', 'free']) {
      const flags = { 'block-min-tx-fee': wrong }
      expect(catchError(() => resolve({ flags })).message).toContain(
        `block-min-tx-fee: "${wrong}" (from --block-min-tx-fee) is not usable. Use coins for`,
      )
    }
    const flags = { 'limit-descendant-size': '126', 'max-mempool': '5' }
    expect(catchError(() => resolve({ flags })).message).toContain(
      '-maxmempool must be at least 6 MB',
    )
    expect(resolve({ flags: { ...flags, 'limit-descendant-size': '125' } }).settings).toBeDefined()
  })

  it('warns about variables that are no setting', () => {
    const { warnings } = resolve({ environment: { QUARRY_RPCPORT: '1', HOME: '/' } })
    expect(warnings).toEqual([
      'QUARRY_RPCPORT is set, but no setting has that name; did you mean QUARRY_RPC_PORT?',
    ])
  })
})

describe('exitCodeOf', () => {
  it.each([
    [new ConfigError('datadir-in-use', 'x'), EXIT_CODES.dataDirectoryInUse],
    [Object.assign(new TypeError('listen'), { code: 'EADDRINUSE' }), EXIT_CODES.portInUse],
    [new AggregateError([new TypeError('listen EADDRINUSE: 127.0.0.1:1')]), EXIT_CODES.portInUse],
    [new TypeError('x', { cause: { code: 'corrupt' } }), EXIT_CODES.databaseDamaged],
    [new TypeError('x'), EXIT_CODES.failure],
    ['text', EXIT_CODES.failure],
  ])('of %s is %d', (error, code) => {
    expect(exitCodeOf(error)).toBe(code)
  })

  it('does not follow causes for ever', () => {
    const error: { cause?: unknown } = {}
    error.cause = error
    expect(exitCodeOf(error)).toBe(EXIT_CODES.failure)
  })
})

describe('fillNodeSettings', () => {
  it('fills what is not given with the defaults of the program', () => {
    const settings = fillNodeSettings({ dataDir: '/data', rpcPort: 0, peers: ['[::1]:5'] }, 'test')
    const { settings: program } = resolve()
    expect(settings).toEqual({
      ...program,
      threads: settings.threads,
      dataDir: '/data',
      rpcPort: 0,
      peers: ['/ip6/::1/tcp/5'],
    })
  })

  it('checks each value and those that exclude each other, and names the giver', () => {
    const given = { dataDir: '/data', rpcPort: 70_000 }
    expect(catchError(() => fillNodeSettings(given, 'startNode')).message).toContain(
      'rpc-port: 70000 (from startNode) is not usable. Use a port',
    )
    const together = { dataDir: '/data', prune: 600, txindex: true }
    expect(catchError(() => fillNodeSettings(together, 'startNode')).message).toContain(
      'Prune mode is incompatible with -txindex.',
    )
  })
})
