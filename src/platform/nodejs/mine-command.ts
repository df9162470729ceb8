/** @module `quarry mine`: a miner in a process of its own, for a node that runs elsewhere. */

import { existsSync } from 'node:fs'
import { type ConsensusParams, createConsensusParams } from '../../consensus/index.ts'
import {
  type BlockTemplate,
  MINER_EXTRA_NONCE,
  Miner,
  type Payout,
  payAllTo,
} from '../../mining/index.ts'
import { loadPayoutScript } from '../../node/index.ts'
import { type Block, computeBlockHash, toDisplayHex } from '../../primitives/index.ts'
import { ConfigError, encodeHex, type Logger, toErrorMessage } from '../../util/index.ts'
import { systemClock, systemRandom } from '../system.ts'
import type { NodePaths } from './data-directory.ts'
import { loadHashModule } from './hash-engine-loader.ts'
import { createHashWorkerSpawner } from './hash-worker-pool.ts'
import {
  createHumanMineOutput,
  createJsonMineOutput,
  describeStatus,
  type MineEvent,
} from './mine-output.ts'
import { locateNodeWithoutWallet, type NodePlaceOptions } from './node-place.ts'
import { readPayouts } from './payee-list.ts'
import { RemoteNode } from './remote-node.ts'
import { SecretFiles } from './secret-files.ts'
import { installShutdown } from './signals.ts'
import { createStyle, supportsColor, Terminal } from './terminal.ts'

const STATUS_INTERVAL_MS = 1_000
/** Text in the coinbases of our blocks. */
const COINBASE_TAG = '/quarry/'

/** What the command line gave; what is undefined comes from the environment or a default. */
export interface MineCommandOptions extends NodePlaceOptions {
  /** Who gets mined coins; see `readPayouts`. None for the node's own key. */
  readonly addresses: readonly string[]
  readonly threads: number
  readonly throttle: number
  readonly isVersionRolled: boolean
  /** Stop after the node has taken so many blocks. */
  readonly untilBlocks?: number | undefined
  /** JSON lines even on a terminal. */
  readonly isJson: boolean
}

async function choosePayouts(
  addresses: readonly string[],
  paths: NodePaths,
  params: ConsensusParams,
): Promise<readonly Payout[]> {
  const wanted = readPayouts(addresses, params)
  if (wanted !== undefined) return wanted
  if (!existsSync(paths.root)) {
    throw new ConfigError(
      'bad-settings',
      `Coins would go to the key of the node in ${paths.root}, and there is none. Say with --address where they go.`,
    )
  }
  const files = { identity: paths.identityKey, miner: paths.minerKey }
  return payAllTo(await loadPayoutScript(new SecretFiles(files), systemRandom))
}

/** Only faults of the miner itself are errors; blocks are told of where they are submitted. */
export function createFaultLog(
  emit: (event: Extract<MineEvent, { type: 'fault' }>) => void,
): Logger {
  const ignore = (): void => undefined
  return {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (message, fields) => {
      const reason = fields?.['reason']
      emit({ type: 'fault', message: reason === undefined ? message : `${message}: ${reason}` })
    },
  }
}

interface MineParts {
  readonly options: MineCommandOptions
  readonly node: RemoteNode
  readonly payouts: readonly Payout[]
  readonly emit: (event: MineEvent) => void
  readonly onAccepted: () => void
  /** Whether as many blocks were taken as were wished. */
  readonly isDone: () => boolean
}

async function createMiner(parts: MineParts): Promise<Miner> {
  const { options, node, payouts, emit } = parts
  const submit = async (block: Block, { height }: BlockTemplate): Promise<void> => {
    // Found while the miner is being stopped.
    if (parts.isDone()) return
    const hash = toDisplayHex(computeBlockHash(block.header))
    try {
      await node.submit(block)
      emit({ type: 'block', height, hash, refusal: null })
      parts.onAccepted()
    } catch (error) {
      emit({ type: 'block', height, hash, refusal: toErrorMessage(error) })
      throw error
    }
  }
  return new Miner(
    {
      nextTemplate: () => node.template,
      submit,
      spawnHashWorker: createHashWorkerSpawner(await loadHashModule()),
      clock: systemClock,
      log: createFaultLog(emit),
    },
    {
      payouts: () => payouts,
      tag: COINBASE_TAG,
      isVersionRolled: options.isVersionRolled,
      threads: options.threads,
      throttle: options.throttle,
      // Random, since there is no peer id: another miner for the same node and payee must differ.
      nodeExtraNonce: systemRandom.bytes(MINER_EXTRA_NONCE.nodeSize),
    },
  )
}

/** Tells how it goes, once a second. @returns What ends it. */
function reportStatus(miner: Miner, emit: (event: MineEvent) => void): () => void {
  const timer = setInterval(
    () => emit(describeStatus(miner.stats, miner.currentWork?.template)),
    STATUS_INTERVAL_MS,
  )
  return () => clearInterval(timer)
}

/**
 * Mines for a node until the process is told to stop, or so many blocks were taken.
 *
 * @throws {@link RpcClientError} if the node cannot be reached at first.
 * @throws {@link ConfigError} if the address or the chain is not usable, or there is no cookie.
 */
export async function runMineCommand(options: MineCommandOptions): Promise<void> {
  const { access, spec, paths } = await locateNodeWithoutWallet(options)
  const params = createConsensusParams(spec)
  const shutdown = installShutdown({
    say: (message) => process.stderr.write(`\n${message}\n`),
    report: (message, error) => process.stderr.write(`${message}: ${toErrorMessage(error)}\n`),
  })
  // A closed pipe ends the command; with a terminal that is gone it goes on in silence.
  const terminal = new Terminal(process.stdout, (how) => {
    if (how === 'pipe-closed') shutdown.request('nobody reads any more')
  })
  const style = createStyle(supportsColor(process.stdout, process.env))
  const isHuman = terminal.isInteractive && !options.isJson
  const emit = isHuman ? createHumanMineOutput(terminal, style) : createJsonMineOutput(terminal)
  let miner: Miner | undefined
  const minSpacingSeconds = params.noRetargeting ? params.targetSpacingSeconds : 0
  const node = new RemoteNode(
    { ...access, minSpacingSeconds },
    {
      onTemplate: () => miner?.refresh(),
      onConnection: (problem) => emit({ type: 'connection', problem: problem ?? null }),
    },
    systemClock,
  )
  await node.open()
  const payouts = await choosePayouts(options.addresses, paths, params)
  let accepted = 0
  const onAccepted = (): void => {
    accepted += 1
    if (accepted === options.untilBlocks) shutdown.request('all were found')
  }
  const isDone = (): boolean => accepted === options.untilBlocks
  const running = await createMiner({ options, node, payouts, emit, onAccepted, isDone })
  miner = running
  const { threads, throttle, isVersionRolled } = options
  const payoutScripts = payouts.map(({ scriptPubKey }) => encodeHex(scriptPubKey))
  emit({ type: 'start', threads, throttle, payoutScripts, versionRolling: isVersionRolled })
  running.start()
  const endReports = reportStatus(running, emit)
  const following = node.follow(shutdown.signal)
  shutdown.attach(async () => {
    endReports()
    await following
    await running.stop()
    emit({ type: 'done', accepted, hashes: running.stats.hashes })
    await terminal.flush()
  })
}
