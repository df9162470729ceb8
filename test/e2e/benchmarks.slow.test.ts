/**
 * Every benchmark runs to its end with tiny sizes. Their figures mean nothing here: what is checked is that they were
 * measured. `test:crash` has a test of its own, crash.slow.test.ts.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const POSITIVE = { asymmetricMatch: (value: unknown) => typeof value === 'number' && value > 0 }
const SHARE = {
  asymmetricMatch: (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1,
}
const NO_COMPILER = /^there is no Rust compiler|^only for x86-64/

function expectRatios(report: Json, names: readonly string[], matcher: unknown = POSITIVE) {
  expect(report.ratios).toMatchObject(Object.fromEntries(names.map((name) => [name, matcher])))
}

// biome-ignore lint/suspicious/noExplicitAny: reports are looked at as JSON.
type Json = any

/** By benchmark: looks at its report. */
const CHECKS: Readonly<Record<string, (report: Json) => void>> = {
  miner(report) {
    const native = report.leftOut['native, 128-bit vectors']
    if (native === undefined) expectRatios(report, ['ratioToNative'])
    // A kernel that does not compile or does not find what it should is no reason.
    else expect(native).toMatch(NO_COMPILER)
    expectRatios(report, ['ratioToNodeCrypto', 'ratioToNoble', 'ratioToScalar'])
    expect(report.stopLatency.samples).toBe(5)
  },
  relay(report) {
    expectRatios(report, ['bytesRatio', 'medianRatio', 'lastRatio'])
    expectRatios(report, ['deliveredShare'], 1)
    expect(report.transactions).toMatchObject({ injected: 20, delivered: 20, lost: 0 })
  },
  rpc(report) {
    expectRatios(report, ['getblockcount', 'getblock', 'getblocktemplate'])
    expect(report.template).toMatchObject({ waiting: 100, ms: POSITIVE, overHttpMs: POSITIVE })
  },
  script(report) {
    const names = ['wasmToNoble', 'wasmToBitcore', 'twoThreadsToOne']
    expectRatios(
      report,
      ['p2wpkh', 'p2tr'].flatMap((kind) => names.map((name) => `${kind}.${name}`)),
    )
    const [p2wpkh, p2tr] = report.results
    expect(p2wpkh.bitcoreLib).toEqual({ inputs: 20, refused: 0 })
    expect(p2tr.bitcoreLib.inputs).toBe(20)
  },
  store(report) {
    const names = ['writeMedianTo', 'readMedianTo', 'processorTo', 'diskTo']
    expectRatios(
      report,
      ['singlePuts', 'lmdb'].flatMap((other) => names.map((name) => `${name}.${other}`)),
    )
  },
  sync(report) {
    expectRatios(report, ['empty.syncToImport', 'full.syncToImport'])
    expect(report.chains).toMatchObject({ empty: { blocks: 50 }, full: { blocks: 5 } })
  },
  'soak-mining'(report) {
    expectRatios(report, ['scriptedStaleShare', 'localStaleShare'], SHARE)
    expect(report).toMatchObject({
      isEveryBlockAccountedFor: true,
      isNoBlockRefused: true,
      isEachMinerThere: true,
    })
  },
}

async function runTiny(name: string) {
  const program = fileURLToPath(new URL(`../bench/${name}.mjs`, import.meta.url))
  const child = spawn(process.execPath, [program, '--tiny', '--json'], {
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
  expect(code, text.err).toBe(0)
  return JSON.parse(text.out.trimEnd().split('\n').at(-1) ?? '')
}

it.concurrent.each(Object.entries(CHECKS))(
  'the benchmark %s measures tiny sizes and prints its report as one line of JSON',
  async (name, check) => {
    const report = await runTiny(name)
    expect(report).toMatchObject({
      machine: { cpu: expect.any(String), cores: POSITIVE, nodejs: process.versions.node },
      load: expect.any(Number),
    })
    check(report)
  },
)
