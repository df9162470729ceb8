/** @module Random spends that are worth judging: mostly well-formed, about half of them valid, all kinds of output. */

import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js'
import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import {
  SEQUENCE_FINAL,
  type Transaction,
  type Txid,
  type TxOut,
} from '../../src/primitives/index.ts'
import {
  computeLegacySignatureHash,
  computeTapLeafHash,
  computeTaprootSignatureHash,
  computeTapTweakHash,
  computeWitnessV0SignatureHash,
  createScriptHashScript,
  createWitnessScript,
  encodeControlBlock,
  hash160,
  nobleSignatureEngine,
  precomputeTransactionData,
  pushData,
  pushNumber,
  TAPSCRIPT_LEAF_VERSION,
} from '../../src/script/index.ts'
import { concatBytes } from '../../src/util/index.ts'

/** Where a script stands. */
export type SpendKind = 'bare' | 'p2sh' | 'p2wsh' | 'p2sh-p2wsh' | 'tapscript'
export const SPEND_KINDS: readonly SpendKind[] = [
  'bare',
  'p2sh',
  'p2wsh',
  'p2sh-p2wsh',
  'tapscript',
]

/** A transaction of one input, and what it spends. */
export interface GeneratedSpend {
  readonly kind: SpendKind
  /** The script that is judged, before it is wrapped. */
  readonly program: Uint8Array
  readonly tx: Transaction
  readonly spentOutputs: readonly TxOut[]
}

const OP = {
  IF: 0x63,
  NOTIF: 0x64,
  ELSE: 0x67,
  ENDIF: 0x68,
  VERIFY: 0x69,
  TOALTSTACK: 0x6b,
  FROMALTSTACK: 0x6c,
  DROP2: 0x6d,
  DROP: 0x75,
  PICK: 0x79,
  ROLL: 0x7a,
  EQUALVERIFY: 0x88,
  NUMEQUALVERIFY: 0x9d,
  WITHIN: 0xa5,
  CODESEPARATOR: 0xab,
  CHECKSIG: 0xac,
  CHECKSIGVERIFY: 0xad,
  CHECKMULTISIG: 0xae,
  CHECKMULTISIGVERIFY: 0xaf,
  CHECKLOCKTIMEVERIFY: 0xb1,
  CHECKSEQUENCEVERIFY: 0xb2,
  CHECKSIGADD: 0xba,
} as const

const SECRETS = [1, 2, 3].map((seed) => sha256(Uint8Array.of(seed)))
const VALUE = 123_456n

/** A piece of a program: bytes, or a signature check whose signature is made once the program is known. */
type Piece =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'separator' }
  | { readonly type: 'signature'; readonly wish: SignatureWish }

interface SignatureWish {
  readonly key: number
  readonly hashType: number
  readonly form: 'checksig' | 'multisig' | 'add'
  /** Uncompressed keys are for legacy scripts alone. */
  readonly isCompressed: boolean
}

const plain = (...parts: readonly (number | Uint8Array)[]): Piece => ({
  type: 'bytes',
  bytes: concatBytes(
    ...parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part)),
  ),
})

const edge = fc.constantFrom(-1, 0, 1, 2, 16, 17, 127, 128, -128, 255, 256, -256, 32_767, 65_535)
const number = fc.oneof(
  edge,
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom(2 ** 31 - 1, -(2 ** 31 - 1)),
)
const data = fc.oneof(
  fc.uint8Array({ maxLength: 6 }),
  fc.uint8Array({ minLength: 20, maxLength: 90 }),
)
const pushedNumber = number.map(pushNumber)
const pushedData = data.map(pushData)
const range = (from: number, to: number) => fc.integer({ min: from, max: to })

/** Takes two numbers and leaves one value. */
const binary = fc.oneof(range(0x93, 0x94), range(0x9a, 0x9c), range(0x9e, 0xa4), fc.constant(0x87))
/** Takes a number and leaves one. */
const unary = fc.constantFrom(0x8b, 0x8c, 0x8f, 0x90, 0x91, 0x92)
/** How many values each opcode of the stack wants, and leaves. */
const STACK_OPCODES: readonly (readonly [number, number, number])[] = [
  [0x6d, 2, 0],
  [0x6e, 2, 4],
  [0x6f, 3, 6],
  [0x70, 4, 6],
  [0x71, 6, 6],
  [0x72, 4, 4],
  [0x74, 0, 1],
  [0x75, 1, 0],
  [0x76, 1, 2],
  [0x77, 2, 1],
  [0x78, 2, 3],
  [0x7b, 3, 3],
  [0x7c, 2, 2],
  [0x7d, 2, 3],
  [0x82, 1, 2],
]

/** Pieces that leave the stack as it was, if all goes well. */
const wellFormed: fc.Arbitrary<Piece> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.tuple(fc.oneof(pushedNumber, pushedData)).map(([a]) => plain(a, OP.DROP)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(pushedNumber, pushedNumber, binary)
      .map(([a, b, opcode]) => plain(a, b, opcode, OP.DROP)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(pushedNumber, unary).map(([a, opcode]) => plain(a, opcode, OP.DROP)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(pushedNumber, pushedNumber, pushedNumber)
      .map(([a, b, c]) => plain(a, b, c, OP.WITHIN, OP.DROP)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(pushedNumber, fc.constantFrom(OP.EQUALVERIFY, OP.NUMEQUALVERIFY))
      .map(([a, opcode]) => plain(a, a, opcode)),
  },
  { weight: 1, arbitrary: fc.constant(plain(pushNumber(1), OP.VERIFY)) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...STACK_OPCODES),
        fc.array(pushedNumber, { minLength: 6, maxLength: 6 }),
      )
      .map(([[opcode, wanted, left], values]) =>
        plain(...values.slice(0, wanted), opcode, new Uint8Array(left).fill(OP.DROP)),
      ),
  },
  // Of a value that is true the duplicate has to go, of one that is false there is none.
  {
    weight: 1,
    arbitrary: fc.boolean().map((isTrue) => {
      const drops = isTrue ? [OP.DROP2] : [OP.DROP]
      return plain(pushNumber(isTrue ? 5 : 0), 0x73, ...drops)
    }),
  },
  {
    weight: 1,
    arbitrary: pushedNumber.map((a) => plain(a, OP.TOALTSTACK, OP.FROMALTSTACK, OP.DROP)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.array(pushedNumber, { minLength: 3, maxLength: 3 }), fc.nat(2))
      .map(([values, n]) => plain(...values, pushNumber(n), OP.PICK, OP.DROP2, OP.DROP2)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.array(pushedNumber, { minLength: 3, maxLength: 3 }), fc.nat(2))
      .map(([values, n]) => plain(...values, pushNumber(n), OP.ROLL, OP.DROP2, OP.DROP)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(pushedData, range(0xa6, 0xaa))
      .map(([a, opcode]) => plain(a, opcode, OP.DROP)),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(0x61, 0xb0, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9)
      .map((opcode) => plain(opcode)),
  },
  { weight: 1, arbitrary: fc.constant<Piece>({ type: 'separator' }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(0, 1, 100, 499_999_999, 500_000_000, 1_700_000_000, -1),
        fc.constantFrom(OP.CHECKLOCKTIMEVERIFY, OP.CHECKSEQUENCEVERIFY),
      )
      .map(([a, opcode]) => plain(pushNumber(a), opcode, OP.DROP)),
  },
  // No signature: false, but no error.
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(2), fc.constantFrom(false, true))
      .map(([key, isXOnly]) =>
        plain(0x00, pushData(publicKey(key, isXOnly)), OP.CHECKSIG, OP.DROP),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .nat(2)
      .map((key) =>
        plain(0, pushNumber(7), pushData(publicKey(key, true)), OP.CHECKSIGADD, OP.DROP),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(3), fc.constantFrom([OP.CHECKMULTISIGVERIFY], [OP.CHECKMULTISIG, OP.DROP]))
      .map(([keys, end]) =>
        plain(
          0,
          0,
          ...Array.from({ length: keys }, (_, key) => pushData(publicKey(key % 3, false))),
          pushNumber(keys),
          ...end,
        ),
      ),
  },
)

const signature: fc.Arbitrary<Piece> = fc
  .record({
    key: fc.nat(2),
    hashType: fc.constantFrom(0x01, 0x01, 0x01, 0x02, 0x03, 0x81, 0x82, 0x83),
    form: fc.constantFrom('checksig' as const, 'multisig' as const, 'add' as const),
    isCompressed: fc.nat(7).map((n) => n !== 0),
  })
  .map((wish) => ({ type: 'signature', wish }))

/** Pieces that are likely to fail, or to matter only where they are not executed. */
const odd: fc.Arbitrary<Piece> = fc.oneof(
  range(0x4c, 0xbb).map((opcode) => plain(opcode)),
  fc
    .constantFrom(0x50, 0x62, 0x65, 0x66, 0x6a, 0x7e, 0x7f, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86)
    .map((opcode) => plain(opcode)),
  fc
    .constantFrom(0x89, 0x8a, 0x8d, 0x8e, 0x95, 0x96, 0x97, 0x98, 0x99)
    .map((opcode) => plain(opcode)),
  fc.uint8Array({ minLength: 1, maxLength: 5 }).map((bytes) => plain(bytes)),
  pushedData.map((bytes) => plain(bytes)),
  fc.tuple(pushedData, pushedData, binary).map(([a, b, opcode]) => plain(a, b, opcode, OP.DROP)),
  // Pushes that are longer than they need to be.
  fc.uint8Array({ maxLength: 3 }).map((bytes) => plain(0x4c, bytes.length, bytes, OP.DROP)),
  fc.uint8Array({ minLength: 1, maxLength: 1 }).map((bytes) => plain(1, bytes, OP.DROP)),
  fc
    .constantFrom(0x100, 0x208, 0x209)
    .map((size) => plain(0x4d, size & 0xff, size >> 8, new Uint8Array(size), OP.DROP)),
)

/** The same a few times, to come near the limits of stack, size and operations. */
const repeated: fc.Arbitrary<Piece> = fc
  .tuple(
    fc.constantFrom(plain(0x61), plain(0x51), plain(0x76), plain(0x51, OP.DROP)),
    fc.constantFrom(40, 199, 200, 201, 202, 998, 1_001),
  )
  .map(([piece, count]) =>
    plain(...(piece.type === 'bytes' ? Array<Uint8Array>(count).fill(piece.bytes) : [])),
  )

function bytesOf(piece: Piece): Uint8Array {
  return piece.type === 'bytes' ? piece.bytes : Uint8Array.of(OP.CODESEPARATOR)
}

/** Branches, of which one is not executed and may hold nearly anything. */
const branch: fc.Arbitrary<Piece> = fc
  .record({
    condition: fc.oneof(fc.constantFrom(0, 1), fc.constantFrom(2, -1)),
    opcode: fc.constantFrom(OP.IF, OP.NOTIF),
    executed: fc.array(wellFormed, { maxLength: 2 }),
    skipped: fc.array(fc.oneof(wellFormed, odd), { maxLength: 2 }),
    hasElse: fc.boolean(),
    isSwapped: fc.nat(9).map((n) => n === 0),
  })
  .map(({ condition, opcode, executed, skipped, hasElse, isSwapped }) => {
    const isFirst = ((condition !== 0) === (opcode === OP.IF)) !== isSwapped
    const [one, other] = [executed, skipped].map((pieces) => concatBytes(...pieces.map(bytesOf)))
    const [first, second] = isFirst ? [one, other] : [other, one]
    const rest = hasElse ? [OP.ELSE, second ?? new Uint8Array()] : []
    return plain(pushNumber(condition), opcode, first ?? new Uint8Array(), ...rest, OP.ENDIF)
  })

interface Plan {
  readonly kind: SpendKind
  readonly pieces: readonly Piece[]
  readonly end: Uint8Array
  readonly version: number
  readonly lockTime: number
  readonly sequence: number
  /** What is spoilt at the end, if anything. */
  readonly spoil: 'nothing' | 'program' | 'stack' | 'extra' | 'wrapper'
  readonly where: number
  readonly flip: number
}

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom(...SPEND_KINDS),
  pieces: fc.array(
    fc.oneof(
      { weight: 40, arbitrary: wellFormed },
      { weight: 6, arbitrary: branch },
      { weight: 3, arbitrary: signature },
      { weight: 2, arbitrary: odd },
      { weight: 1, arbitrary: repeated },
    ),
    { maxLength: 8 },
  ),
  end: fc.oneof(
    { weight: 9, arbitrary: fc.constant(Uint8Array.of(0x51)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        Uint8Array.of(0),
        Uint8Array.of(1, 0x80),
        Uint8Array.of(0x51, 0x51),
      ),
    },
  ),
  version: fc.constantFrom(1, 2, 2),
  lockTime: fc.constantFrom(0, 200, 1_800_000_000),
  sequence: fc.constantFrom(SEQUENCE_FINAL, 0xffff_fffe, 200, 0x40_0000 + 200, 0),
  spoil: fc.constantFrom(
    'nothing',
    'nothing',
    'nothing',
    'nothing',
    'program',
    'stack',
    'extra',
    'wrapper',
  ),
  where: fc.nat(10_000),
  flip: range(1, 255),
})

function publicKey(index: number, isXOnly: boolean, isCompressed = true): Uint8Array {
  const secret = SECRETS[index] ?? new Uint8Array(32)
  return isXOnly ? schnorr.getPublicKey(secret) : secp256k1.getPublicKey(secret, isCompressed)
}

/** The script of a wish. Signatures wait on the alternative stack. */
function checkOf({ key, form, isCompressed }: SignatureWish, kind: SpendKind): Uint8Array {
  const isTapscript = kind === 'tapscript'
  const own = pushData(publicKey(key, isTapscript, isCompressed))
  if (form === 'add' && isTapscript) {
    return bytesOf(
      plain(OP.FROMALTSTACK, pushNumber(3), own, OP.CHECKSIGADD, pushNumber(4), OP.NUMEQUALVERIFY),
    )
  }
  if (form === 'multisig' && !isTapscript) {
    const others = pushData(publicKey((key + 1) % 3, false))
    return bytesOf(
      plain(0, OP.FROMALTSTACK, pushNumber(1), own, others, pushNumber(2), OP.CHECKMULTISIGVERIFY),
    )
  }
  return bytesOf(plain(OP.FROMALTSTACK, own, OP.CHECKSIGVERIFY))
}

/** A program, and for each signature in it the place of the separator before. */
interface Assembled {
  readonly program: Uint8Array
  readonly wishes: readonly { readonly wish: SignatureWish; readonly codeStart: number }[]
}

function assemble({ pieces, end, kind }: Plan): Assembled {
  const count = pieces.filter(({ type }) => type === 'signature').length
  const parts: Uint8Array[] = [new Uint8Array(count).fill(OP.TOALTSTACK)]
  const wishes: { wish: SignatureWish; codeStart: number }[] = []
  let codeStart = 0
  for (const piece of pieces) {
    if (piece.type === 'signature') {
      wishes.push({ wish: piece.wish, codeStart })
      parts.push(checkOf(piece.wish, kind))
    } else parts.push(bytesOf(piece))
    if (piece.type === 'separator') codeStart = parts.reduce((sum, part) => sum + part.length, 0)
  }
  return { program: concatBytes(...parts, end), wishes }
}

const NO_SEPARATOR = 0xffff_ffff

/** How many opcodes stand before a place. */
function countOpcodes(program: Uint8Array, end: number): number {
  let count = 0
  for (let at = 0; at < end; count++) {
    const opcode = program[at] ?? 0
    const size = [program[at + 1] ?? 0, (program[at + 1] ?? 0) | ((program[at + 2] ?? 0) << 8)]
    if (opcode < 0x4c) at += 1 + opcode
    else if (opcode === 0x4c) at += 2 + (size[0] ?? 0)
    else if (opcode === 0x4d) at += 3 + (size[1] ?? 0)
    else at += 1
  }
  return count
}

/** Signs as the wish has it, for whatever is judged when its check is reached. */
function sign(
  tx: Transaction,
  spentOutputs: readonly TxOut[],
  kind: SpendKind,
  program: Uint8Array,
  { wish, codeStart }: Assembled['wishes'][number],
): Uint8Array {
  const secret = SECRETS[wish.key] ?? new Uint8Array(32)
  const type = wish.hashType
  const code = program.subarray(codeStart)
  const shared = precomputeTransactionData(tx, spentOutputs)
  if (kind === 'tapscript') {
    const hash = computeTaprootSignatureHash(tx, 0, spentOutputs, type, shared, undefined, {
      leafHash: computeTapLeafHash(TAPSCRIPT_LEAF_VERSION, program),
      codeSeparatorPosition: codeStart === 0 ? NO_SEPARATOR : countOpcodes(program, codeStart) - 1,
    })
    const signatureBytes = schnorr.sign(hash ?? new Uint8Array(32), secret, new Uint8Array(32))
    return concatBytes(signatureBytes, Uint8Array.of(type))
  }
  const isWitness = kind === 'p2wsh' || kind === 'p2sh-p2wsh'
  const hash = isWitness
    ? computeWitnessV0SignatureHash(tx, 0, code, VALUE, type, shared)
    : computeLegacySignatureHash(tx, 0, code, type)
  const der = secp256k1.sign(hash, secret, { prehash: false, format: 'der', lowS: true })
  return concatBytes(der, Uint8Array.of(type))
}

function flipByte(bytes: Uint8Array, where: number, flip: number): Uint8Array {
  if (bytes.length === 0) return bytes
  const changed = Uint8Array.from(bytes)
  const at = where % bytes.length
  changed[at] = (changed[at] ?? 0) ^ flip
  return changed
}

const NOBODYS_KEY = schnorr.getPublicKey(sha256(Uint8Array.of(77)))

interface Wrapped {
  readonly scriptPubKey: Uint8Array
  /** Makes the proof from what the program finds on the stack. */
  readonly prove: (stack: readonly Uint8Array[]) => { scriptSig: Uint8Array; witness: Uint8Array[] }
}

function wrap(kind: SpendKind, program: Uint8Array): Wrapped {
  const none = new Uint8Array()
  const pushes = (stack: readonly Uint8Array[]): Uint8Array => concatBytes(...stack.map(pushData))
  if (kind === 'bare') {
    return { scriptPubKey: program, prove: (stack) => ({ scriptSig: pushes(stack), witness: [] }) }
  }
  if (kind === 'p2sh') {
    return {
      scriptPubKey: createScriptHashScript(hash160(program)),
      prove: (stack) => ({ scriptSig: concatBytes(pushes(stack), pushData(program)), witness: [] }),
    }
  }
  if (kind === 'tapscript') {
    const leaf = computeTapLeafHash(TAPSCRIPT_LEAF_VERSION, program)
    const output = nobleSignatureEngine.tweakPublicKey(
      NOBODYS_KEY,
      computeTapTweakHash(NOBODYS_KEY, leaf),
    )
    if (output === undefined) throw new RangeError('the tweak does not fit the key')
    const control = encodeControlBlock({
      leafVersion: TAPSCRIPT_LEAF_VERSION,
      parity: output.parity,
      internalKey: NOBODYS_KEY,
      path: [],
    })
    return {
      scriptPubKey: createWitnessScript({ version: 1, program: output.key }),
      prove: (stack) => ({ scriptSig: none, witness: [...stack, program, control] }),
    }
  }
  const inner = createWitnessScript({ version: 0, program: sha256(program) })
  const witnessOf = (stack: readonly Uint8Array[]): Uint8Array[] => [...stack, program]
  if (kind === 'p2wsh') {
    return {
      scriptPubKey: inner,
      prove: (stack) => ({ scriptSig: none, witness: witnessOf(stack) }),
    }
  }
  return {
    scriptPubKey: createScriptHashScript(hash160(inner)),
    prove: (stack) => ({ scriptSig: pushData(inner), witness: witnessOf(stack) }),
  }
}

function createUnsigned(fields: Pick<Plan, 'version' | 'lockTime' | 'sequence'>): Transaction {
  return {
    version: fields.version,
    inputs: [
      {
        prevout: { txid: new Uint8Array(32).fill(9) as Txid, vout: 1 },
        scriptSig: new Uint8Array(),
        sequence: fields.sequence,
        witness: [],
      },
    ],
    outputs: [{ value: 1_000n, scriptPubKey: Uint8Array.of(0x51) }],
    lockTime: fields.lockTime,
  }
}

function withProof(tx: Transaction, proof: ReturnType<Wrapped['prove']>): Transaction {
  return { ...tx, inputs: tx.inputs.map((input) => ({ ...input, ...proof })) }
}

/** Spends an output of a kind by a program that finds values on the stack. */
export function spendProgram(
  kind: SpendKind,
  program: Uint8Array,
  stack: readonly Uint8Array[],
): GeneratedSpend {
  const { scriptPubKey, prove } = wrap(kind, program)
  const unsigned = createUnsigned({ version: 2, lockTime: 0, sequence: SEQUENCE_FINAL })
  const spentOutputs = [{ value: VALUE, scriptPubKey }]
  return { kind, program, tx: withProof(unsigned, prove(stack)), spentOutputs }
}

function create(made: Plan): GeneratedSpend {
  const { kind, spoil, where, flip } = made
  const assembled = assemble(made)
  const program = spoil === 'program' ? flipByte(assembled.program, where, flip) : assembled.program
  const { scriptPubKey, prove } = wrap(kind, program)
  const spentOutputs = [{ value: VALUE, scriptPubKey }]
  const unsigned = createUnsigned(made)
  // The alternative stack gives back what came last.
  const signatures = assembled.wishes.map((wish) =>
    sign(unsigned, spentOutputs, kind, program, wish),
  )
  const stack = spoil === 'extra' ? [Uint8Array.of(flip), ...signatures] : [...signatures]
  if (spoil === 'stack' && stack[0] !== undefined) stack[0] = flipByte(stack[0], where, flip)
  const proof = prove(stack)
  if (spoil === 'wrapper') {
    if (proof.witness.length > 0) {
      const at = where % proof.witness.length
      proof.witness[at] = flipByte(proof.witness[at] ?? new Uint8Array(), where, flip)
    } else proof.scriptSig = flipByte(proof.scriptSig, where, flip)
  }
  return { kind, program, tx: withProof(unsigned, proof), spentOutputs }
}

/** Spends of all kinds; some half of them are valid under the rules of consensus. */
export const generatedSpend: fc.Arbitrary<GeneratedSpend> = plan.map(create)
