/** @module `quarry mine --stratum`: a miner in a process of its own, for pools that speak Stratum. */

import { createConsensusParams } from '../../consensus/index.ts'
import { MINER_EXTRA_NONCE, Miner, payAllTo } from '../../mining/index.ts'
import { type AddressPrefixes, decodeAddress } from '../../script/index.ts'
import {
  type FoundShare,
  formatPoolUrl,
  PoolLink,
  type PoolLinkHandlers,
  PoolUnreachableError,
} from '../../stratum/index.ts'
import { ConfigError, InvariantError, toErrorMessage } from '../../util/index.ts'
import { systemClock, systemRandom } from '../system.ts'
import { loadChainSpec } from './chain-choice.ts'
import { loadHashModule } from './hash-engine-loader.ts'
import { createHashWorkerSpawner } from './hash-worker-pool.ts'
import { createFaultLog } from './mine-command.ts'
import { readPackageVersion } from './package-root.ts'
import { connectToPool, parsePoolUrl } from './pool-socket.ts'
import { CHAIN_NAMES, toEnvironmentName } from './settings.ts'
import { installShutdown } from './signals.ts'
import {
  createHumanStratumOutput,
  createJsonStratumOutput,
  describeStratumStatus,
  type StratumMineEvent,
} from './stratum-mine-output.ts'
import { StratumWork } from './stratum-work.ts'
import { createStyle, supportsColor, Terminal } from './terminal.ts'

const STATUS_INTERVAL_MS = 1_000
/** Who logs in where nobody says who: pools of Quarry pay plain names to the owner of the node. */
const DEFAULT_USER = 'quarry'

/** What the command line gave. */
export interface StratumMineOptions {
  /** URLs, in the order of preference. */
  readonly pools: readonly string[]
  readonly user?: string | undefined
  readonly password: string
  /** Address that every coinbase has to pay. */
  readonly payout?: string | undefined
  /** Whose addresses {@link payout} is one of. */
  readonly chain?: string | undefined
  readonly threads: number
  readonly throttle: number
  readonly isVersionRolled: boolean
  /** Stop after pools have taken so many blocks. */
  readonly untilBlocks?: number | undefined
  /** JSON lines even on a terminal. */
  readonly isJson: boolean
}

type Emit = (event: StratumMineEvent) => void

function readPayoutScript(address: string, prefixes: AddressPrefixes): Uint8Array {
  try {
    return decodeAddress(address, prefixes)
  } catch (error) {
    throw new ConfigError(
      'bad-settings',
      `payout: ${toErrorMessage(error)}. Use an address of the chain that --chain names.`,
      { cause: error },
    )
  }
}

async function choosePayoutScript({
  payout,
  chain,
}: StratumMineOptions): Promise<Uint8Array | undefined> {
  if (payout === undefined) return undefined
  const name = chain ?? process.env[toEnvironmentName('chain')] ?? CHAIN_NAMES[0]
  const { addressPrefixes } = createConsensusParams(await loadChainSpec(name))
  return readPayoutScript(payout, addressPrefixes)
}

/** A miner without templates of its own: all its work are jobs. */
async function createMiner(options: StratumMineOptions, emit: Emit): Promise<Miner> {
  const { threads, throttle, isVersionRolled } = options
  return new Miner(
    {
      nextTemplate: () => undefined,
      submit: () => Promise.reject(new InvariantError('there is no template to submit a block of')),
      spawnHashWorker: createHashWorkerSpawner(await loadHashModule()),
      clock: systemClock,
      log: createFaultLog(emit),
    },
    {
      payouts: () => payAllTo(new Uint8Array(0)),
      tag: '',
      isVersionRolled,
      threads,
      throttle,
      nodeExtraNonce: new Uint8Array(MINER_EXTRA_NONCE.nodeSize),
    },
  )
}

interface LinkParts {
  readonly options: StratumMineOptions
  readonly payoutScript: Uint8Array | undefined
  readonly user: string
  readonly emit: Emit
  readonly getWork: () => StratumWork
  readonly onVerdict: (share: FoundShare, isAccepted: boolean) => void
}

/** @returns The link, and what tells whether any pool has let the miner in. */
function createLink(parts: LinkParts): {
  readonly link: PoolLink
  readonly entered: Promise<void>
} {
  const { options, payoutScript, user, emit, getWork } = parts
  let resolve = (): void => undefined
  let reject = (_error: Error): void => undefined
  const entered = new Promise<void>((onDone, onFailed) => {
    resolve = onDone
    reject = onFailed
  })
  let hasWarned = false
  const handlers: PoolLinkHandlers = {
    onJob: (job) => {
      if (job?.isPaid === false && !hasWarned) {
        hasWarned = true
        emit({
          type: 'warning',
          message: `The coinbase of this pool does not pay ${options.payout}.`,
        })
      }
      getWork().setJob(job)
    },
    onVersionMask: () => getWork().refresh(),
    onMessage: (text) => emit({ type: 'message', text }),
    onWarning: (message) => emit({ type: 'warning', message }),
    onVerdict: (share, refusal) => {
      const { job, hash, isBlock } = share
      const { height, difficulty } = job
      emit({ type: 'share', height, difficulty, hash, isBlock, refusal: refusal ?? null })
      parts.onVerdict(share, refusal === undefined)
    },
    onConnection: (pool, problem) => {
      hasWarned = false
      emit({ type: 'connection', pool: formatPoolUrl(pool), problem: problem ?? null })
      if (problem === undefined) resolve()
    },
    onUnreachable: (problem) => reject(new PoolUnreachableError(problem)),
  }
  const link = new PoolLink(
    { connect: connectToPool, clock: systemClock, random: systemRandom },
    {
      pools: options.pools.map(parsePoolUrl),
      userName: user,
      password: options.password,
      agent: `quarry/${readPackageVersion()}`,
      isVersionRolled: options.isVersionRolled,
      payoutScript,
    },
    handlers,
  )
  return { link, entered }
}

/**
 * Mines for pools until the process is told to stop, or so many blocks were taken.
 *
 * @throws {@link PoolUnreachableError} if no pool lets the miner in at first.
 * @throws {@link ConfigError} if a URL, the chain or the payout address is not usable.
 */
export async function runStratumMineCommand(options: StratumMineOptions): Promise<void> {
  const payoutScript = await choosePayoutScript(options)
  const user = options.user ?? options.payout ?? DEFAULT_USER
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
  const print = isHuman
    ? createHumanStratumOutput(terminal, style)
    : createJsonStratumOutput(terminal)
  const early: StratumMineEvent[] = []
  // Where no pool can be reached the error alone is told.
  let emit: Emit = (event) => void early.push(event)
  const miner = await createMiner(options, (event) => emit(event))
  const { link, entered } = createLink({
    options,
    payoutScript,
    user,
    emit: (event) => emit(event),
    getWork: () => work,
    onVerdict: ({ isBlock }, isAccepted) => {
      if (isAccepted && isBlock && link.counts.blocks === options.untilBlocks) {
        shutdown.request('all were found')
      }
    },
  })
  const work = new StratumWork({
    miner,
    getVersionMask: () => link.versionMask,
    onShare: (share) => link.submit(share),
    clock: systemClock,
    random: systemRandom,
  })
  let timer: NodeJS.Timeout | undefined
  shutdown.attach(async () => {
    clearInterval(timer)
    await miner.stop()
    await link.stop()
    emit({ type: 'done', ...link.counts, hashes: miner.stats.hashes })
    await terminal.flush()
  })
  link.start()
  try {
    await entered
  } catch (error) {
    await link.stop()
    throw error
  }
  emit = print
  const { threads, throttle, isVersionRolled } = options
  const pools = options.pools.map((pool) => formatPoolUrl(parsePoolUrl(pool)))
  emit({ type: 'start', threads, throttle, versionRolling: isVersionRolled, pools, user })
  for (const event of early) emit(event)
  miner.start()
  timer = setInterval(() => emit(describeStratumStatus(miner.stats, link)), STATUS_INTERVAL_MS)
}
