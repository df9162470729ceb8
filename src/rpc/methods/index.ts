/**
 * The methods that a node answers, with Bitcoin Core's names, fields, units, codes and texts.
 *
 * Each file declares one method, or a few that belong together; the others hold what several share. Keys
 * that begin with `quarry_` are ours. `help` and `getrpcinfo` are the dispatcher's own.
 *
 * @module
 */
import type { RpcMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { addNode } from './add-node.ts'
import { backupWallet, restoreWallet } from './backup-wallet.ts'
import { clearBanned, listBanned, setBan } from './ban-list.ts'
import { abandonTransaction, bumpFee } from './bump-fee.ts'
import { getBestBlockHash, getBlockCount, getBlockHash, getDifficulty } from './chain-position.ts'
import { invalidateBlock, preciousBlock, reconsiderBlock } from './choose-block.ts'
import { getIndexInfo, getMemoryInfo, setMockTime, stop, uptime } from './control.ts'
import { createRawTransaction, decodeScript } from './create-raw-transaction.ts'
import {
  createWallet,
  listWalletDir,
  listWallets,
  loadWallet,
  unloadWallet,
} from './create-wallet.ts'
import { decodeRawTransaction } from './decode-raw-transaction.ts'
import { disconnectNode } from './disconnect-node.ts'
import {
  encryptWallet,
  walletLock,
  walletPassphrase,
  walletPassphraseChange,
} from './encrypt-wallet.ts'
import { estimateSmartFee } from './estimate-smart-fee.ts'
import { getFaults, setFaults } from './faults.ts'
import { fundRawTransaction, send } from './fund-raw-transaction.ts'
import { generateBlock, generateToAddress, generateToDescriptor } from './generate.ts'
import { getAddressInfo } from './get-address-info.ts'
import { getBlock } from './get-block.ts'
import { getBlockHeader } from './get-block-header.ts'
import { getBlockStats } from './get-block-stats.ts'
import { getBlockTemplate } from './get-block-template.ts'
import { getBlockchainInfo } from './get-blockchain-info.ts'
import { getChainTips } from './get-chain-tips.ts'
import { getChainTxStats } from './get-chain-tx-stats.ts'
import { getDeploymentInfo } from './get-deployment-info.ts'
import { deriveAddresses, getDescriptorInfo } from './get-descriptor-info.ts'
import { getMempoolAncestors, getMempoolDescendants, getMempoolEntry } from './get-mempool-entry.ts'
import { getMinerInfo } from './get-miner-info.ts'
import { getMiningInfo } from './get-mining-info.ts'
import { getNetworkInfo } from './get-network-info.ts'
import { getNewAddress, getRawChangeAddress } from './get-new-address.ts'
import { getConnectionCount, getNetTotals, getPeerInfo } from './get-peer-info.ts'
import { getMempoolInfo, getRawMempool } from './get-raw-mempool.ts'
import { getRawTransaction } from './get-raw-transaction.ts'
import { getTxOut } from './get-tx-out.ts'
import { getTxOutSetInfo } from './get-tx-out-set-info.ts'
import { getBalance, getBalances, getWalletInfo } from './get-wallet-info.ts'
import { importDescriptors, listDescriptors, rescanBlockchain } from './import-descriptors.ts'
import { getAddedNodeInfo, getAddrmanInfo, getNodeAddresses } from './known-nodes.ts'
import { getTransaction, listTransactions } from './list-transactions.ts'
import { listUnspent } from './list-unspent.ts'
import { listLockUnspent, lockUnspent } from './lock-unspent.ts'
import { getNetworkHashPs } from './network-hash-rate.ts'
import { ping, setNetworkActive } from './network-state.ts'
import { disconnectWorker, getPoolInfo, listPoolBlocks, listPoolWorkers } from './pool.ts'
import { getPrioritisedTransactions, prioritiseTransaction } from './prioritise-transaction.ts'
import { pruneBlockchain } from './prune-blockchain.ts'
import {
  combinePsbtMethod,
  createPsbtMethod,
  decodePsbtMethod,
  finalizePsbtMethod,
  walletCreateFundedPsbt,
  walletProcessPsbt,
} from './psbt-methods.ts'
import { sendRawTransaction } from './send-raw-transaction.ts'
import { sendMany, sendToAddress } from './send-to-address.ts'
import { setMiners } from './set-miners.ts'
import { signRawTransactionWithKey, signRawTransactionWithWallet } from './sign-raw-transaction.ts'
import { submitBlock } from './submit-block.ts'
import { submitHeader } from './submit-header.ts'
import { submitPackage } from './submit-package.ts'
import { testMempoolAccept } from './test-mempool-accept.ts'
import { dumpTxOutSet, loadTxOutSet } from './tx-out-set-files.ts'
import { validateAddress } from './validate-address.ts'
import { waitForBlock, waitForBlockHeight, waitForNewBlock } from './wait-for-block.ts'

/** Every method of a node. */
export const RPC_METHODS = [
  disconnectWorker,
  getPoolInfo,
  listPoolBlocks,
  listPoolWorkers,
  getBestBlockHash,
  getBlock,
  getBlockchainInfo,
  getBlockCount,
  getBlockHash,
  getBlockHeader,
  getBlockStats,
  getChainTips,
  getChainTxStats,
  getDeploymentInfo,
  getDifficulty,
  getMempoolAncestors,
  getMempoolDescendants,
  getMempoolEntry,
  getMempoolInfo,
  getRawMempool,
  getTxOut,
  getTxOutSetInfo,
  loadTxOutSet,
  invalidateBlock,
  preciousBlock,
  reconsiderBlock,
  waitForBlock,
  waitForBlockHeight,
  waitForNewBlock,
  getMemoryInfo,
  setMockTime,
  stop,
  uptime,
  generateBlock,
  generateToAddress,
  generateToDescriptor,
  getBlockTemplate,
  getMinerInfo,
  getMiningInfo,
  getNetworkHashPs,
  getPrioritisedTransactions,
  prioritiseTransaction,
  setMiners,
  submitBlock,
  submitHeader,
  submitPackage,
  addNode,
  clearBanned,
  disconnectNode,
  getAddedNodeInfo,
  getAddrmanInfo,
  getFaults,
  setFaults,
  getConnectionCount,
  getNetTotals,
  getNetworkInfo,
  getNodeAddresses,
  getPeerInfo,
  listBanned,
  ping,
  setBan,
  setNetworkActive,
  decodeRawTransaction,
  dumpTxOutSet,
  getRawTransaction,
  pruneBlockchain,
  sendRawTransaction,
  testMempoolAccept,
  estimateSmartFee,
  getIndexInfo,
  validateAddress,
  combinePsbtMethod,
  createPsbtMethod,
  createRawTransaction,
  decodePsbtMethod,
  decodeScript,
  deriveAddresses,
  finalizePsbtMethod,
  fundRawTransaction,
  getDescriptorInfo,
  signRawTransactionWithKey,
  abandonTransaction,
  backupWallet,
  bumpFee,
  encryptWallet,
  importDescriptors,
  listDescriptors,
  rescanBlockchain,
  restoreWallet,
  send,
  signRawTransactionWithWallet,
  walletCreateFundedPsbt,
  walletLock,
  walletPassphrase,
  walletPassphraseChange,
  walletProcessPsbt,
  createWallet,
  getAddressInfo,
  getBalance,
  getBalances,
  getNewAddress,
  getRawChangeAddress,
  getTransaction,
  getWalletInfo,
  listTransactions,
  listUnspent,
  lockUnspent,
  listLockUnspent,
  listWalletDir,
  listWallets,
  loadWallet,
  sendMany,
  sendToAddress,
  unloadWallet,
] as const satisfies readonly RpcMethod<RpcContext>[]
