/** What a CPU profile of V8 says, by what the time was spent on. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The first that fits counts; places are the ends of paths. */
const KINDS = [
  ['idle', ({ functionName }) => functionName === '(idle)'],
  ['garbage collection', ({ functionName }) => functionName === '(garbage collector)'],
  ['signatures', ({ url }) => /^wasm:|wasm-signature-engine|@noble\/curves/.test(url)],
  ['hashing', ({ url }) => /@noble\/hashes/.test(url)],
  [
    'database',
    ({ url }) => /dist\/store\/|classic-level|abstract-level|node_modules\/level/.test(url),
  ],
  ['scripts', ({ url }) => /dist\/script\//.test(url)],
  ['codecs', ({ url }) => /dist\/(primitives|util)\//.test(url)],
  ['chain', ({ url }) => /dist\/(chain|consensus)\//.test(url)],
  ['network', ({ url }) => /dist\/(p2p|sync)\/|libp2p|chainsafe|multiformats|protons/.test(url)],
  ['other', () => true],
]

function add(totals, { nodes, samples, timeDeltas }) {
  const kinds = new Map(
    nodes.map(({ id, callFrame }) => [id, KINDS.find(([, fits]) => fits(callFrame))[0]]),
  )
  for (const [index, id] of samples.entries()) {
    const kind = kinds.get(id)
    totals.set(kind, (totals.get(kind) ?? 0) + timeDeltas[index] / 1e6)
  }
}

/** Seconds by kind, of all threads of the profiles in a folder, the longest first; and shares of what was not idle. */
export function readProfiles(folder) {
  const totals = new Map()
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.cpuprofile')) add(totals, JSON.parse(readFileSync(join(folder, name))))
  }
  totals.delete('idle')
  const busy = [...totals.values()].reduce((sum, seconds) => sum + seconds, 0)
  const sorted = [...totals].sort(([, a], [, b]) => b - a)
  return sorted.map(([kind, seconds]) => ({ kind, seconds, share: seconds / busy }))
}
