/** How a devnet is used: what it prints, where it keeps itself, and that others do not disturb it. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DEVNET_WALLET_ADDRESS } from '../../src/node/index.ts'
import { openDevnetFolder } from '../../src/platform/nodejs/devnet-folder.ts'
import { formatNextSteps } from '../../src/platform/nodejs/devnet-output.ts'
import { runToEnd } from '../support/command-process.ts'
import { DevnetBench } from '../support/devnet-process.ts'
import { TcpMiner } from '../support/tcp-miner.ts'
import { TestWallet } from '../support/wallet.ts'

const PAYEE = new TestWallet('payee').address('p2wpkh')
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let bench: DevnetBench

beforeEach(() => {
  bench = new DevnetBench()
})

afterEach(() => bench.close())

describe('quarry devnet', () => {
  it('prints commands that work when they are pasted', async () => {
    const devnet = bench.start('--nodes', '1', '--spacing', '1', '--stratum')
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
    const { rpcUrl, stratumUrl = '' } = nodes[0] ?? {}
    expect(recorded.nodes[0]).toMatchObject({ index: 0, rpcUrl, stratumUrl })

    // A plain name is paid to the wallet of the devnet, which node 0 has.
    expect(steps.find((step) => step.startsWith('Mine'))).toContain(stratumUrl)
    const miner = await TcpMiner.connect(stratumUrl, 'rig')
    const { scriptPubKey } = await devnet.call(0, 'validateaddress', DEVNET_WALLET_ADDRESS)
    expect(miner.job.suffix).toContain(scriptPubKey)
    miner.close()

    // The hint is for those who have asked for more than has matured, and for nobody else.
    const faucet = (amount: string) =>
      runToEnd(['faucet', '--datadir', bench.folder, PAYEE, amount])
    expect(await faucet('1')).toMatchObject({ code: 1, err: expect.stringMatching(/ 100 blocks/) })
    expect(await faucet('0')).toMatchObject({ code: 2, err: expect.stringMatching(/above 0/) })

    // Before the command as well as behind it: see the walk in platform/cli.
    const stop = await runToEnd(['devnet', '--datadir', bench.folder, 'stop'])
    expect(stop).toEqual({ code: 0, err: '', out: 'the devnet has stopped; its chain is kept\n' })
    // Whoever was told so can start again at once.
    await (await openDevnetFolder(bench.folder)).release()
    expect(await devnet.ended).toBe(0)
    expect(devnet.lines.at(-1)).toMatchObject({ type: 'done' })
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
