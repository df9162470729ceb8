/**
 * Many nodes at once: who dials whom, a chain made for this machine, watching, and an end that leaves
 * nothing running.
 *
 * Provides the supervisor {@link Devnet}, the chain spec of a new devnet, statuses and their one-line
 * form. Does not start processes, open files or print: a {@link NodeLauncher} starts nodes, and the
 * nodes' own JSON-RPC says how they are. `DevnetError` is the world's fault and its message says what to
 * do; how a run ended is a value, {@link DevnetOutcome}.
 *
 * Purity: isomorphic.
 *
 * @example
 * const devnet = new Devnet({ launcher, callNode, clock, onEvent }, { nodeCount: 3, retargetWindowBlocks: 20 })
 * const outcome = await devnet.run(signal)
 *
 * @module
 */
export {
  DEVNET_COMMAND,
  type DevnetCommand,
  type DevnetNodeCommand,
  type DevnetReply,
  MAX_DEVNET_NODES,
} from './commands.ts'
export {
  Devnet,
  type DevnetDeps,
  type DevnetEvent,
  type DevnetOptions,
  type DevnetOutcome,
  describeExit,
  MAX_RESTARTS,
  type Restart,
} from './devnet.ts'
export {
  type ChainWishes,
  checkSpecMatches,
  computeGenesisBits,
  createDevnetSpec,
  DEFAULT_SPACING_SECONDS,
  DEFAULT_WINDOW_BLOCKS,
  type ExpectedHashRate,
  HASH_RATE_SAMPLE_MS,
} from './devnet-spec.ts'
export {
  type CallNode,
  computeNextRetarget,
  type DevnetStatus,
  haveConverged,
  type NodeCall,
  type NodeStatus,
  sampleNode,
} from './devnet-status.ts'
export { DevnetError, type DevnetErrorCode } from './errors.ts'
export { type DevnetFaults, FaultPlan, MAX_LINK_DELAY_MS, type Slowness } from './fault-plan.ts'
export type {
  LaunchedNode,
  LaunchRequest,
  NodeAddress,
  NodeExit,
  NodeLauncher,
} from './node-launcher.ts'
export { formatHashRate, formatStatusLine } from './status-line.ts'
export { computeDialedNodes, FULL_MESH_MAX_NODES } from './topology.ts'
