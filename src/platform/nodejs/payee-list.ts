/** @module Who gets mined coins, as people say it: addresses, each with its share. */

import type { ConsensusParams } from '../../consensus/index.ts'
import { checkPayouts, type Payout } from '../../mining/index.ts'
import { decodeAddress } from '../../script/index.ts'
import { ConfigError, toErrorMessage } from '../../util/index.ts'

/** The address, which never has this sign, then its share. */
const SHARE_SIGN = '='
/** From 1 to 999,999. */
const SHARE = /^[1-9]\d{0,5}$/

/**
 * Reads addresses such as `bcrt1q…` or, with a share other than 1, `bcrt1q…=3`.
 *
 * @returns Nothing if there are none.
 * @throws {@link ConfigError} `bad-settings` if one is not an address of the chain or its share not a number,
 * `bad-payouts` if a coinbase has no room for them.
 */
export function readPayouts(
  texts: readonly string[],
  params: ConsensusParams,
): readonly Payout[] | undefined {
  if (texts.length === 0) return undefined
  const payouts = texts.map((text) => readPayout(text, params))
  checkPayouts(payouts)
  return payouts
}

function readPayout(text: string, { name, addressPrefixes }: ConsensusParams): Payout {
  const [address = '', share = '1', ...rest] = text.split(SHARE_SIGN)
  const example = `${addressPrefixes.bech32}1q…`
  const refuse = (why: string, cause?: unknown): ConfigError => {
    const advice = `Use an address of ${name}, such as ${example}, or ${example}=3 for three shares.`
    return new ConfigError('bad-settings', `address: ${why}. ${advice}`, { cause })
  }
  if (rest.length > 0 || !SHARE.test(share)) {
    throw refuse(`the share of ${address} is not a whole number from 1 to 999999`)
  }
  try {
    return { scriptPubKey: decodeAddress(address, addressPrefixes), share: BigInt(share) }
  } catch (error) {
    throw refuse(toErrorMessage(error), error)
  }
}
