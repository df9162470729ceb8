/** @module How many signatures a waiting transaction may make everybody check. */

import type { Coin } from '../consensus/index.ts'
import type { Transaction } from '../primitives/index.ts'
import { countLegacySigops, countP2shSigops } from '../script/index.ts'
import { MempoolError } from './mempool-error.ts'

/** A fifth of what a block may cost. @see Bitcoin Core `MAX_STANDARD_TX_SIGOPS_COST` */
export const MAX_STANDARD_TX_SIGOPS_COST = 16_000
/** Without witnesses, where they are executed. @see Bitcoin Core `MAX_TX_LEGACY_SIGOPS`; BIP-0054 */
export const MAX_TX_LEGACY_SIGOPS = 2_500

/**
 * Checks that verifying a transaction's scripts costs no more than policy allows.
 *
 * @param spent - The coins that it spends, in the order of its inputs.
 * @param sigopsCost - Of the whole transaction, as blocks count it (BIP-0141).
 * @throws {@link MempoolError} `bad-txns-nonstandard-inputs` or `bad-txns-too-many-sigops`.
 * @see Bitcoin Core `CheckSigopsBIP54`, `MemPoolAccept::PreChecks`
 */
export function checkSigopsPolicy(
  tx: Transaction,
  spent: readonly Coin[],
  sigopsCost: number,
): void {
  let executed = 0
  for (const [i, { scriptSig }] of tx.inputs.entries()) {
    const script = spent[i]?.output.scriptPubKey
    if (script === undefined) continue
    executed += countLegacySigops(scriptSig, true)
    executed += countLegacySigops(script, true) + countP2shSigops(scriptSig, script)
  }
  if (executed > MAX_TX_LEGACY_SIGOPS) {
    throw new MempoolError('bad-txns-nonstandard-inputs', { sigops: executed })
  }
  if (sigopsCost > MAX_STANDARD_TX_SIGOPS_COST) {
    throw new MempoolError('bad-txns-too-many-sigops', { detail: `${sigopsCost}` })
  }
}
