/**
 * Measures how fast inputs are verified, whole scripts included: by noble, by libsecp256k1 in WebAssembly, by
 * bitcore-lib's interpreter, and on one and on two worker threads, in one run. What to trust are the ratios: slices of
 * all candidates are interleaved, so that a busy machine slows all of them.
 *
 *   node test/bench/script.mjs [--json] [--record] [--tiny] [--inputs N] [--rounds N]
 *
 * bitcore-lib refuses some valid Schnorr signatures, three of 600 in one run; the report counts them.
 *
 * Times are of the processor for one thread, of wall clock for workers. Ratios are medians over the rounds; that of
 * two threads to one, where other programs want the cores too, is also told of the best rounds of each. Nothing here
 * passes or fails on a time.
 */

import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import bitcore from 'bitcore-lib'
import { build, isBuilt } from '../../scripts/build.mjs'
import { readOptions } from './report/options.mjs'
import { endReport, formatMachine, startReport } from './report/report.mjs'

if (!isBuilt()) build()
const { ScriptCheckPool, verifyTransactionScripts } = await import('../../dist/chain/index.js')
const script = await import('../../dist/script/index.js')
const { encodeTransaction } = await import('../../dist/primitives/index.js')
const { concatBytes } = await import('../../dist/util/index.js')
const { systemClock } = await import('../../dist/platform/system.js')
const loader = await import('../../dist/platform/nodejs/signature-engine-loader.js')
const { createVerifyWorkerSpawner } = await import(
  '../../dist/platform/nodejs/verify-worker-spawner.js'
)

const options = readOptions({
  inputs: { usual: 2_000, tiny: 24 },
  rounds: { usual: 10, tiny: 2 },
})
const { inputs: INPUTS, rounds: ROUNDS } = options.sizes
const WARM_UP_INPUTS = 200
/** Of each round's inputs, for bitcore-lib: it takes some twenty times as long. */
const BITCORE_INPUTS = 10
const CROSSOVER_SIZES = [4, 8, 16, 32, 64, 128].filter((size) => size <= INPUTS)
const CROSSOVER_REPEATS = 7
/** What a history keeps of each kind of input. */
const RATIOS = [
  'wasmToNoble',
  'wasmToBitcore',
  'twoThreadsToOne',
  'processorOfTwoThreadsToOne',
  'twoThreadsToNoble',
  'nativeToWasm',
  'nativeToWasmOneThread',
  'nativeToWasmTwoThreads',
]
const VALUE = 10_000n
const NOTHING = new Uint8Array()
const silentLog = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

function sign(kind, tx, spentOutputs, secret) {
  const shared = script.precomputeTransactionData(tx, spentOutputs)
  if (kind === 'p2tr') {
    const hash = script.computeTaprootSignatureHash(tx, 0, spentOutputs, 0, shared)
    return [schnorr.sign(hash, secret)]
  }
  const key = secp256k1.getPublicKey(secret)
  const code = script.createKeyHashScript(script.hash160(key))
  const all = script.SIGHASH_ALL
  const hash = script.computeWitnessV0SignatureHash(tx, 0, code, VALUE, all, shared)
  const der = secp256k1.sign(hash, secret, { prehash: false, format: 'der' })
  return [concatBytes(der, Uint8Array.of(all)), key]
}

/** A transaction as most are: one input by a key of its own, two outputs. */
function createCheck(kind, index) {
  const secret = new Uint8Array(32).fill(1)
  new DataView(secret.buffer).setUint32(28, index + 1)
  const isTaproot = kind === 'p2tr'
  const program = isTaproot
    ? schnorr.getPublicKey(secret)
    : script.hash160(secp256k1.getPublicKey(secret))
  const scriptPubKey = script.createWitnessScript({ version: isTaproot ? 1 : 0, program })
  const prevout = { txid: secret, vout: 0 }
  const input = { prevout, scriptSig: NOTHING, sequence: 0xffff_fffe, witness: [] }
  const output = { value: VALUE / 2n, scriptPubKey }
  const tx = { version: 2, inputs: [input], outputs: [output, output], lockTime: 0 }
  const spentOutputs = [{ value: VALUE, scriptPubKey }]
  const witness = sign(kind, tx, spentOutputs, secret)
  return {
    tx: { ...tx, inputs: [{ ...input, witness }] },
    spentOutputs,
    flags: script.CONSENSUS_SCRIPT_FLAGS,
  }
}

/** The same checks as new values, so that nothing remembered for them helps whoever comes second. */
function copy(checks) {
  return checks.map((check) => ({ ...check, tx: { ...check.tx } }))
}

/** Microseconds of the processor for each input. */
function timeHere(engine, checks) {
  const fresh = copy(checks)
  const before = process.cpuUsage()
  for (const check of fresh) verifyTransactionScripts(check, engine)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / checks.length
}

/**
 * The same for bitcore-lib, and how many inputs it refuses; its transactions are read beforehand, as ours are.
 *
 * @throws If it refuses an ECDSA signature: only its Schnorr signatures are known to fail.
 */
function timeBitcore(kind, checks) {
  const { Script, Transaction } = bitcore
  const flags = ['P2SH', 'WITNESS', 'TAPROOT'].reduce(
    (all, name) => all | Script.Interpreter[`SCRIPT_VERIFY_${name}`],
    0,
  )
  const few = checks.slice(0, BITCORE_INPUTS).map(({ tx, spentOutputs: [spent] }) => {
    const read = new Transaction(Buffer.from(encodeTransaction(tx)))
    const pubKey = Script.fromBuffer(Buffer.from(spent.scriptPubKey))
    const satoshis = Number(spent.value)
    read.inputs[0].output = new Transaction.Output({ satoshis, script: pubKey })
    const witness = tx.inputs[0].witness.map((item) => Buffer.from(item))
    return [Script.empty(), pubKey, read, 0, flags, witness, satoshis]
  })
  const before = process.cpuUsage()
  let refused = 0
  for (const args of few) if (!new Script.Interpreter().verify(...args)) refused += 1
  const { user, system } = process.cpuUsage(before)
  if (refused > 0 && kind !== 'p2tr') throw new Error(`bitcore-lib refuses an input of ${kind}`)
  return { time: (user + system) / few.length, count: few.length, refused }
}

/** Microseconds of wall clock for each input. */
async function timeThere(pool, checks) {
  const fresh = copy(checks)
  const start = performance.now()
  await pool.verify(fresh)
  return ((performance.now() - start) * 1_000) / checks.length
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The median of what one candidate took, divided round by round by what another took. */
function ratio(slow, fast) {
  return median(slow.map((time, round) => time / fast[round]))
}

/** The same by the native library, here and on threads; nothing where it does not load. */
async function measureNative(checks, native, pools) {
  if (native === undefined) {
    const reason = 'the native library does not load here'
    return { nativeToWasm: null, nativeToWasmOneThread: null, nativeToWasmTwoThreads: null, reason }
  }
  const times = { native: [], wasm: [] }
  const threads = { nativeOne: [], wasmOne: [], nativeTwo: [], wasmTwo: [] }
  const size = Math.ceil(checks.length / ROUNDS)
  for (let round = 0; round < ROUNDS; round++) {
    const slice = checks.slice(round * size, (round + 1) * size)
    if (slice.length === 0) break
    times.native.push(timeHere(native, slice))
    times.wasm.push(timeHere(wasm, slice))
    for (const name of Object.keys(threads)) {
      threads[name].push(await timeThere(pools[name], checks))
    }
  }
  return {
    nativeMicroseconds: median(times.native),
    nativeToWasm: ratio(times.wasm, times.native),
    nativeToWasmOneThread: ratio(threads.wasmOne, threads.nativeOne),
    nativeToWasmTwoThreads: ratio(threads.wasmTwo, threads.nativeTwo),
  }
}

async function measure(kind, checks, { wasm, noble, one, two }) {
  const times = { noble: [], wasm: [], bitcore: [], oneThread: [], twoThreads: [] }
  const spent = { one: [], two: [] }
  const timeAndSpend = async (pool, list) => {
    const before = process.cpuUsage()
    const time = await timeThere(pool, checks)
    const { user, system } = process.cpuUsage(before)
    list.push((user + system) / checks.length)
    return time
  }
  const bitcoreLib = { inputs: 0, refused: 0 }
  const size = Math.ceil(checks.length / ROUNDS)
  for (let round = 0; round < ROUNDS; round++) {
    const slice = checks.slice(round * size, (round + 1) * size)
    if (slice.length === 0) break
    times.noble.push(timeHere(noble, slice))
    times.wasm.push(timeHere(wasm, slice))
    const { time, count, refused } = timeBitcore(kind, slice)
    times.bitcore.push(time)
    bitcoreLib.inputs += count
    bitcoreLib.refused += refused
    times.oneThread.push(await timeAndSpend(one, spent.one))
    times.twoThreads.push(await timeAndSpend(two, spent.two))
  }
  const microseconds = Object.fromEntries(
    Object.entries(times).map(([name, values]) => [name, median(values)]),
  )
  return {
    kind,
    inputs: checks.length,
    bitcoreLib,
    microsecondsPerInput: microseconds,
    wasmToNoble: ratio(times.noble, times.wasm),
    wasmToBitcore: ratio(times.bitcore, times.wasm),
    twoThreadsToOne: ratio(times.oneThread, times.twoThreads),
    twoThreadsToOneAtBest: Math.min(...times.oneThread) / Math.min(...times.twoThreads),
    // How much of the processor a second thread wastes: what stays true on a machine without an idle core.
    processorOfTwoThreadsToOne: ratio(spent.two, spent.one),
    twoThreadsToNoble: ratio(times.noble, times.twoThreads),
    blockSecondsOnOneCore: (microseconds.wasm * INPUTS) / 1e6,
  }
}

/** From how many inputs on two threads are faster than this one, once the threads run. */
async function measureCrossover(checks, wasm, pool) {
  const rows = []
  for (const inputs of CROSSOVER_SIZES) {
    const slice = checks.slice(0, inputs)
    const times = { here: [], there: [] }
    for (let i = 0; i < CROSSOVER_REPEATS; i++) {
      times.here.push((timeHere(wasm, slice) * inputs) / 1_000)
      times.there.push(((await timeThere(pool, slice)) * inputs) / 1_000)
    }
    rows.push({ inputs, hereMs: median(times.here), threadsMs: median(times.there) })
  }
  return rows
}

function print(report) {
  const line = (text) => process.stdout.write(`${text}\n`)
  line(formatMachine(report))
  for (const result of report.results) {
    const { inputs, refused } = result.bitcoreLib
    const each = Object.entries(result.microsecondsPerInput)
      .map(([name, time]) => `${name} ${time.toFixed(0)} us`)
      .join(', ')
    line(`\n${result.kind}, ${result.inputs} inputs: ${each}`)
    line(`  libsecp256k1 to noble, one thread   ${result.wasmToNoble.toFixed(2)} times`)
    line(`  libsecp256k1 to bitcore-lib         ${result.wasmToBitcore.toFixed(0)} times`)
    line(`  refused by bitcore-lib              ${refused} of ${inputs}, all valid`)
    line(`  two worker threads to one           ${result.twoThreadsToOne.toFixed(2)} times`)
    line(`  … of the best rounds                ${result.twoThreadsToOneAtBest.toFixed(2)} times`)
    line(
      `  … in processor time                 ${result.processorOfTwoThreadsToOne.toFixed(2)} times`,
    )
    line(`  two worker threads to noble on one  ${result.twoThreadsToNoble.toFixed(2)} times`)
    if (result.nativeToWasm !== null) {
      const [here, threads, two] = [
        result.nativeToWasm,
        result.nativeToWasmOneThread,
        result.nativeToWasmTwoThreads,
      ].map((times) => times.toFixed(2))
      line(`  native to WebAssembly               ${here}, on threads ${threads} and ${two} times`)
    }
    line(`  a block of ${INPUTS} on one core        ${result.blockSecondsOnOneCore.toFixed(2)} s`)
  }
  line('\ninputs   this thread   two threads')
  for (const { inputs, hereMs, threadsMs } of report.crossover) {
    const cells = [inputs, `${hereMs.toFixed(1)} ms`, `${threadsMs.toFixed(1)} ms`]
    line(`${String(cells[0]).padStart(6)}   ${cells[1].padStart(11)}   ${cells[2].padStart(11)}`)
  }
}

const machine = startReport()
const log = {
  ...silentLog,
  warn: (message, fields) => process.stderr.write(`${message}: ${fields.reason}\n`),
}
const module = await loader.loadSignatureSource(log, ['wasm'])
const wasm = loader.createSignatureEngine(module)
const noble = script.nobleSignatureEngine
const nativeSource = await loader.loadSignatureSource(log, ['native'])
const native = nativeSource && loader.createSignatureEngine(nativeSource)
const createPool = (maxWorkers, source = module) =>
  new ScriptCheckPool(
    {
      spawnVerifyWorker: createVerifyWorkerSpawner(source),
      signatures: wasm,
      cache: new script.SignatureCache(),
      clock: systemClock,
      log: silentLog,
    },
    { maxWorkers, minInputs: 1 },
  )
const [one, two] = [createPool(1), createPool(2)]
const [nativeOne, nativeTwo] = [createPool(1, nativeSource), createPool(2, nativeSource)]
const pools = { nativeOne, wasmOne: one, nativeTwo, wasmTwo: two }
const blocks = ['p2wpkh', 'p2tr'].map((kind) => ({
  kind,
  checks: Array.from({ length: INPUTS }, (_, index) => createCheck(kind, index)),
}))
for (const { checks } of blocks) {
  const few = checks.slice(0, WARM_UP_INPUTS)
  for (const engine of [noble, wasm]) timeHere(engine, few)
  if (native !== undefined) timeHere(native, few)
  for (const pool of Object.values(pools)) await timeThere(pool, checks)
}
const results = []
for (const { kind, checks } of blocks) {
  results.push({
    ...(await measure(kind, checks, { wasm, noble, one, two })),
    ...(await measureNative(checks, native, pools)),
  })
}
const crossover = await measureCrossover(blocks[0].checks, wasm, two)
await Promise.all(Object.values(pools).map((pool) => pool.stop()))
const ratios = results.flatMap((result) =>
  RATIOS.map((name) => [`${result.kind}.${name}`, result[name]]),
)
const report = {
  ...machine,
  isWebAssembly: wasm !== noble,
  // Of ECDSA, on this thread.
  nativeToWasm: results[0].nativeToWasm,
  ...(native === undefined ? { reason: 'the native library does not load here' } : {}),
  leftOut: { bcrypto: 'a native addon, which is not installed here' },
  rounds: ROUNDS,
  ratios: Object.fromEntries(ratios),
  results,
  crossover,
}
endReport('script', options, report, print)
