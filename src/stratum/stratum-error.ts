/** @module Refusals in Stratum's own numbers. */

/** Why a request is refused. Miners read the number, people the text. */
export type StratumErrorCode =
  | 'other'
  | 'stale'
  | 'duplicate'
  | 'low-difficulty'
  | 'unauthorized'
  | 'not-subscribed'

/** The numbers that pools have used since 2012. */
const ERROR_NUMBERS: Readonly<Record<StratumErrorCode, number>> = {
  other: 20,
  stale: 21,
  duplicate: 22,
  'low-difficulty': 23,
  unauthorized: 24,
  'not-subscribed': 25,
}

/** A refusal of one request; the connection lives on. */
export class StratumError extends Error {
  override readonly name = 'StratumError'
  readonly code: StratumErrorCode

  constructor(code: StratumErrorCode, message: string) {
    super(message)
    this.code = code
  }

  /** The form on the wire. Always an array: firmware reads its second element. */
  toJson(): readonly [number, string, null] {
    return [ERROR_NUMBERS[this.code], this.message, null]
  }
}
