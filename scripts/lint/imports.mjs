// @ts-check
/**
 * Who may import whom, checked. The table is default deny; other folders are entered by their `index.ts` (util
 * also by file); `node:` modules are the platform's alone; the pure folders use few packages. Imports of types count.
 *
 *   node scripts/lint/imports.mjs
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'vite'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const SRC = join(ROOT, 'src')

const PURE = ['util', 'primitives', 'script', 'consensus']
const DOMAIN = [...PURE, 'chain', 'mempool', 'mining', 'stratum', 'pool', 'sync', 'p2p', 'wallet']

/**
 * Each folder of src and the folders it may import.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const ALLOWED = {
  util: [],
  primitives: ['util'],
  script: ['primitives', 'util'],
  consensus: ['script', 'primitives', 'util'],
  chain: PURE,
  store: ['chain', 'consensus', 'primitives', 'util'],
  mempool: ['chain', ...PURE],
  mining: PURE,
  stratum: ['consensus', 'primitives', 'util'],
  pool: ['stratum', 'mining', ...PURE],
  sync: ['mempool', 'chain', 'consensus', 'primitives', 'util'],
  p2p: ['sync', 'consensus', 'primitives', 'util'],
  wallet: PURE,
  rpc: DOMAIN,
  node: ['rpc', 'store', ...DOMAIN],
  devnet: ['node', 'rpc', 'consensus', 'primitives', 'util'],
  platform: ['devnet', 'node', 'rpc', 'p2p', 'mining', 'stratum', 'chain', ...PURE],
  // Doors of the package, beside the folders.
  'core.ts': PURE,
}
/** The packages of the pure folders. */
const PURE_PACKAGES = /^(@noble\/|@scure\/base$)/

/** A type named in place, which the parser does not list: `import('./x.ts').X`. */
const IMPORT_CALL = /\bimport\(\s*'([^']+)'/g

/** @param {string} file - Its path. */
function findImports(file) {
  const text = readFileSync(file, 'utf8')
  const { module, errors } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${relative(ROOT, file)}: ${errors[0]?.message}`)
  const exported = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
  )
  const imported = module.staticImports.map(({ moduleRequest }) => moduleRequest.value)
  return new Set([...imported, ...exported, ...[...text.matchAll(IMPORT_CALL)].map((at) => at[1])])
}

/**
 * Says why a file may not import something.
 *
 * @param {string} file - Below src.
 * @param {string} specifier
 * @returns {string | undefined} Nothing if it may.
 */
function findBreach(file, specifier) {
  const [folder = ''] = file.split('/')
  if (specifier.startsWith('node:')) {
    return folder === 'platform' ? undefined : 'only src/platform sees the runtime'
  }
  if (!specifier.startsWith('.')) {
    const isFine = !PURE.includes(folder) || PURE_PACKAGES.test(specifier)
    return isFine ? undefined : 'the pure folders use @noble/* and @scure/base alone'
  }
  const target = relative(SRC, join(SRC, dirname(file), specifier))
  if (!existsSync(join(SRC, target))) return 'there is no such file'
  const [targetFolder = '', ...rest] = target.split('/')
  if (targetFolder === folder) return undefined
  if (!ALLOWED[folder]?.includes(targetFolder))
    return `src/${folder} may not import src/${targetFolder}`
  const isByDoor = rest.join('/') === 'index.ts' || targetFolder === 'util'
  return isByDoor ? undefined : `src/${targetFolder} is entered by its index.ts`
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
)
const breaches = files.flatMap((file) => {
  const [folder = ''] = file.split('/')
  if (!(folder in ALLOWED))
    return [`src/${file}: src/${folder} has no row in scripts/lint/imports.mjs`]
  return [...findImports(join(SRC, file))].flatMap((specifier = '') => {
    const breach = findBreach(file, specifier)
    return breach === undefined ? [] : [`src/${file}: '${specifier}': ${breach}`]
  })
})
for (const breach of breaches) process.stderr.write(`${breach}\n`)
if (files.length === 0 || breaches.length > 0) process.exitCode = 1
