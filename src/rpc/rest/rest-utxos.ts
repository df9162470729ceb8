/** @module REST on unspent outputs. @see BIP-0064 for the binary form */

import type { Coin } from '../../consensus/index.ts'
import {
  fromDisplayHex,
  HASH_SIZE,
  type OutPoint,
  type Txid,
  toDisplayHex,
  writeTxOut,
} from '../../primitives/index.ts'
import { ByteReader, ByteWriter, DecodeError, decodeHex, isHex } from '../../util/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { describeOutputScript } from '../methods/script-json.ts'
import type { RpcContext } from '../rpc-context.ts'
import { RestError, type RestFormat, type RestResource } from './rest-reply.ts'

/** @see Bitcoin Core `MAX_GETUTXOS_OUTPOINTS` */
export const MAX_REST_OUTPOINTS = 15
/** The height of what waits in the mempool. @see Bitcoin Core `MEMPOOL_HEIGHT` */
const MEMPOOL_HEIGHT = 0x7fff_ffff
const UINT32_MAX = 0xffff_ffff
/** Of a question in hexadecimal: more than {@link MAX_REST_OUTPOINTS} take. */
const MAX_HEX_BODY_SIZE = 2_048
const BITS_PER_BYTE = 8

interface UtxoQuestion {
  readonly outPoints: readonly OutPoint[]
  readonly includesMempool: boolean
}

function readOutPoint(text: string): OutPoint {
  const [, txid = '', vout = ''] = /^([0-9a-fA-F]{64})-(\d{1,10})$/.exec(text) ?? []
  if (txid === '' || Number(vout) > UINT32_MAX) throw new RestError(400, 'Parse error')
  return { txid: fromDisplayHex<Txid>(txid.toLowerCase()), vout: Number(vout) }
}

function readPath(subject: string): UtxoQuestion {
  const parts = subject.split('/').filter((part) => part !== '')
  const includesMempool = parts[0] === 'checkmempool'
  const outPoints = parts.slice(includesMempool ? 1 : 0).map(readOutPoint)
  return { outPoints, includesMempool }
}

function decodeQuestion(bytes: Uint8Array): UtxoQuestion {
  const reader = new ByteReader(bytes)
  const includesMempool = reader.readUint8() !== 0
  const count = reader.readCompactSize(Number.MAX_SAFE_INTEGER)
  checkCount(count)
  const outPoints = Array.from({ length: count }, () => ({
    txid: reader.readBytes(HASH_SIZE) as Txid,
    vout: reader.readUint32(),
  }))
  return { outPoints, includesMempool }
}

function checkCount(count: number): void {
  if (count <= MAX_REST_OUTPOINTS) return
  const message = `Error: max outpoints exceeded (max: ${MAX_REST_OUTPOINTS}, tried: ${count})`
  throw new RestError(400, message)
}

/** The body's question in bytes: they may come in hexadecimal. */
function toBinary(body: Uint8Array, format: RestFormat | undefined): Uint8Array {
  if (format !== 'hex') return body
  const text = String.fromCharCode(...body.subarray(0, MAX_HEX_BODY_SIZE)).trim()
  if (!isHex(text)) throw new RestError(400, 'Parse error')
  return decodeHex(text)
}

function readQuestion(
  subject: string,
  format: RestFormat | undefined,
  body: Uint8Array,
): UtxoQuestion {
  const question = readPath(subject)
  if (body.length === 0 || format === 'json') {
    if (question.outPoints.length === 0) throw new RestError(400, 'Error: empty request')
    checkCount(question.outPoints.length)
    return question
  }
  if (question.outPoints.length > 0) {
    const message = 'Combination of URI scheme inputs and raw post data is not allowed'
    throw new RestError(400, message)
  }
  try {
    return decodeQuestion(toBinary(body, format))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new RestError(400, 'Parse error', { cause: error })
  }
}

async function readCoins(
  { chain, mempool }: RpcContext,
  { outPoints, includesMempool }: UtxoQuestion,
) {
  for (;;) {
    const { tip } = chain
    const confirmed = await chain.readCoins(outPoints)
    // If the tip has moved meanwhile, nobody knows to which of the two they belong.
    if (chain.tip !== tip) continue
    const coins = outPoints.map((outPoint, i): Coin | undefined => {
      if (!includesMempool) return confirmed[i]
      if (mempool.getSpender(outPoint) !== undefined) return undefined
      const waiting = mempool.get(toDisplayHex(outPoint.txid))?.tx.outputs[outPoint.vout]
      if (waiting === undefined) return confirmed[i]
      return { output: waiting, height: MEMPOOL_HEIGHT, isCoinbase: false }
    })
    return { tip, coins }
  }
}

function toBitmap(coins: readonly (Coin | undefined)[]): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(coins.length / BITS_PER_BYTE))
  coins.forEach((coin, i) => {
    const at = Math.floor(i / BITS_PER_BYTE)
    if (coin !== undefined) bitmap[at] = (bitmap[at] ?? 0) | (1 << (i % BITS_PER_BYTE))
  })
  return bitmap
}

/** `/rest/getutxos/checkmempool/<txid>-<n>/…` */
export async function findUtxos(
  context: RpcContext,
  subject: string,
  format: RestFormat | undefined,
  body: Uint8Array,
): Promise<RestResource> {
  const { tip, coins } = await readCoins(context, readQuestion(subject, format, body))
  const found = coins.filter((coin) => coin !== undefined)
  return {
    bin: () => {
      const writer = new ByteWriter()
        .writeUint32(tip.height)
        .writeBytes(tip.hash)
        .writeVarBytes(toBitmap(coins))
        .writeCompactSize(found.length)
      for (const { output, height } of found) {
        // The version of the transaction, which has not been kept for long.
        writer.writeUint32(0).writeUint32(height)
        writeTxOut(writer, output)
      }
      return writer.toBytes()
    },
    json: () => ({
      chainHeight: tip.height,
      chaintipHash: tip.hashHex,
      bitmap: coins.map((coin) => (coin === undefined ? '0' : '1')).join(''),
      utxos: found.map(({ output, height }) => ({
        height,
        value: btcAmount(output.value),
        scriptPubKey: describeOutputScript(output.scriptPubKey, context.params),
      })),
    }),
  }
}
