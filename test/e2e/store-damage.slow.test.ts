/** Files and records of a stopped node are damaged one by one: it must notice, or be right all the same. */

import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NodeProcess, TestNetwork } from '../support/node-process.ts'
import {
  type DatabaseName,
  databasePath,
  hashStoredCoins,
  openStopped,
  readPosition,
  StoredChain,
  sublevelRange,
} from '../support/stored-chain.ts'

/** How the node took it. There is no word for "did not notice and went on with other coins": that fails. */
type Outcome =
  /** It did not start, and said why. */
  | 'refused'
  /** It came back where it was. */
  | 'whole'
  /** It started, and said what is damaged when that was used. */
  | 'detected'

/** Never an earlier block without a word: that fails too. */
const ANY: readonly Outcome[] = ['refused', 'whole', 'detected']
/** What is wrong, so that it can be found: a path, a file of LevelDB's, or a record. */
const NAMES =
  /db\/(state|blocks)|\.ldb|\.log\b|MANIFEST|CURRENT|(body|undo data) of block|stored (coin|header|tip)/
/** What to do about it. */
const CURES = /--reindex|--datadir|data directory|[Mm]ove |[Dd]elete |[Rr]estore /
/** Blocks that are stepped back and forth, to use undo data. */
const STEP_BACK = 40

/** Something that happens to one of the databases of a stopped node. */
interface Damage {
  readonly what: string
  readonly databases: readonly DatabaseName[]
  readonly apply: (folder: string, chain: StoredChain) => void | Promise<void>
  readonly allows: readonly Outcome[]
}

const BOTH = ['state', 'blocks'] as const

/** The largest file with an ending, or the only one. */
function findFile(folder: string, pattern: RegExp): string {
  const [path] = readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(b).size - statSync(a).size)
  if (path === undefined) throw new Error(`no ${pattern} among ${readdirSync(folder)}`)
  return path
}

/** Overwrites bytes at a share of the file's length. */
function hit(path: string, share: number, size: number): void {
  const file = openSync(path, 'r+')
  const length = fstatSync(file).size
  const at = Math.floor((length - size) * share)
  const before = readFileSync(path).subarray(at, at + size)
  // No byte stays as it was.
  writeSync(
    file,
    before.map((byte) => byte ^ 0xa5),
    0,
    size,
    at,
  )
  closeSync(file)
}

function cut(path: string, share: number): void {
  truncateSync(path, Math.floor(statSync(path).size * share))
}

type ChooseBlock = (chain: StoredChain) => Uint8Array

/** Changes one record of a sublevel, as somebody would who writes well-formed batches. */
function changeRecord(
  sublevel: string,
  choose: ChooseBlock | undefined,
  change: (database: ReturnType<typeof openStopped>, key: Buffer, value: Buffer) => Promise<void>,
) {
  return async (folder: string, chain: StoredChain): Promise<void> => {
    const database = openStopped(folder)
    const wanted = choose === undefined ? Buffer.alloc(0) : Buffer.from(choose(chain))
    let count = 0
    for await (const [key, value] of database.iterator(sublevelRange(sublevel))) {
      if (count > 0 || !key.includes(wanted)) continue
      await change(database, key, value)
      count += 1
    }
    await database.close()
    expect(count).toBe(1)
  }
}

/** Flips a bit in the middle of a record's value. */
function hitRecord(sublevel: string, choose?: ChooseBlock) {
  return changeRecord(sublevel, choose, (database, key, value) => {
    const changed = Buffer.from(value)
    changed.writeUInt8(changed.readUInt8(changed.length >> 1) ^ 1, changed.length >> 1)
    return database.put(key, changed)
  })
}

function removeRecord(sublevel: string, choose?: ChooseBlock) {
  return changeRecord(sublevel, choose, (database, key) => database.del(key))
}

const tip = (chain: StoredChain) => chain.blockAt(chain.storedHeight).hash
const older = (chain: StoredChain) => chain.blockAt(chain.storedHeight - STEP_BACK / 2).hash

const DAMAGES: readonly Damage[] = [
  {
    what: 'CURRENT is missing',
    databases: BOTH,
    apply: (folder) => rmSync(join(folder, 'CURRENT')),
    allows: ['refused', 'whole'],
  },
  {
    what: 'the manifest is cut in half',
    databases: BOTH,
    apply: (folder) => cut(findFile(folder, /^MANIFEST/), 0.5),
    allows: ['refused', 'whole'],
  },
  {
    what: 'the tail of the log is cut',
    databases: ['state'],
    apply: (folder) => cut(findFile(folder, /\.log$/), 0.9),
    allows: ['whole'],
  },
  {
    what: 'half of the log is cut',
    databases: ['state'],
    apply: (folder) => cut(findFile(folder, /\.log$/), 0.5),
    allows: ['whole'],
  },
  {
    what: 'the tail of the log is cut',
    databases: ['blocks'],
    apply: (folder) => cut(findFile(folder, /\.log$/), 0.9),
    allows: ANY,
  },
  {
    what: 'the log is hit in the middle',
    databases: BOTH,
    apply: (folder) => hit(findFile(folder, /\.log$/), 0.5, 50),
    allows: ANY,
  },
  {
    what: 'the log is hit near its beginning',
    databases: BOTH,
    apply: (folder) => hit(findFile(folder, /\.log$/), 0.1, 50),
    allows: ANY,
  },
  {
    what: 'the log is missing',
    databases: BOTH,
    apply: (folder) => rmSync(findFile(folder, /\.log$/)),
    allows: ANY,
  },
  {
    what: 'a table is hit',
    databases: BOTH,
    apply: (folder) => hit(findFile(folder, /\.ldb$/), 0.3, 200),
    allows: ANY,
  },
  {
    what: 'the index of a table is hit',
    databases: BOTH,
    apply: (folder) => hit(findFile(folder, /\.ldb$/), 1, 60),
    allows: ANY,
  },
  {
    what: 'a table is cut',
    databases: ['state'],
    apply: (folder) => cut(findFile(folder, /\.ldb$/), 0.5),
    allows: ['whole'],
  },
  {
    what: 'a table is cut',
    databases: ['blocks'],
    apply: (folder) => cut(findFile(folder, /\.ldb$/), 0.5),
    allows: ['refused', 'detected'],
  },
  {
    what: 'a table is empty',
    databases: BOTH,
    apply: (folder) => cut(findFile(folder, /\.ldb$/), 0),
    allows: ANY,
  },
  {
    what: 'a table is missing',
    databases: BOTH,
    apply: (folder) => rmSync(findFile(folder, /\.ldb$/)),
    allows: ANY,
  },
  {
    what: 'LOCK is missing',
    databases: BOTH,
    apply: (folder) => rmSync(join(folder, 'LOCK')),
    allows: ['whole'],
  },
  {
    what: 'the whole folder is missing',
    databases: BOTH,
    apply: (folder) => rmSync(folder, { recursive: true }),
    allows: ['refused', 'whole'],
  },
  ...(['undo', 'body'] as const).flatMap((sublevel): Damage[] => [
    {
      what: `the ${sublevel} record of the tip is hit`,
      databases: ['blocks'],
      apply: hitRecord(sublevel, tip),
      allows: ANY,
    },
    {
      what: `the ${sublevel} record of an older block is hit`,
      databases: ['blocks'],
      apply: hitRecord(sublevel, older),
      allows: ANY,
    },
    {
      what: `the ${sublevel} record of an older block is missing`,
      databases: ['blocks'],
      apply: removeRecord(sublevel, older),
      allows: ANY,
    },
  ]),
  { what: 'a coin is hit', databases: ['state'], apply: hitRecord('coin'), allows: ANY },
  {
    what: 'a coin is missing',
    databases: ['state'],
    apply: removeRecord('coin'),
    allows: ANY,
  },
  {
    what: 'the header of the tip is hit',
    databases: ['state'],
    apply: hitRecord('header', tip),
    allows: ANY,
  },
  {
    what: 'the header of an older block is missing',
    databases: ['state'],
    apply: removeRecord('header', older),
    allows: ANY,
  },
]

const network = new TestNetwork()
const outcomes: string[] = []
let chain: StoredChain

beforeAll(async () => {
  chain = await StoredChain.create(network)
}, 300_000)

afterAll(async () => {
  await network.close()
  process.stdout.write(`${outcomes.join('\n')}\n`)
})

/** Fails unless a text says what is damaged and what to do. */
function expectExplained(text: string): void {
  expect(text).toMatch(NAMES)
  expect(text).toMatch(CURES)
}

/** Asks a node for every block, and takes the tip back and forth. */
async function useEverything(running: NodeProcess, height: number): Promise<void> {
  for (let at = 1; at <= height; at++) {
    const { hashHex, hex } = chain.blockAt(at)
    expect(await running.call('getblock', hashHex, 0)).toBe(hex)
  }
  const { hashHex, height: low } = chain.blockAt(Math.max(1, height - STEP_BACK))
  await running.call('invalidateblock', hashHex)
  expect(await readPosition(running)).toEqual(chain.positions[low - 1])
  await running.call('reconsiderblock', hashHex)
  expect(await readPosition(running)).toEqual(chain.positions[height])
  for (let next = height + 1; next < chain.blocks.length; next++) await chain.submit(running, next)
  expect(await readPosition(running)).toEqual(chain.positions.at(-1))
}

/** An error of the node, and not of an expectation. */
function isOfNode(error: unknown): error is Error {
  return error instanceof Error && error.name !== 'AssertionError'
}

/** Does what the error said, and brings the node what it has lost, as a peer would. */
async function expectCured(dataDir: string): Promise<void> {
  const name = dataDir.slice(network.directory.length + 1)
  const cured = await network.start(name, { chain: chain.specPath, flags: ['--reindex'] })
  const position = await readPosition(cured)
  expect(position).toEqual(chain.positions[position.height])
  for (const { hex } of chain.blocks.slice(1)) await cured.call('submitblock', hex)
  expect(await readPosition(cured)).toEqual(chain.positions.at(-1))
  expect(await cured.stop()).toBe(0)
  expect(await hashStoredCoins(dataDir)).toBe(chain.coins)
}

/** Starts a node on damaged data, uses all of them, and says how that went. Whatever it answers must be true. */
async function examine(dataDir: string): Promise<Outcome> {
  let running: NodeProcess
  try {
    running = await network.start(dataDir.slice(network.directory.length + 1), {
      chain: chain.specPath,
    })
  } catch (error) {
    expectExplained(String(error))
    return 'refused'
  }
  let height: number
  try {
    const position = await readPosition(running)
    height = position.height
    expect(position).toEqual(chain.positions[height])
    await useEverything(running, height)
    expect(await running.stop()).toBe(0)
  } catch (error) {
    if (!isOfNode(error)) throw error
    expectExplained(`${error.message}\n${running.log}`)
    await running.kill()
    return 'detected'
  }
  // Coins that nobody has asked for yet count too.
  expect(await hashStoredCoins(dataDir)).toBe(chain.coins)
  expect(height).toBe(chain.storedHeight)
  return 'whole'
}

const CASES = DAMAGES.flatMap((damage) => damage.databases.map((name) => ({ ...damage, name })))

describe('a node whose data were damaged', () => {
  // Two at a time, each with a folder of its own: most of it is waiting for processes to start and end.
  it.concurrent.each(CASES)(
    'notices or is right: in $name $what',
    async ({ name, what, apply, allows }) => {
      const dataDir = chain.copy(`${name} ${what}`.replaceAll(' ', '-'))
      await apply(databasePath(dataDir, name), chain)
      const outcome = await examine(dataDir)
      outcomes.push(`${outcome.padEnd(8)} ${name}: ${what}`)
      expect(allows).toContain(outcome)
      if (outcome === 'refused' || outcome === 'detected') await expectCured(dataDir)
      rmSync(dataDir, { recursive: true, force: true })
    },
  )

  it('is whole when nothing was damaged', async () => {
    expect(await examine(chain.copy('undamaged'))).toBe('whole')
  })
})
