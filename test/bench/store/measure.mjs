/** Measures one candidate in this process, and sends what it found to the parent. */

import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openCandidate } from './candidates.mjs'

const TICKS_PER_SECOND = 10
const MS_PER_TICK = 1_000 / TICKS_PER_SECOND
/** Of the changes, those that spend a coin. */
const SPENT_SHARE = 0.3
const READS_PER_TICK = 100
/** Coins that may be read or spent. */
const MAX_LIVE = 1_000_000
const KILOBYTES_PER_MEGABYTE = 1_024
const BYTES_PER_MEGABYTE = 1_048_576

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** The same numbers in every run. */
function createRandom(seed) {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

function percentile(values, share) {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

function summarise(latencies) {
  return {
    count: latencies.length,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
  }
}

function measureFolder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}

/** Coins as blocks make and spend them: keys that look random, P2WPKH outputs. */
class CoinSource {
  #random = createRandom(7)
  #live = []
  #count = 0

  take(size) {
    const spent = Math.min(this.#live.length >> 1, Math.floor(size * SPENT_SHARE))
    const changes = []
    for (let i = 0; i < size; i++) changes.push(i < spent ? this.#spend() : this.#make())
    return changes
  }

  pick(size) {
    const { length } = this.#live
    return Array.from({ length: Math.min(size, length) }, () => this.#live[this.#random(length)])
  }

  #make() {
    const seed = Buffer.alloc(8)
    seed.writeDoubleLE(this.#count++)
    const txid = new Uint8Array(createHash('sha256').update(seed).digest())
    const outPoint = { txid, vout: 0 }
    if (this.#live.length < MAX_LIVE) this.#live.push(outPoint)
    else this.#live[this.#random(MAX_LIVE)] = outPoint
    const scriptPubKey = new Uint8Array(22)
    scriptPubKey.set(txid.subarray(0, 22))
    const coin = { output: { value: 10_000n, scriptPubKey }, height: 1, isCoinbase: false }
    return { outPoint, coin }
  }

  #spend() {
    const at = this.#random(this.#live.length)
    const outPoint = this.#live[at]
    const last = this.#live.pop()
    if (at < this.#live.length) this.#live[at] = last
    return { outPoint, coin: undefined }
  }
}

async function timed(latencies, action) {
  const start = performance.now()
  await action()
  latencies.push(performance.now() - start)
}

async function measure({ name, folder, seconds, writesPerSecond }) {
  const store = await openCandidate(name, folder)
  const coins = new CoinSource()
  const size = Math.round(writesPerSecond / TICKS_PER_SECOND)
  const writes = []
  const reads = []
  let written = 0
  const before = process.cpuUsage()
  const start = performance.now()
  const ticks = seconds * TICKS_PER_SECOND
  for (let tick = 0; tick < ticks; tick++) {
    const early = start + tick * MS_PER_TICK - performance.now()
    if (early > 0) await pause(early)
    const wanted = coins.pick(READS_PER_TICK)
    const changes = coins.take(size)
    await Promise.all([
      timed(writes, () => store.write(changes)),
      timed(reads, () => store.read(wanted)),
    ])
    written += changes.length
    // Whoever cannot keep up is not waited for without end.
    if (performance.now() - start > 2 * seconds * 1_000) break
  }
  const wallSeconds = Math.max((performance.now() - start) / 1_000, seconds)
  const { user, system } = process.cpuUsage(before)
  await store.close()
  return {
    name,
    writesPerSecond: written / wallSeconds,
    isHeld: written / wallSeconds >= 0.99 * writesPerSecond,
    processorShare: (user + system) / 1e6 / wallSeconds,
    peakMegabytes: process.resourceUsage().maxRSS / KILOBYTES_PER_MEGABYTE,
    megabytesOnDisk: measureFolder(folder) / BYTES_PER_MEGABYTE,
    writeBatches: summarise(writes),
    readBatches: summarise(reads),
  }
}

process.once('message', async (task) => {
  process.send(await measure(task))
  process.disconnect()
})
