/**
 * Measures how fast a node gets level with another over loopback, two real processes, and how fast the same chain is
 * imported with no network: first empty blocks, then full ones of signed P2WPKH transactions.
 *
 *   node test/bench/sync.mjs [--json] [--record] [--tiny] [--empty-blocks N] [--full-blocks N] [--transactions N]
 *     [--profile FOLDER] [--engines wasm,native] [--rounds N]
 *
 * The chains are made once and kept in `.bench`; making them is not measured. With --profile both the import and the
 * node that catches up are profiled, which slows them down. With --engines the full blocks are also fetched by nodes that
 * verify signatures with each engine in turn. What to trust are ratios within one run.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, isBuilt } from '../../scripts/build.mjs'
import { readOptions } from './report/options.mjs'
import { endReport, formatMachine, startReport } from './report/report.mjs'

if (!isBuilt()) build()
const { LEAD_BLOCKS, makeEmptyChain, makeFullChain, writeSpec } = await import(
  './sync/chain-files.mjs'
)
const { BenchNode, importChain } = await import('./sync/nodes.mjs')
const { createNativeSignatureEngine } = await import(
  '../../dist/platform/nodejs/native-signature-engine.js'
)
const { readProfiles } = await import('./sync/profile.mjs')

const options = readOptions(
  {
    'empty-blocks': { usual: 10_000, tiny: 50, min: 0 },
    'full-blocks': { usual: 500, tiny: 3, min: 0 },
    transactions: { usual: 1_000, tiny: 20 },
    rounds: { usual: 3, tiny: 1 },
  },
  { profile: { type: 'string' }, engines: { type: 'string' } },
)
const {
  'empty-blocks': emptyBlocks,
  'full-blocks': fullBlocks,
  transactions,
  rounds,
} = options.sizes
const engines = options.given.engines?.split(',') ?? []
const { profile: profiles } = options.given
const folder = mkdtempSync(join(tmpdir(), 'quarry-bench-sync-'))
const spec = writeSpec()
const nodes = new Set()

async function startNode(options) {
  const node = await BenchNode.start({ spec, ...options })
  nodes.add(node)
  return node
}

async function stopNode(node) {
  nodes.delete(node)
  await node.stop()
}

function profileOf(name) {
  return profiles === undefined ? undefined : join(profiles, name)
}

/** @param height - Of the file's last block. */
async function measure(name, file, height) {
  process.stderr.write(`${name}: importing\n`)
  const source = join(folder, `${name}-source`)
  const imported = await importChain({
    spec,
    dataDir: source,
    file,
    profile: profileOf(`${name}-import`),
  })
  process.stderr.write(`${name}: from node to node\n`)
  const profile = profileOf(`${name}-sync`)
  const server = await startNode({ dataDir: source })
  const client = await startNode({ dataDir: join(folder, `${name}-client`), profile })
  await client.call('addnode', server.address, 'add')
  const seconds = await client.waitForHeight(height)
  const hashes = await Promise.all([server, client].map((node) => node.call('getbestblockhash')))
  if (hashes[0] !== hashes[1]) throw new Error('the nodes disagree')
  const result = {
    blocks: height,
    seconds,
    blocksPerSecond: height / seconds,
    importSeconds: imported.seconds,
    importBlocksPerSecond: imported.blocks / imported.seconds,
    // What the network costs: of the time from node to node, the part that an import does not take.
    networkShare: Math.max(0, 1 - imported.seconds / seconds),
    peakMegabytes: client.peakMegabytes,
    serverPeakMegabytes: server.peakMegabytes,
    importPeakMegabytes: imported.peakMegabytes,
    processorSeconds: client.processorSeconds,
    serverProcessorSeconds: server.processorSeconds,
  }
  await stopNode(client)
  await stopNode(server)
  if (profile === undefined) return result
  return {
    ...result,
    profile: readProfiles(profile),
    importProfile: readProfiles(profileOf(`${name}-import`)),
  }
}

/**
 * Fetches a chain again and again, with each engine in turn, so that a busy machine slows all of them.
 *
 * @returns Seconds of each round by engine.
 */
async function measureEngines(file, height) {
  const source = join(folder, 'engines-source')
  await importChain({ spec, dataDir: source, file })
  const server = await startNode({ dataDir: source })
  const seconds = Object.fromEntries(engines.map((engine) => [engine, []]))
  for (let round = 0; round < rounds; round++) {
    for (const engine of engines) {
      process.stderr.write(`engines: ${engine}, round ${round + 1} of ${rounds}\n`)
      const client = await startNode({ dataDir: join(folder, `${engine}-${round}`), engine })
      await client.call('addnode', server.address, 'add')
      seconds[engine].push(await client.waitForHeight(height))
      await stopNode(client)
    }
  }
  await stopNode(server)
  return seconds
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

/** How many times as fast the native engine is as WebAssembly; null, with a reason, where it cannot be told. */
function compareEngines(seconds) {
  const { native, wasm } = seconds ?? {}
  if (native === undefined || wasm === undefined) {
    return { nativeToWasmSync: null, reason: 'not asked for: --engines wasm,native' }
  }
  if (createNativeSignatureEngine() === undefined) {
    return { nativeToWasmSync: null, reason: 'the native library does not load here' }
  }
  return { nativeToWasmSync: median(native.map((time, round) => wasm[round] / time)) }
}

function print(report) {
  const line = (text) => process.stdout.write(`${text}\n`)
  line(formatMachine(report))
  for (const [name, result] of Object.entries(report.chains)) {
    line(`\n${name}: ${result.blocks} blocks`)
    line(`  node to node   ${result.blocksPerSecond.toFixed(1)} blocks/s`)
    line(`  import         ${result.importBlocksPerSecond.toFixed(1)} blocks/s`)
    line(`  network        ${(100 * result.networkShare).toFixed(0)} % of the time`)
    line(`  peak memory    ${result.peakMegabytes?.toFixed(0)} MB`)
    for (const { kind, share } of result.profile ?? []) {
      line(`    ${kind.padEnd(20)} ${(100 * share).toFixed(1).padStart(5)} %`)
    }
  }
  if (report.nativeToWasmSync !== null) {
    line(`\nnative signatures to WebAssembly   ${report.nativeToWasmSync.toFixed(2)} times`)
  }
  line(`\ntransactions     ${report.transactionsPerSecond?.toFixed(0)} a second, node to node`)
}

try {
  const machine = startReport()
  const chains = {}
  if (emptyBlocks > 0) {
    chains.empty = await measure('empty', makeEmptyChain(emptyBlocks), emptyBlocks)
  }
  if (fullBlocks > 0) {
    const file = makeFullChain(fullBlocks, transactions)
    chains.full = await measure('full', file, fullBlocks + LEAD_BLOCKS)
  }
  const { empty, full } = chains
  const engineSeconds =
    engines.length > 0 && fullBlocks > 0
      ? await measureEngines(makeFullChain(fullBlocks, transactions), fullBlocks + LEAD_BLOCKS)
      : undefined
  const engineRatio = compareEngines(engineSeconds)
  const report = {
    ...machine,
    ratios: {
      // The time from node to node, in times of that of an import: the network makes it more.
      'empty.syncToImport': empty && empty.seconds / empty.importSeconds,
      'full.syncToImport': full && full.seconds / full.importSeconds,
      'full.peakMemoryToImport': full && full.peakMegabytes / full.importPeakMegabytes,
      nativeToWasmSync: engineRatio.nativeToWasmSync,
    },
    ...engineRatio,
    engineSeconds,
    emptyBlocksPerSecond: empty?.blocksPerSecond,
    fullBlocksPerSecond: full?.blocksPerSecond,
    transactionsPerSecond: full && (fullBlocks * transactions) / full.seconds,
    importBlocksPerSecond: full?.importBlocksPerSecond,
    importEmptyBlocksPerSecond: empty?.importBlocksPerSecond,
    importTransactionsPerSecond: full && (fullBlocks * transactions) / full.importSeconds,
    peakMegabytes: Math.max(...Object.values(chains).map((chain) => chain.peakMegabytes ?? 0)),
    chains,
  }
  endReport('sync', options, report, print)
} finally {
  for (const node of nodes) await node.stop()
  rmSync(folder, { recursive: true, force: true })
}
