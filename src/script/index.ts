/**
 * Output scripts: what they are, their addresses, and whether an input may spend them.
 *
 * The whole of Bitcoin's script: legacy, P2SH, segwit version 0, taproot and tapscript, under the flags that Bitcoin
 * Core has. Which flags bind which block is for `consensus/` to say; nothing here signs or holds a key. A `ScriptError`
 * says why an input may not spend; an `AddressError` why a text is no address.
 *
 * Purity: pure.
 *
 * @example
 * const precomputed = precomputeTransactionData(tx, spentOutputs)
 * verifyInput(tx, 0, spentOutputs, CONSENSUS_SCRIPT_FLAGS, precomputed, nobleSignatureEngine)
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
export { describeAsCore } from './core-address-error.ts'
export { withDescriptorChecksum } from './descriptor-checksum.ts'
export { type DisassembleOptions, disassemble } from './disassemble.ts'
export {
  CONSENSUS_SCRIPT_FLAGS,
  type ScriptFlags,
  STANDARD_SCRIPT_FLAGS,
  VERIFY_CHECKLOCKTIMEVERIFY,
  VERIFY_CHECKSEQUENCEVERIFY,
  VERIFY_CLEANSTACK,
  VERIFY_CONST_SCRIPTCODE,
  VERIFY_DERSIG,
  VERIFY_DISCOURAGE_OP_SUCCESS,
  VERIFY_DISCOURAGE_UPGRADABLE_NOPS,
  VERIFY_DISCOURAGE_UPGRADABLE_PUBKEYTYPE,
  VERIFY_DISCOURAGE_UPGRADABLE_TAPROOT_VERSION,
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
export { hash160 } from './hash-operations.ts'
export { isSuccessOpcode, OP_CHECKSIGADD, opcodeName } from './opcodes.ts'
export {
  hasValidOpcodes,
  isPushOnly,
  isUnspendable,
  MAX_SCRIPT_SIZE,
  pushData,
  pushNumber,
  readSteps,
  type ScriptStep,
} from './script-bytes.ts'
export { SCRIPT_ERROR_REASONS, ScriptError, type ScriptErrorCode } from './script-error.ts'
export { decodeScriptNumber, encodeScriptNumber } from './script-number.ts'
export { MAX_CACHED_SIGNATURES, SignatureCache, SignatureNotCached } from './signature-cache.ts'
export { hasHighS, parseLaxSignature } from './signature-encoding.ts'
export {
  nobleSignatureEngine,
  normalizePublicKey,
  type SignatureEngine,
  type TweakedKey,
} from './signature-engine.ts'
export {
  computeAnnexHash,
  computeLegacySignatureHash,
  computeTaprootSignatureHash,
  computeWitnessV0SignatureHash,
  type PrecomputedTransactionData,
  precomputeTransactionData,
  SIGHASH_ALL,
  SIGHASH_ANYONECANPAY,
  SIGHASH_DEFAULT,
  SIGHASH_NONE,
  SIGHASH_SINGLE,
  type TapscriptPosition,
} from './signature-hash.ts'
export { countLegacySigops, countP2shSigops, countWitnessSigops } from './sigops.ts'
export {
  classifyOutput,
  createKeyHashScript,
  createScriptHashScript,
  createWitnessScript,
  isScriptHash,
  readWitnessProgram,
  type StandardOutput,
  type WitnessProgram,
} from './standard-output.ts'
export { createTaggedHash } from './tagged-hash.ts'
export {
  type ControlBlock,
  computeTapBranchHash,
  computeTapLeafHash,
  computeTapTweakHash,
  decodeControlBlock,
  encodeControlBlock,
  TAPSCRIPT_LEAF_VERSION,
} from './taproot.ts'
export { verifyInput } from './verify-input.ts'
