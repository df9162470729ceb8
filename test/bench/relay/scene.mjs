/** The blocks that are relayed: on a short chain that confirms as many coins as their transactions need. */

const consensus = await import('../../../dist/consensus/index.js')
const primitives = await import('../../../dist/primitives/index.js')
const script = await import('../../../dist/script/index.js')
const { concatBytes } = await import('../../../dist/util/index.js')

const GENESIS_TIME = 1_700_000_000
/** What transactions of Bitcoin are about as large as, on the average. */
export const TRANSACTION_BYTES = 400
/** Of a transaction with one input, one output and no scripts to speak of. */
const BARE_TRANSACTION_BYTES = 72
const FEE = 1_000n
const OP_TRUE = Uint8Array.of(0x51)
const OP_RETURN = 0x6a
const NOTHING = new Uint8Array()

/** A chain on which work is free and coinbases can be spent at once. */
const SPEC = {
  version: 1,
  name: 'bench-relay',
  genesis: { time: GENESIS_TIME, bits: '207fffff' },
  retarget: { targetSpacingSeconds: 1, noRetargeting: true },
  coinbaseMaturityBlocks: 1,
}

export const params = consensus.createConsensusParams(consensus.parseChainSpec(SPEC))

function solve(header) {
  const { target } = consensus.decodeBits(header.bits)
  for (let nonce = 0; ; nonce++) {
    const solved = { ...header, nonce }
    const hash = primitives.computeBlockHash(solved)
    if (consensus.hashToNumber(hash) <= target) return { header: solved, hash }
  }
}

/** The next block on a parent: `{ header, hash, height }`, as this returns it. */
export function createBlock(parent, transactions) {
  const height = parent.height + 1
  const coinbase = {
    version: 2,
    inputs: [
      {
        prevout: { txid: primitives.ZERO_HASH, vout: primitives.NULL_VOUT },
        scriptSig: concatBytes(script.pushNumber(height), script.pushData(new Uint8Array(8))),
        sequence: primitives.SEQUENCE_FINAL,
        witness: [],
      },
    ],
    outputs: [{ value: consensus.computeSubsidy(height, params), scriptPubKey: OP_TRUE }],
    lockTime: 0,
  }
  const all = [coinbase, ...transactions]
  const { header, hash } = solve({
    version: 0x2000_0000,
    prevBlockHash: parent.hash,
    merkleRoot: consensus.computeBlockMerkleRoot(all).root,
    time: parent.header.time + 1,
    bits: parent.header.bits,
    nonce: 0,
  })
  return { block: { header, transactions: all }, header, hash, height }
}

function spend(tx, vout, outputs) {
  const prevout = { txid: primitives.computeTxid(tx), vout }
  const input = { prevout, scriptSig: NOTHING, sequence: primitives.SEQUENCE_FINAL, witness: [] }
  return { version: 2, inputs: [input], outputs, lockTime: 0 }
}

/** A chain, and so many transactions that can be mined on top of it, each as large as most are. */
export function createScene(count) {
  const genesis = { header: params.genesis.header, hash: params.genesisHash, height: 0 }
  const first = createBlock(genesis, [])
  const [coinbase] = first.block.transactions
  const value = (coinbase.outputs[0].value - FEE) / BigInt(count)
  const coins = Array.from({ length: count }, () => ({ value, scriptPubKey: OP_TRUE }))
  const fanOut = spend(coinbase, 0, coins)
  const second = createBlock(first, [fanOut])
  const ballast = new Uint8Array(TRANSACTION_BYTES - BARE_TRANSACTION_BYTES).fill(OP_RETURN)
  const transactions = coins.map((_, vout) =>
    spend(fanOut, vout, [
      { value: value - FEE, scriptPubKey: OP_TRUE },
      { value: 0n, scriptPubKey: ballast },
    ]),
  )
  return { blocks: [first, second], tip: second, transactions }
}
