/** What a person meets who lacks what Quarry needs: a new enough Node.js, Node.js at all, npm. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PROGRAM = join(ROOT, 'dist', 'program', 'nodejs')
/** Makes Node.js say that it is older than it is. */
const OLD_NODEJS = `--import=data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.20.8'}})`

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry-set-up-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** A PATH with these programs and no others. */
function makePath(...programs: readonly string[]): string {
  const path = join(folder, 'bin')
  mkdirSync(path, { recursive: true })
  for (const program of programs) {
    const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' })
    symlinkSync(found.stdout.trim(), join(path, program))
  }
  return path
}

function run(line: readonly string[], environment: Readonly<Record<string, string>>, cwd = ROOT) {
  const [command = '', ...args] = line
  const { PATH = '' } = process.env
  const env = { PATH, HOME: folder, ...environment }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

describe('an old Node.js', () => {
  it.each([
    ['scripts/quarry', 'start'],
    ['scripts/devnet'],
    ['scripts/test'],
    [process.execPath, join(PROGRAM, 'main.js'), '--version'],
  ])('is told of in one sentence: %s %s', (...line) => {
    expect(run(line, { NODE_OPTIONS: OLD_NODEJS })).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^Quarry needs Node\.js 20\.19 or newer; this is 18\.20\.8\..*\n$/,
      ),
    })
  })

  it('is refused by the library with a code', () => {
    const code = `import(${JSON.stringify(join(PROGRAM, 'index.js'))}).catch((error) => console.log(error.name, error.code))`
    const { stdout } = run([process.execPath, '-e', code], { NODE_OPTIONS: OLD_NODEJS })
    expect(stdout).toBe('ConfigError runtime-too-old\n')
  })
})

describe('a missing program', () => {
  it.each(['quarry', 'devnet', 'test'])('Node.js is named by scripts/%s', (script) => {
    const PATH = makePath('bash', 'env', 'dirname')
    expect(run([join(ROOT, 'scripts', script)], { PATH })).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^Quarry needs Node\.js 20\.19 or newer, and no 'node' was found\./,
      ),
    })
  })

  it.each(['quarry', 'devnet', 'test'])('npm is named by scripts/%s of a fresh clone', (script) => {
    const clone = join(folder, 'clone')
    for (const part of ['scripts', 'src', 'package.json', 'package-lock.json', 'tsconfig.json']) {
      cpSync(join(ROOT, part), join(clone, part), { recursive: true })
    }
    const PATH = makePath('bash', 'env', 'dirname', 'node')
    const { status, stderr } = run([join('scripts', script)], { PATH }, clone)
    expect(status).toBe(1)
    expect(stderr).toMatch(/\n.* installed by npm, and no 'npm' was found\. .*\n$/)
    expect(stderr).not.toMatch(/ENOENT|\n {4}at /)
  })
})
