/**
 * Everything a machine can say about the source without running it, side by side: format and lint, types
 * (all, the core alone, all but the platform without Node.js, the tests), and who imports whom.
 */

import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const module = (...parts) => join(ROOT, 'node_modules', ...parts)

function types(config) {
  return [module('typescript', 'bin', 'tsc'), '-p', config, '--noEmit']
}

const CHECKS = {
  'format and lint': [
    module('@biomejs', 'biome', 'bin', 'biome'),
    'ci',
    '--error-on-warnings',
    `--colors=${process.stdout.isTTY === true ? 'force' : 'off'}`,
    ...['src', 'test', 'scripts', 'vitest.config.ts'],
  ],
  // One pass for both: tests import most of src anyway, and their configuration extends that of src.
  'types of src and test': types('test/tsconfig.json'),
  'types of the core': types('tsconfig.core.json'),
  // As a browser has it: without Node.js, with the DOM.
  'types without Node.js': types('tsconfig.isomorphic.json'),
  imports: ['scripts/lint/imports.mjs'],
}

function run(name, args) {
  const startedAt = performance.now()
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  return new Promise((resolve) => {
    child.on('close', (code) => {
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
      process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`)
      if (code !== 0) process.stdout.write(`${output}\n`)
      resolve(code === 0)
    })
  })
}

const results = await Promise.all(Object.entries(CHECKS).map(([name, args]) => run(name, args)))
process.exitCode = results.every(Boolean) ? 0 : 1
