/** What a devnet is for: nodes that mine, agree and retarget, and a chain that is still there tomorrow. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDevnetFolder } from '../../src/platform/nodejs/devnet-folder.ts'
import { formatNextSteps } from '../../src/platform/nodejs/devnet-output.ts'
import { DevnetBench } from '../support/devnet-process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let bench: DevnetBench

beforeEach(() => {
  bench = new DevnetBench()
})

afterEach(() => bench.close())

describe('quarry devnet', () => {
  it('mines to a height with three nodes that retarget and agree', {
    timeout: 240_000,
  }, async () => {
    const flags = ['--nodes', '3', '--spacing', '1', '--window', '10']
    const devnet = bench.start(...flags, '--until-height', '45', '--timeout', '180')
    const code = await devnet.ended
    expect(devnet.lines.at(-1)).toMatchObject({ type: 'done' })
    expect(code).toBe(0)

    const nodes = devnet.all('node')
    expect(nodes.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(new Set(nodes.map(({ pid }) => pid)).size).toBe(3)
    for (const { rpcUrl, cookiePath, multiaddr } of nodes) {
      expect(rpcUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
      expect(cookiePath).toMatch(/\.cookie$/)
      expect(multiaddr).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+$/)
    }

    const statuses = devnet.all('status')
    const last = statuses.at(-1)
    expect(new Set(last?.nodes.map(({ tip }) => tip)).size).toBe(1)
    expect(last?.nodes.every(({ height, peers }) => height >= 45 && peers === 2)).toBe(true)

    // Statuses come once a second: a window may pass between two, and a fork may show other bits for a moment.
    const bitsByWindow = new Map<number, string>()
    for (const { height, bits } of statuses.flatMap((status) => status.nodes)) {
      bitsByWindow.set(Math.floor(height / 10), bits)
    }
    expect([0, 1, 2, 3, 4]).toEqual(expect.arrayContaining([...bitsByWindow.keys()]))
    // That each change follows the rule is for feature-network.test.ts to recompute from headers.
    expect(new Set(bitsByWindow.values()).size).toBeGreaterThanOrEqual(3)

    const again = bench.start(...flags, '--until-height', '46', '--timeout', '60')
    expect(await again.ended).toBe(0)
    expect(again.all('status')[0]?.nodes[0]?.height).toBeGreaterThanOrEqual(45)
  })

  it('prints commands that work when they are pasted', async () => {
    const devnet = bench.start('--nodes', '1', '--spacing', '1')
    await devnet.waitForNodes(1)
    const nodes = devnet.all('node')
    // The folder is the devnet's; only its paths are needed here.
    await expect(openDevnetFolder(bench.folder)).rejects.toMatchObject({ code: 'datadir-in-use' })
    const steps = formatNextSteps(
      {
        path: bench.folder,
        specPath: join(bench.folder, 'chain.json'),
        devnetFilePath: join(bench.folder, 'devnet.json'),
        nodeDirectory: (index) => join(bench.folder, `node-${index}`),
        release: async () => {},
      },
      nodes,
    )
    const query = steps.find((step) => step.startsWith('Query'))?.replace(/^Query\s+/, '') ?? ''
    const answer = execFileSync('bash', ['-c', query], { cwd: tmpdir(), encoding: 'utf8' })
    expect(JSON.parse(answer)).toMatchObject({ chain: 'regtest', quarry_chain: 'devnet' })

    const recorded = JSON.parse(readFileSync(join(bench.folder, 'devnet.json'), 'utf8'))
    expect(recorded).toMatchObject({ version: 1, pid: devnet.child.pid })
    expect(recorded.nodes[0]).toMatchObject({ index: 0, rpcUrl: nodes[0]?.rpcUrl })
    devnet.child.kill('SIGINT')
    expect(await devnet.ended).toBe(0)
  })

  it('runs beside another one', async () => {
    const one = bench.start('--nodes', '1')
    const other = bench.startIn(join(bench.folder, '..', 'other'), '--nodes', '1')
    await Promise.all([one.waitForNodes(1), other.waitForNodes(1)])
    expect(one.all('node')[0]?.rpcUrl).not.toBe(other.all('node')[0]?.rpcUrl)
    for (const devnet of [one, other]) devnet.child.kill('SIGTERM')
    expect(await Promise.all([one.ended, other.ended])).toEqual([0, 0])
  })

  it('keeps its rules unless it is reset', async () => {
    const first = bench.start('--nodes', '1', '--spacing', '1', '--until-height', '1')
    expect(await first.ended).toBe(0)

    const refused = bench.start('--nodes', '1', '--spacing', '2')
    expect(await refused.ended).toBe(3)
    expect(refused.lines).toEqual([
      { type: 'failed', reason: expect.stringMatching(/--spacing 1, not 2.*--reset/) },
    ])

    const reset = bench.start('--nodes', '1', '--spacing', '2', '--reset')
    await reset.waitForNodes(1)
    reset.child.kill('SIGINT')
    expect(await reset.ended).toBe(0)
    expect(JSON.parse(readFileSync(join(bench.folder, 'chain.json'), 'utf8'))).toMatchObject({
      retarget: { targetSpacingSeconds: 2 },
    })
  })
})

describe('scripts/devnet', () => {
  it('does the set-up and passes everything on', () => {
    const help = execFileSync(join(ROOT, 'scripts', 'devnet'), ['--help'], { encoding: 'utf8' })
    expect(help).toContain('Usage: scripts/quarry devnet')
  })
})
