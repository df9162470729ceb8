import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const RUN = fileURLToPath(new URL('../crash/run.mjs', import.meta.url))
const KILLS = 40

it(`comes back from ${KILLS} kills with the coins of a node that was never killed`, async () => {
  const child = spawn(process.execPath, [RUN, '--kills', String(KILLS), '--json'], {
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
  const report = JSON.parse(text.out.trimEnd().split('\n').at(-1) ?? '')
  expect(report, text.err).toMatchObject({ kills: KILLS, differences: 0, rebuilds: 0 })
  expect(report.killsDuringRecovery).toBeGreaterThanOrEqual(2)
  expect(report.reorgs).toBeGreaterThan(0)
})
