import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'

const SAMPLE = 4

it('the mutation run tests a few mutants and counts them in its last line', () => {
  const args = ['--folder', 'consensus', '--file', 'src/consensus/median-time-past.ts']
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['test/mutation/run.mjs', ...args, '--sample', `${SAMPLE}`],
    { encoding: 'utf8' },
  )
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const { killed, survived } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  expect(killed + survived).toBe(SAMPLE)
  expect(killed).toBeGreaterThan(0)
})
