/**
 * Consensus errors. One code per rule, so this table is the list of the rules that are enforced.
 *
 * Codes are Bitcoin Core's reject reasons: they reach users unchanged through `submitblock`.
 *
 * @module
 */

import type { ErrorData } from '../util/index.ts'

/** `reject`: can never become valid, blame the sender. `defer`: may become valid later, blame nobody. */
export type Verdict = 'reject' | 'defer'

/** Every consensus rule, in the order in which a block meets them. */
export const CONSENSUS_RULES = {
  // The header alone, then the header and its ancestors.
  'high-hash': 'reject',
  'prev-blk-not-found': 'defer',
  'bad-prevblk': 'reject',
  'bad-diffbits': 'reject',
  'time-too-old': 'reject',
  'time-timewarp-attack': 'reject',
  'time-too-new': 'defer',
  'bad-version': 'reject',
  // The block alone.
  'bad-txnmrklroot': 'reject',
  'bad-txns-duplicate': 'reject',
  'bad-blk-length': 'reject',
  'bad-cb-missing': 'reject',
  'bad-cb-multiple': 'reject',
  'bad-blk-sigops': 'reject',
  // Each transaction alone.
  'bad-txns-vin-empty': 'reject',
  'bad-txns-vout-empty': 'reject',
  'bad-txns-oversize': 'reject',
  'bad-txns-vout-negative': 'reject',
  'bad-txns-vout-toolarge': 'reject',
  'bad-txns-txouttotal-toolarge': 'reject',
  'bad-txns-inputs-duplicate': 'reject',
  'bad-cb-length': 'reject',
  'bad-txns-prevout-null': 'reject',
  // The block and its ancestors.
  'bad-txns-nonfinal': 'reject',
  'bad-cb-height': 'reject',
  'bad-witness-nonce-size': 'reject',
  'bad-witness-merkle-match': 'reject',
  'unexpected-witness': 'reject',
  'bad-blk-weight': 'reject',
  // The block and the unspent outputs.
  'bad-txns-BIP30': 'reject',
  'bad-txns-inputs-missingorspent': 'reject',
  'bad-txns-premature-spend-of-coinbase': 'reject',
  'bad-txns-inputvalues-outofrange': 'reject',
  'bad-txns-in-belowout': 'reject',
  'bad-txns-accumulated-fee-outofrange': 'reject',
  'bad-cb-amount': 'reject',
  'block-script-verify-flag-failed': 'reject',
} as const satisfies Record<string, Verdict>

/** A reject reason of Bitcoin Core. */
export type ConsensusErrorCode = keyof typeof CONSENSUS_RULES

/** A block or transaction broke a consensus rule. Never thrown for our own bugs. */
export class ConsensusError extends Error {
  override readonly name = 'ConsensusError'
  readonly code: ConsensusErrorCode
  /** What was found and what was wanted: plain values only. */
  readonly data: ErrorData

  constructor(code: ConsensusErrorCode, data: ErrorData = {}) {
    super(code)
    this.code = code
    this.data = data
  }

  /** Whether the same bytes could be valid later. */
  get verdict(): Verdict {
    return CONSENSUS_RULES[this.code]
  }
}
