/** @module `quarry import` and `quarry export`: blocks from a file into a data directory, and back. */

import type { Stats } from 'node:fs'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import type { Chain } from '../../chain/index.ts'
import { ConsensusError, computeNetworkMagic } from '../../consensus/index.ts'
import { decodeBlock } from '../../primitives/index.ts'
import { Budget, countOf, DecodeError, TaskGroup, toErrorMessage } from '../../util/index.ts'
import { BlockFileError, type BlockRecord, encodeBlockRecord, readBlockFile } from './block-file.ts'
import { EXIT_CODES, exitCodeOf } from './exit-codes.ts'
import { checkFreeDisk, watchFreeDisk } from './free-disk.ts'
import { formatDuration } from './mine-output.ts'
import { type OfflineChain, type OfflineChainChoice, openOfflineChain } from './offline-chain.ts'
import { installShutdown, type Shutdown } from './signals.ts'
import { Terminal } from './terminal.ts'

/** Bytes of blocks that are read, judged and connected at a time. */
const MAX_BYTES_UNDER_WAY = 8_388_608
/** What each of them counts on top of its bytes. */
const BLOCK_OVERHEAD_BYTES = 65_536
/** How often a person is told how it goes, and how often a file or a pipe is. */
const LIVE_INTERVAL_MS = 500
const LINE_INTERVAL_MS = 10_000
const MS_PER_SECOND = 1_000
const BYTES_PER_MEGABYTE = 1_048_576
const KILOBYTES_PER_MEGABYTE = 1_024
/** Why an import was ended, if not by a person. */
const DISK_FULL = 'the disk is nearly full'

/** What `quarry import` was told. */
export interface ImportOptions extends OfflineChainChoice {
  readonly file: string
  /** One JSON object instead of a sentence. */
  readonly isJson: boolean
}

/** What an import has done so far. */
interface Tally {
  blocks: number
  transactions: number
  /** Blocks of the file that the data directory had already. */
  known: number
  /** Bytes of the file that are dealt with. */
  done: number
}

/** Takes the blocks of a file, several on their way at a time: while one is verified the next are decoded. */
class BlockImport {
  readonly tally: Tally = { blocks: 0, transactions: 0, known: 0, done: 0 }
  readonly #offline: OfflineChain
  readonly #file: string

  constructor(offline: OfflineChain, file: string) {
    this.#offline = offline
    this.#file = file
  }

  /** @throws {@link BlockFileError}, and {@link StoreError} if a block could not be stored. */
  async run(signal: AbortSignal): Promise<void> {
    const tasks = new TaskGroup(new Budget(MAX_BYTES_UNDER_WAY))
    const magic = computeNetworkMagic(this.#offline.params)
    try {
      for await (const record of readBlockFile(this.#file, magic)) {
        if (signal.aborted) break
        const amount = record.bytes.length + BLOCK_OVERHEAD_BYTES
        await tasks.start(amount, () => this.#take(record))
      }
    } finally {
      await tasks.finish()
    }
  }

  async #take({ bytes, offset, end }: BlockRecord): Promise<void> {
    const { chain } = this.#offline
    try {
      const block = decodeBlock(bytes)
      const { hasBody, isPruned } = chain.acceptHeader(block.header)
      if (hasBody || isPruned) this.tally.known += 1
      else {
        const { outcome } = await chain.acceptBlock(block, bytes)
        if (outcome instanceof ConsensusError) throw outcome
        this.tally.blocks += 1
        this.tally.transactions += block.transactions.length
      }
      this.tally.done = Math.max(this.tally.done, end)
    } catch (error) {
      if (!(error instanceof ConsensusError || error instanceof DecodeError)) throw error
      throw new BlockFileError('bad-block', this.#describe(error, offset), { cause: error })
    }
  }

  #describe(error: ConsensusError | DecodeError, offset: number): string {
    const place = `${this.#file}, byte ${offset}`
    if (error.code === 'prev-blk-not-found') {
      return `${place}: the parent of this block is neither in the data directory nor before it in the file. Blocks must stand in the order of the chain.`
    }
    return `${place}: the block is not valid: ${toErrorMessage(error)}. Everything before it is imported.`
  }
}

function describeProgress(tally: Tally, chain: Chain, size: number, seconds: number): string {
  const rate = (tally.blocks + tally.known) / seconds
  const left = tally.done === 0 ? undefined : (seconds * (size - tally.done)) / tally.done
  return [
    `height ${chain.tip.height}`,
    `${rate.toFixed(rate < 10 ? 1 : 0)} blocks/s`,
    `${Math.floor((100 * tally.done) / Math.max(size, 1))} %`,
    ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
  ].join(' · ')
}

/** Tells how it goes: a live line on a terminal, else a line now and then. @returns What ends it. */
function reportProgress(describe: () => string): () => Promise<void> {
  const terminal = new Terminal(process.stderr)
  const { isInteractive } = terminal
  const timer = setInterval(
    () => (isInteractive ? terminal.live(describe()) : terminal.line(describe())),
    isInteractive ? LIVE_INTERVAL_MS : LINE_INTERVAL_MS,
  )
  return async () => {
    clearInterval(timer)
    terminal.endLive()
    await terminal.flush()
  }
}

interface ImportResult extends Omit<Tally, 'done'> {
  readonly height: number
  readonly hash: string
  readonly seconds: number
  /** The most memory that the process has had. */
  readonly peakMegabytes: number
  /** False if it was told to stop. */
  readonly isComplete: boolean
}

function formatResult(result: ImportResult): string {
  const { blocks, known, seconds, height, hash, isComplete } = result
  return [
    isComplete ? 'Imported' : 'Stopped after importing',
    `${countOf(blocks, 'block')} in ${formatDuration(seconds)} (${(blocks / seconds).toFixed(1)} blocks/s),`,
    known > 0 ? `${known} were there before,` : '',
    `height ${height}, tip ${hash}`,
  ]
    .filter((part) => part !== '')
    .join(' ')
}

async function measureFile(path: string): Promise<number> {
  let stats: Stats
  try {
    stats = await stat(path)
  } catch (error) {
    throw new BlockFileError('unreadable', `${path} cannot be read: ${toErrorMessage(error)}.`, {
      cause: error,
    })
  }
  if (!stats.isDirectory()) return stats.size
  throw new BlockFileError('unreadable', `${path} is a folder: name a file.`)
}

async function runImport(
  offline: OfflineChain,
  { file }: ImportOptions,
  shutdown: Shutdown,
): Promise<ImportResult> {
  const size = await measureFile(file)
  const { chain, folder } = offline
  const { signal } = shutdown
  const work = new BlockImport(offline, file)
  const startMs = performance.now()
  await checkFreeDisk(folder)
  const unwatch = watchFreeDisk(folder, (message) => {
    process.stderr.write(`\n${message}\n`)
    shutdown.request(DISK_FULL, EXIT_CODES.diskFull)
  })
  const secondsSince = (): number => (performance.now() - startMs) / MS_PER_SECOND
  const endReports = reportProgress(() => describeProgress(work.tally, chain, size, secondsSince()))
  try {
    await work.run(signal)
  } finally {
    unwatch()
    await endReports()
  }
  const { blocks, transactions, known } = work.tally
  return {
    blocks,
    transactions,
    known,
    height: chain.tip.height,
    hash: chain.tip.hashHex,
    seconds: secondsSince(),
    peakMegabytes: process.resourceUsage().maxRSS / KILOBYTES_PER_MEGABYTE,
    isComplete: !signal.aborted,
  }
}

/** What a command has done. */
interface Outcome {
  readonly text: string
  readonly exitCode: number
}

/** Runs a command that has a data directory to itself, to its end or to a signal, and ends the process. */
async function runOffline(
  choice: OfflineChainChoice,
  command: (offline: OfflineChain, shutdown: Shutdown) => Promise<Outcome>,
): Promise<void> {
  const shutdown = installShutdown({
    say: (message) => process.stderr.write(`\n${message}\n`),
    report: (message, error) => process.stderr.write(`${message}: ${toErrorMessage(error)}\n`),
  })
  const work = async (): Promise<Outcome> => {
    const offline = await openOfflineChain(choice)
    let outcome: Outcome
    try {
      outcome = await command(offline, shutdown)
    } finally {
      await offline.close()
    }
    const terminal = new Terminal(process.stdout)
    terminal.line(outcome.text)
    await terminal.flush()
    return outcome
  }
  const done = work()
  // The end of the work ends the process.
  shutdown.attach(() => new Promise(() => undefined))
  try {
    const { exitCode } = await done
    shutdown.exit(exitCode)
  } catch (error) {
    process.stderr.write(`quarry: ${toErrorMessage(error)}\n`)
    shutdown.exit(exitCodeOf(error))
  }
}

/** `quarry import`: takes every block of a file as if a peer had sent it. Ends the process. */
export function runImportCommand(options: ImportOptions): Promise<void> {
  return runOffline(options, async (offline, shutdown) => {
    const result = await runImport(offline, options, shutdown)
    const text = options.isJson ? JSON.stringify(result) : formatResult(result)
    if (result.isComplete) return { text, exitCode: EXIT_CODES.ok }
    const isFull = shutdown.signal.reason === DISK_FULL
    return { text, exitCode: isFull ? EXIT_CODES.diskFull : EXIT_CODES.failure }
  })
}

async function createFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx')
  } catch (error) {
    throw new BlockFileError('unreadable', `${path} cannot be created: ${toErrorMessage(error)}.`, {
      cause: error,
    })
  }
}

/** Writes the active chain. @returns How many blocks and bytes. */
async function writeChain(
  { params, chain }: OfflineChain,
  file: FileHandle,
  signal: AbortSignal,
): Promise<{ readonly blocks: number; readonly bytes: number }> {
  const magic = computeNetworkMagic(params)
  let bytes = 0
  for (let height = 0; height <= chain.tip.height; height++) {
    if (signal.aborted) {
      throw new BlockFileError(
        'truncated',
        `Interrupted at block ${height} of ${chain.tip.height}.`,
      )
    }
    const entry = chain.getActiveEntry(height)
    const body = entry && (await chain.readBlockBytes(entry.hash))
    if (body === undefined) {
      throw new BlockFileError('unreadable', `Block ${height} is not stored: nothing to export.`)
    }
    const record = encodeBlockRecord(magic, body)
    await file.appendFile(record)
    bytes += record.length
  }
  return { blocks: chain.tip.height + 1, bytes }
}

/**
 * `quarry export`: writes the active chain, from genesis on, to a file that is new. Half a file is no backup: if it
 * does not come to its end nothing is left. Ends the process.
 */
export function runExportCommand(options: ImportOptions): Promise<void> {
  return runOffline(options, async (offline, { signal }) => {
    const file = await createFile(options.file)
    try {
      const result = await writeChain(offline, file, signal)
      await file.sync()
      const mebibytes = (result.bytes / BYTES_PER_MEGABYTE).toFixed(1)
      const text = options.isJson
        ? JSON.stringify(result)
        : `Exported ${countOf(result.blocks, 'block')}, ${mebibytes} MiB, to ${options.file}`
      return { text, exitCode: EXIT_CODES.ok }
    } catch (error) {
      await rm(options.file, { force: true })
      throw error
    } finally {
      await file.close()
    }
  })
}
