/** @module How inputs and change are chosen for transactions that callers put together. */

import * as z from 'zod'
import { MAX_STANDARD_TX_WEIGHT } from '../../mempool/index.ts'
import type { Transaction } from '../../primitives/index.ts'
import type { ChosenInput, UnsignedPayment, Wallet } from '../../wallet/index.ts'
import { AMOUNT_SCHEMA, parseBtcAmount } from '../btc-amount.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RPC_CODES, RpcError } from '../rpc-error.ts'
import { decodeAddressArgument } from './address-argument.ts'
import { parseAddressType } from './get-new-address.ts'
import { parseFeeChoice } from './payment-arguments.ts'
import { resolveFeeRate, USUAL_PAYMENT } from './payment-wishes.ts'
import { checkSequence, INPUT_SCHEMA, toOutPoint } from './raw-transaction-inputs.ts'
import { isWalletError } from './wallet-access.ts'

const POSITIONS_SCHEMA = z.array(z.int().min(0)).max(100_000)
const MAX_INPUTS = 100_000
/** Of an input that has nothing to show. */
const MIN_INPUT_WEIGHT = 165

/** Options of `fundrawtransaction`, `walletcreatefundedpsbt` and `send`, in both of Bitcoin Core's spellings. */
export const FUND_OPTIONS_SCHEMA = z.strictObject({
  add_inputs: z.boolean().optional().describe('Whether coins of the wallet may be added.'),
  include_unsafe: z.boolean().optional().describe('Even coins on their way from others.'),
  minconf: z.int().min(0).optional().describe('Confirmations that added coins need.'),
  maxconf: z.int().min(0).optional().describe('Confirmations that they have at most.'),
  changeAddress: z.string().optional().describe('Where change goes.'),
  change_address: z.string().optional().describe('The same.'),
  changePosition: z.int().min(0).optional().describe("The change output's number."),
  change_position: z.int().min(0).optional().describe('The same.'),
  change_type: z.string().optional().describe('The form of the change address.'),
  includeWatching: z.boolean().optional().describe('Without a meaning here.'),
  include_watching: z.boolean().optional().describe('Without a meaning here.'),
  lockUnspents: z.boolean().optional().describe('Whether chosen coins are locked until a restart.'),
  lock_unspents: z.boolean().optional().describe('The same.'),
  fee_rate: AMOUNT_SCHEMA.optional().describe('Satoshis for each virtual byte.'),
  feeRate: AMOUNT_SCHEMA.optional().describe('Coins per 1,000 virtual bytes.'),
  subtractFeeFromOutputs: POSITIONS_SCHEMA.optional().describe('Outputs that bear the fee.'),
  subtract_fee_from_outputs: POSITIONS_SCHEMA.optional().describe('The same.'),
  conf_target: z.int().optional().describe('In how many blocks it is to be confirmed.'),
  estimate_mode: z.string().optional().describe('unset, economical or conservative.'),
  replaceable: z.boolean().optional().describe('Whether it says that it may be replaced.'),
  inputs: z.array(INPUT_SCHEMA).max(MAX_INPUTS).optional().describe('What to spend (send).'),
  locktime: z.int().optional().describe('The lock time (send).'),
  add_to_wallet: z.boolean().optional().describe('False to neither keep nor send it (send).'),
  psbt: z.boolean().optional().describe('Whether it is given as a PSBT (send).'),
})

/** See {@link FUND_OPTIONS_SCHEMA}. */
export type FundOptions = z.output<typeof FUND_OPTIONS_SCHEMA>

function parseFee(options: FundOptions) {
  const { feeRate, fee_rate: rate, conf_target: target, estimate_mode: mode = 'unset' } = options
  if (feeRate === undefined) return parseFeeChoice(target, mode, rate)
  if (rate !== undefined) {
    throw new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      'Cannot specify both fee_rate (sat/vB) and feeRate (BTC/kvB)',
    )
  }
  return { feeRate: parseBtcAmount(feeRate), targetBlocks: target, isConservative: false }
}

function chooseChangeScript(
  context: RpcContext,
  wallet: Wallet,
  options: FundOptions,
): Uint8Array | undefined {
  const address = options.changeAddress ?? options.change_address
  if (address !== undefined) {
    const message = 'Change address must be a valid bitcoin address'
    return decodeAddressArgument(address, context.params.addressPrefixes, message)
  }
  if (options.change_type === undefined) return undefined
  const { descriptor, record } = wallet.requireActive(parseAddressType(options.change_type), true)
  return descriptor.derive(record.nextIndex).scriptPubKey
}

/** @throws {@link RpcError} -8 @see Bitcoin Core `FundTransaction` */
function checkWeight(weight: number | undefined): number | undefined {
  const refuse = (what: string): RpcError =>
    new RpcError(RPC_CODES.INVALID_PARAMETER, `Invalid parameter, weight cannot be ${what}`)
  if (weight !== undefined && weight < MIN_INPUT_WEIGHT) {
    throw refuse(
      `less than ${MIN_INPUT_WEIGHT} (41 bytes (size of outpoint + sequence + empty scriptSig) * 4 (witness scaling factor)) + 1 (empty witness)`,
    )
  }
  if (weight !== undefined && weight > MAX_STANDARD_TX_WEIGHT) {
    throw refuse(`greater than the maximum standard tx weight of ${MAX_STANDARD_TX_WEIGHT}`)
  }
  return weight
}

/** The inputs that a caller named. */
export function toChosenInputs(inputs: readonly z.output<typeof INPUT_SCHEMA>[]): ChosenInput[] {
  return inputs.map((input) => ({
    outPoint: toOutPoint(input),
    sequence: checkSequence(input.sequence),
    weight: checkWeight(input.weight),
  }))
}

/** Which outputs bear the fee. @throws {@link RpcError} -8 @see Bitcoin Core `InterpretSubtractFeeFromOutputInstructions` */
function parseBearers(options: FundOptions, outputCount: number): readonly number[] {
  const positions = options.subtractFeeFromOutputs ?? options.subtract_fee_from_outputs ?? []
  const refuse = (what: string, position: number): RpcError =>
    new RpcError(
      RPC_CODES.INVALID_PARAMETER,
      `Invalid parameter 'subtract fee from output', ${what}: ${position}`,
    )
  const seen = new Set<number>()
  for (const position of positions) {
    if (seen.has(position)) throw refuse('duplicated position', position)
    if (position >= outputCount) throw refuse('position too large', position)
    seen.add(position)
  }
  return positions
}

/**
 * Adds coins and change to a transaction until it pays for itself.
 *
 * @param inputs - What it spends in any case.
 * @throws {@link RpcError} -4 if it cannot be paid.
 */
export async function fundTransaction(
  context: RpcContext,
  wallet: Wallet,
  tx: Pick<Transaction, 'outputs' | 'version'> & { readonly lockTime: number | undefined },
  inputs: readonly ChosenInput[],
  options: FundOptions,
): Promise<UnsignedPayment> {
  const changePosition = options.changePosition ?? options.change_position
  if (changePosition !== undefined && changePosition > tx.outputs.length) {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'changePosition out of bounds')
  }
  if (tx.outputs.length === 0) {
    throw new RpcError(RPC_CODES.INVALID_PARAMETER, 'TX must have at least one output')
  }
  const wishes = {
    ...USUAL_PAYMENT,
    outputs: tx.outputs,
    subtractFrom: parseBearers(options, tx.outputs.length),
    feeRate: resolveFeeRate(wallet, parseFee(options)).feeRate,
    inputs,
    mayAddInputs: options.add_inputs ?? true,
    changeScript: chooseChangeScript(context, wallet, options),
    changePosition,
    includesUnsafe: options.include_unsafe ?? false,
    minDepth: options.minconf ?? USUAL_PAYMENT.minDepth,
    maxDepth: options.maxconf ?? USUAL_PAYMENT.maxDepth,
    isReplaceable: options.replaceable ?? true,
    lockTime: tx.lockTime,
    version: tx.version,
  }
  try {
    const payment = await wallet.spender.prepare(wishes)
    if (options.lockUnspents ?? options.lock_unspents ?? false) {
      for (const { prevout } of payment.tx.inputs) wallet.lockCoin(prevout)
    }
    return payment
  } catch (error) {
    const isUnpayable =
      isWalletError(error) && (error.code === 'insufficient-funds' || error.code === 'bad-payment')
    if (!isUnpayable) throw error
    throw new RpcError(RPC_CODES.WALLET_ERROR, error.message, { cause: error })
  }
}
