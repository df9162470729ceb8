/**
 * Output scripts: what they are, their addresses, and whether an input may spend them.
 *
 * Key spends only, so far: P2PK, P2PKH, P2WPKH and P2TR by key path. Every other script is refused
 * with `UNSUPPORTED`; the full interpreter takes its place behind the same functions. A `ScriptError` says
 * why an input may not spend; an `AddressError` why a text is no address.
 *
 * Purity: pure.
 *
 * @example
 * verifyInput(tx, 0, spentOutputs, flags, precomputeTransactionData(tx, spentOutputs), nobleSignatureEngine)
 *
 * @module
 */
export {
  AddressError,
  type AddressErrorCode,
  type AddressPrefixes,
  decodeAddress,
  encodeAddress,
} from './address.ts'
export { disassemble } from './disassemble.ts'
export {
  type ScriptFlags,
  STANDARD_SCRIPT_FLAGS,
  VERIFY_CHECKLOCKTIMEVERIFY,
  VERIFY_CHECKSEQUENCEVERIFY,
  VERIFY_CLEANSTACK,
  VERIFY_CONST_SCRIPTCODE,
  VERIFY_DERSIG,
  VERIFY_DISCOURAGE_UPGRADABLE_NOPS,
  VERIFY_DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM,
  VERIFY_LOW_S,
  VERIFY_MINIMALDATA,
  VERIFY_MINIMALIF,
  VERIFY_NONE,
  VERIFY_NULLDUMMY,
  VERIFY_NULLFAIL,
  VERIFY_P2SH,
  VERIFY_SIGPUSHONLY,
  VERIFY_STRICTENC,
  VERIFY_TAPROOT,
  VERIFY_WITNESS,
  VERIFY_WITNESS_PUBKEYTYPE,
} from './flags.ts'
export { isUnspendable, pushData, pushNumber } from './script-bytes.ts'
export { encodeScriptNumber } from './script-number.ts'
export { nobleSignatureEngine, type SignatureEngine } from './signature-engine.ts'
export {
  computeLegacySignatureHash,
  computeTaprootSignatureHash,
  computeWitnessV0SignatureHash,
  type PrecomputedTransactionData,
  precomputeTransactionData,
} from './signature-hash.ts'
export { countLegacySigops, countP2shSigops, countWitnessSigops } from './sigops.ts'
export { classifyOutput, type StandardOutput } from './standard-output.ts'
export { ScriptError, type ScriptErrorCode, verifyInput } from './verify-input.ts'
