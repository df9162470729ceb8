import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  findDevnetFolder,
  findProgramName,
  findWholeProgramName,
  isWorkingCopy,
} from '../../../src/platform/nodejs/program-name.ts'

const MAIN = 'dist/program/nodejs/main.js'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry name-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function makePackage(path: string, isClone: boolean): string {
  const root = join(folder, path)
  mkdirSync(join(root, 'scripts'), { recursive: true })
  if (isClone) writeFileSync(join(root, 'scripts', 'quarry'), '')
  return root
}

describe('the program', () => {
  it('keeps the devnet of a working copy in that copy', () => {
    const root = makePackage('clone', true)
    const call = { root, script: join(root, MAIN), isRunByNpx: false }
    expect(findDevnetFolder('/elsewhere', call)).toBe(join(root, '.devnet'))
    expect(findProgramName(root, call)).toBe('scripts/quarry')
    expect(findProgramName('/elsewhere', call)).toBe(`'${root}/scripts/quarry'`)
    expect(findWholeProgramName(call)).toBe(`'${root}/scripts/quarry'`)
  })

  it.each([
    ['is installed', 'app/node_modules/quarry', false, 'app/node_modules/.bin/quarry'],
    [
      'is installed with its scripts',
      'app/node_modules/quarry',
      true,
      `app/node_modules/quarry/${MAIN}`,
    ],
    ['is linked to a working copy', 'clone', true, 'app/node_modules/.bin/quarry'],
    ['is linked for all of the machine', 'clone', true, 'bin/quarry'],
    ['is a package that was unpacked', 'package', false, `package/${MAIN}`],
  ])('keeps its devnet beside the caller where it %s', (_, path, isClone, script) => {
    const call = {
      root: makePackage(path, isClone),
      script: join(folder, script),
      isRunByNpx: false,
    }
    expect(isWorkingCopy(call)).toBe(false)
    expect(findDevnetFolder('/here', call)).toBe('/here/.devnet')
    expect(findProgramName('/here', call)).toBe('quarry')
    expect(findWholeProgramName({ ...call, isRunByNpx: true })).toBe('npx quarry')
  })
})
