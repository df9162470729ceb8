/**
 * The rules: pure functions that decide whether a header, a transaction or a block is valid.
 *
 * Knows no store, no network, no clock and no mempool: everything a rule looks at is an argument. Rules
 * throw `ConsensusError`, whose `code` is Bitcoin Core's reject reason and whose verdict tells whether
 * the sender is to blame. A chain spec that cannot be used is a `ConfigError` that lists every problem.
 *
 * Purity: pure.
 *
 * @example
 * const params = createConsensusParams(REGTEST_SPEC)
 * checkProofOfWork(header, computeBlockHash(header), params)
 *
 * @module
 */
export { computeSubsidy, formatMoney, isMoney, MAX_MONEY_SATS, SATS_PER_COIN } from './amount.ts'
export {
  checkBlock,
  checkMerkleRoot,
  contextualCheckBlock,
  countTransactionLegacySigops,
  isBodyMutation,
  MAX_BLOCK_SIGOPS_COST,
} from './check-block.ts'
export { checkProofOfWork, contextualCheckHeader } from './check-header.ts'
export {
  areSequenceLocksMet,
  checkTransactionInputs,
  computeSigopsCost,
  findSpentCoins,
} from './check-inputs.ts'
export {
  checkTransaction,
  isFinal,
  LOCKTIME_THRESHOLD,
  MAX_BLOCK_WEIGHT,
} from './check-transaction.ts'
export { type Coin, type CoinChange, CoinsView } from './coin.ts'
export {
  type BlockUndo,
  type ConnectContext,
  type ConnectResult,
  computeBlockScriptFlags,
  connectBlock,
  disconnectBlock,
  isBip30Enforced,
  type ScriptCheck,
} from './connect-block.ts'
export { CONSENSUS_RULES, ConsensusError, type ConsensusErrorCode, type Verdict } from './errors.ts'
export { computeMedianTimePast, MEDIAN_TIME_SPAN_BLOCKS } from './median-time-past.ts'
export {
  computeBlockMerkleRoot,
  computeCoinbaseBranch,
  computeMerkleRoot,
  computeRootFromBranch,
  computeWitnessMerkleRoot,
} from './merkle.ts'
export {
  CHAIN_SPEC_VERSION,
  type ChainSpec,
  computeChainId,
  encodeChainSpec,
  parseChainSpec,
} from './params/chain-spec.ts'
export { findChainWarnings } from './params/chain-warnings.ts'
export { createConsensusParams, MAINNET_SPEC, REGTEST_SPEC } from './params/chains.ts'
export type { ConsensusParams, DeploymentHeights } from './params/consensus-params.ts'
export { computeNetworkMagic } from './params/network-magic.ts'
export {
  type ChainLink,
  computeAsertBits,
  computeNextBits,
  computeRetargetedBits,
} from './retarget.ts'
export {
  bitsToHex,
  computeDifficulty,
  computeWork,
  decodeBits,
  deriveTarget,
  encodeBits,
  hashToNumber,
  targetToBytes,
  targetToHex,
} from './target.ts'
export {
  computeWitnessCommitment,
  createCommitmentScript,
  findWitnessCommitment,
  isWitnessCommitment,
} from './witness-commitment.ts'
