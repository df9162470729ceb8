/** @module What the process's exit code means. Documented in `quarry --help`: these are an interface. */

/** Exit codes of every `quarry` command, except that `quarry rpc` follows bitcoin-cli's rule. */
export const EXIT_CODES = {
  ok: 0,
  failure: 1,
  usage: 2,
  badConfig: 3,
  dataDirectoryInUse: 4,
  portInUse: 5,
  databaseDamaged: 6,
  chainMismatch: 7,
  diskFull: 8,
} as const

/** Error codes with an exit code of their own; any other error is a plain failure. */
const EXIT_CODE_BY_ERROR_CODE: Readonly<Record<string, number>> = {
  'bad-settings': EXIT_CODES.badConfig,
  'bad-chain-spec': EXIT_CODES.badConfig,
  'devnet-mismatch': EXIT_CODES.badConfig,
  'chain-not-startable': EXIT_CODES.badConfig,
  'datadir-unusable': EXIT_CODES.badConfig,
  'datadir-in-use': EXIT_CODES.dataDirectoryInUse,
  locked: EXIT_CODES.dataDirectoryInUse,
  'port-in-use': EXIT_CODES.portInUse,
  EADDRINUSE: EXIT_CODES.portInUse,
  corrupt: EXIT_CODES.databaseDamaged,
  'disk-full': EXIT_CODES.diskFull,
  'wrong-chain': EXIT_CODES.chainMismatch,
}

/** How many causes of causes are looked at. */
const MAX_CAUSE_DEPTH = 8

/**
 * Finds the exit code for an error, looking through its `cause`s and the members of an
 * `AggregateError` (libp2p reports a taken port as one).
 */
export function exitCodeOf(error: unknown, depth = 0): number {
  if (typeof error !== 'object' || error === null || depth > MAX_CAUSE_DEPTH) {
    return EXIT_CODES.failure
  }
  const { code, cause, errors, message } = error as Record<string, unknown>
  // libp2p keeps the system's error as text only.
  if (typeof message === 'string' && message.includes('EADDRINUSE')) return EXIT_CODES.portInUse
  const own = typeof code === 'string' ? EXIT_CODE_BY_ERROR_CODE[code] : undefined
  if (own !== undefined) return own
  const inner = [cause, ...(Array.isArray(errors) ? errors : [])]
  for (const candidate of inner) {
    const found = exitCodeOf(candidate, depth + 1)
    if (found !== EXIT_CODES.failure) return found
  }
  return EXIT_CODES.failure
}
