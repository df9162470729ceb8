/** The command line as a person meets it: help, mistakes, exit codes. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SETTINGS, toEnvironmentName } from '../../src/platform/nodejs/settings.ts'

const MAIN = fileURLToPath(new URL('../../dist/program/nodejs/main.js', import.meta.url))

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry-cli-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

async function run(
  args: readonly string[],
  environment: Record<string, string> = {},
  cwd = process.cwd(),
) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: folder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const text = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text.out += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text.err += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...text }
}

describe('quarry --help', () => {
  it('names the commands and the exit codes', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    for (const word of ['start', 'rpc', 'devnet', 'config', 'Exit codes', 'Examples']) {
      expect(out).toContain(word)
    }
  })

  it('of start has every setting with its variable', async () => {
    const { code, out } = await run(['start', '--help'])
    const joined = out.replace(/\s+/g, ' ')
    expect(code).toBe(0)
    for (const { name } of SETTINGS) {
      expect(joined).toContain(`--${name}`)
      expect(joined).toContain(`env: ${toEnvironmentName(name)}`)
    }
    expect(joined).not.toContain('--addnode')
  })

  it('knows its version', async () => {
    expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('a reader that goes away', () => {
  it.each([
    [['--help'], 0],
    [['rpc', '-h'], 0],
    [['config', 'show'], 0],
    [['nonsense'], 2],
  ])('ends %j without a word', async (args, exitCode) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { PATH: process.env['PATH'], HOME: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // The mistake goes to standard error, whose reader leaves in its case.
    const [left, read] =
      exitCode === 0 ? [child.stdout, child.stderr] : [child.stderr, child.stdout]
    left.destroy()
    let text = ''
    read.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    expect(await once(child, 'exit')).toEqual([exitCode, null])
    expect(text).toBe('')
  })
})

describe('a mistake', () => {
  it.each([
    [['--no-such-option']],
    [['nonsense']],
    [['devnet', '--nodes', 'many']],
    [['devnet', '--threads', `${availableParallelism() + 1}`]],
    [['devnet', '--nodes', '51']],
    [['devnet', '--throttle', '0']],
    [['rpc']],
    [['rpc', 'getblockcount', '--datadir', 'x']],
  ])('on the line %j is a usage error', async (args) => {
    const { code, out, err } = await run(args)
    expect(code).toBe(2)
    expect(err).toMatch(/^error: /)
    expect(out).toBe('')
  })

  it('in a setting names it, its place and the cure', async () => {
    const { code, err } = await run(['start', '--throttle', '7'], { QUARRY_RPC_PORT: 'x' })
    expect(code).toBe(3)
    expect(err).toContain(
      'throttle: "7" (from --throttle) is not usable. Use a number from 0.01 to 1.',
    )
    expect(err).toContain('rpc-port: "x" (from QUARRY_RPC_PORT)')
  })

  it('in two settings that cannot be had together says so', async () => {
    const { code, err } = await run(['start', '--prune', '100', '--txindex', '--datadir', folder])
    expect(code).toBe(3)
    expect(err).toContain('Prune mode is incompatible with -txindex.')
  })

  it('in a chain spec lists what is wrong in which file', async () => {
    const path = join(folder, 'chain.json')
    writeFileSync(path, JSON.stringify({ version: 1, name: 'Bad Name' }))
    const { code, err, out } = await run(['start', '--chain', path, '--datadir', folder])
    expect(code).toBe(3)
    expect(err).toContain(path)
    expect(err).toContain('genesis')
    const logged = JSON.parse(out)
    expect(logged).toMatchObject({ level: 'error', reason: expect.stringContaining(path) })
    // Where in the program that was found out is of no use to whoever wrote the file.
    expect(out).not.toContain('stack')
  })

  it('with mainnet says why not', async () => {
    const { code, err } = await run(['start', '--chain', 'mainnet', '--datadir', folder])
    expect(code).toBe(3)
    expect(err).toContain('replay')
  })

  it('with a chain that is neither a name nor a file says what there is', async () => {
    const { code, err } = await run(['start', '--chain', 'regtset', '--datadir', folder])
    expect(code).toBe(3)
    expect(err).toContain('regtest')
  })
})

describe('quarry start', () => {
  it.skipIf(!existsSync('/proc/self'))('says that a directory cannot be created', async () => {
    const { code, err } = await run(['start', '--datadir', '/proc/no-such-process'])
    expect(code).toBe(3)
    expect(err).toMatch(/data directory \/proc\/no-such-process cannot be used: .*--datadir/)
  })

  it('says which port is taken and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const free = { '--rpc-port': '0', '--listen': '/ip4/127.0.0.1/tcp/0', '--datadir': folder }
    for (const taken of [
      { '--rpc-port': `${port}` },
      { '--listen': `/ip4/127.0.0.1/tcp/${port}` },
    ]) {
      const [flag = ''] = Object.keys(taken)
      const { code, err } = await run(['start', ...Object.entries({ ...free, ...taken }).flat()])
      expect(code).toBe(5)
      expect(err).toContain(`${port}`)
      expect(err).toContain(flag)
    }
    server.close()
  })
})

describe('quarry config show', () => {
  it('prints settings and their origins', async () => {
    const config = join(folder, 'quarry.toml')
    writeFileSync(config, 'throttle = 0.5\n')
    const { code, out } = await run(
      ['config', 'show', '--origin', '--config', config, '--addnode', '10.0.0.1:18444'],
      { QUARRY_MINE: 'true' },
    )
    expect(code).toBe(0)
    expect(out).toContain(`throttle = 0.5  # ${config}:1`)
    expect(out).toContain('mine = true  # QUARRY_MINE')
    expect(out).toContain('peer = ["/ip4/10.0.0.1/tcp/18444"]  # --peer')
    expect(out).toContain('rpc-port = 18443  # default')
  })

  it('prints a file that gives the same settings again', async () => {
    const first = await run(['config', 'show', '--threads', '2', '--log-level', 'warn,p2p=debug'])
    const path = join(folder, 'shown.toml')
    writeFileSync(path, first.out)
    expect((await run(['config', 'show', '--config', path])).out).toBe(first.out)
  })

  it('prints JSON', async () => {
    const { out } = await run(['config', 'show', '--format', 'json', '--no-mine'])
    expect(JSON.parse(out)).toMatchObject({ mine: false, 'rpc-port': 18_443, address: [] })
  })
})

describe('what is meant to be pasted', () => {
  it('names the program so that it is found from where the person is', async () => {
    expect((await run(['rpc', '--help'])).out).toContain('$ scripts/quarry rpc getblockcount\n')
    const elsewhere = await run(['rpc', 'getblockcount'], {}, folder)
    const [, program = ''] = /Start one with "(.+) start"/.exec(elsewhere.err) ?? []
    const { stdout } = spawnSync('bash', ['-c', `${program} --version`], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('quarry rpc', () => {
  it('says what to do when no node is there', async () => {
    const { code, err } = await run(['rpc', '--datadir', folder, 'getblockcount'])
    expect(code).toBe(1)
    expect(err).toMatch(/^error: /)
  })
})

describe('a start that fails', () => {
  async function takePort() {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { server, port: (server.address() as AddressInfo).port }
  }
  const start = (port: number, flag: '--rpc-port' | '--listen', datadir: string) => {
    const flags =
      flag === '--listen'
        ? ['--listen', `/ip4/127.0.0.1/tcp/${port}`, '--rpc-port', '0']
        : ['--rpc-port', String(port), '--listen', '/ip4/127.0.0.1/tcp/0']
    return run(['start', '--chain', 'regtest', '--datadir', datadir, ...flags])
  }

  it.each(['--rpc-port', '--listen'] as const)(
    'on a busy port of %s leaves nothing behind that was not there before',
    async (flag) => {
      const { server, port } = await takePort()
      try {
        expect((await start(port, flag, join(folder, 'new', 'data'))).code).toBe(5)
        expect(existsSync(join(folder, 'new'))).toBe(false)
        const old = join(folder, 'old')
        mkdirSync(join(old, 'regtest'), { recursive: true })
        writeFileSync(join(old, 'regtest', 'notes.txt'), 'mine')
        expect((await start(port, flag, old)).code).toBe(5)
        expect(readFileSync(join(old, 'regtest', 'notes.txt'), 'utf8')).toBe('mine')
      } finally {
        server.close()
      }
    },
  )
})

describe('a mistyped variable', () => {
  it.each([
    ['rpc', 'getblockcount'],
    ['mine'],
    ['tail'],
    ['devnet', 'status'],
    ['faucet', 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080'],
    ['config', 'show'],
  ])('is named on standard error by %s', async (...args) => {
    const { out, err } = await run(args, { QUARRY_RPC_PROT: '1' }, folder)
    expect(err).toContain(
      'QUARRY_RPC_PROT is set, but no setting has that name; did you mean QUARRY_RPC_PORT?',
    )
    expect(out).not.toContain('QUARRY_RPC_PROT')
  })
})
