/** @module The peers, one by one and counted. */

import * as z from 'zod'
import { type Chain, findForkPoint, toUnixSeconds } from '../../chain/index.ts'
import { toDisplayHex } from '../../primitives/index.ts'
import type { PeerInfo } from '../../sync/index.ts'
import { btcAmount } from '../btc-amount.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { PROTOCOL_VERSION, SERVICE_NAMES, SERVICES_HEX } from './node-identity.ts'
import { nameNetwork, toHostPortText } from './peer-address.ts'

const MS_PER_SECOND = 1_000
/** What Bitcoin Core says of a height that it does not know. */
const UNKNOWN_HEIGHT = -1
/** What a peer calls itself may have these characters; others are dropped. @see Bitcoin Core `SAFE_CHARS_DEFAULT` */
const UNSAFE_CHARACTERS = /[^a-zA-Z0-9 .,;\-_/:?@()]/g

const PEER_SCHEMA = z.object({
  id: z.number().describe('Counts up from 0 with each peer that connects.'),
  addr: z.string().describe('Its address, host:port.'),
  network: z.string().describe('ipv4, ipv6 or not_publicly_routable.'),
  services: z.string().describe('What it serves, as bits in hexadecimal.'),
  servicesnames: z.array(z.string()).describe('What it serves, by name.'),
  relaytxes: z.boolean().describe('Whether it wants transactions.'),
  lastsend: z.number().describe('When we last sent something, Unix seconds; 0 if never.'),
  lastrecv: z.number().describe('When we last received something, Unix seconds; 0 if never.'),
  last_transaction: z
    .number()
    .describe(
      'When it last brought a transaction that was new and valid, Unix seconds; 0 if never.',
    ),
  last_block: z
    .number()
    .describe('When it last brought a block that was new and valid, Unix seconds; 0 if never.'),
  bytessent: z.number().describe('Bytes sent.'),
  bytesrecv: z.number().describe('Bytes received.'),
  conntime: z.number().describe('When it was connected, Unix seconds.'),
  timeoffset: z.number().describe('0: not measured.'),
  pingtime: z.number().optional().describe('Seconds that the last ping took, if any.'),
  minping: z.number().optional().describe('Seconds that the shortest ping took, if any.'),
  version: z.number().describe("The version of Bitcoin's protocol that goes with ours."),
  subver: z.string().describe('How the peer calls itself.'),
  inbound: z.boolean().describe('Whether it dialled us.'),
  bip152_hb_to: z.boolean().describe('Whether we asked it for compact blocks.'),
  bip152_hb_from: z.boolean().describe('Whether it asked us for compact blocks.'),
  startingheight: z.number().describe('The height that it claimed when it connected.'),
  presynced_headers: z.number().describe('-1: not in use.'),
  synced_headers: z.number().describe('The height of its tip, if we know that block; else -1.'),
  synced_blocks: z.number().describe('The height of the last block in common, if known; else -1.'),
  inflight: z.array(z.number()).describe('Heights of blocks that it was asked for.'),
  addr_relay_enabled: z.boolean().describe('Whether addresses are exchanged.'),
  addr_processed: z.number().describe('Addresses of its that were taken.'),
  addr_rate_limited: z.number().describe('Addresses of its that there was no room for.'),
  permissions: z.array(z.string()).describe('Special permissions.'),
  minfeefilter: z.number().describe('The least fee that it wants to hear of.'),
  bytessent_per_msg: z.record(z.string(), z.number()).describe('Bytes sent, by message.'),
  bytesrecv_per_msg: z.record(z.string(), z.number()).describe('Bytes received, by message.'),
  connection_type: z.string().describe('inbound, outbound-full-relay, or manual: we were told to.'),
  transport_protocol_type: z.string().describe('libp2p.'),
  session_id: z.string().describe('Empty: not in use.'),
  quarry_peer_id: z.string().describe('Its libp2p peer id.'),
  quarry_address: z.string().describe('Its multiaddr.'),
  quarry_blocks_first: z.number().describe('Blocks that it was the first to bring, or to tell of.'),
  quarry_block_delay: z
    .number()
    .optional()
    .describe('Median seconds by which it was behind the first with the last blocks, if it was.'),
  quarry_last_ban_reason: z.string().optional().describe('Why it was banned last, if it was.'),
})

function findSyncedHeights(chain: Chain, { status }: PeerInfo) {
  const entry = chain.getEntry(toDisplayHex(status.tipHash))
  if (entry === undefined) return { synced_headers: UNKNOWN_HEIGHT, synced_blocks: UNKNOWN_HEIGHT }
  const common = findForkPoint(entry, chain.tip)?.height ?? UNKNOWN_HEIGHT
  return { synced_headers: entry.height, synced_blocks: common }
}

function toSeconds(timeMs: number | undefined): number {
  return timeMs === undefined ? 0 : toUnixSeconds(timeMs)
}

/** A duration in seconds. */
function toSecondsOrNone(durationMs: number | undefined): number | undefined {
  return durationMs === undefined ? undefined : durationMs / MS_PER_SECOND
}

function describePeer(
  peer: PeerInfo,
  { peers, chain, blocksInFlight, blockPropagation }: RpcContext,
) {
  const details = peers.details(peer.id)
  const { firstCount, medianDelayMs } = blockPropagation(peer.id)
  const isInbound = peer.direction === 'inbound'
  return {
    id: peer.number,
    addr: toHostPortText(peer.address),
    network: nameNetwork(peer.address),
    services: SERVICES_HEX,
    servicesnames: SERVICE_NAMES,
    relaytxes: true,
    lastsend: toSeconds(peer.lastSendMs),
    lastrecv: toSeconds(peer.lastReceiveMs),
    last_transaction: toSeconds(peer.lastTransactionMs),
    last_block: toSeconds(peer.lastBlockMs),
    bytessent: peer.bytesSent,
    bytesrecv: peer.bytesReceived,
    conntime: toUnixSeconds(peer.connectedAtMs),
    timeoffset: 0,
    pingtime: toSecondsOrNone(peer.pingMs),
    minping: toSecondsOrNone(details?.minPingMs),
    version: PROTOCOL_VERSION,
    subver: peer.status.userAgent.replace(UNSAFE_CHARACTERS, ''),
    inbound: isInbound,
    bip152_hb_to: false,
    bip152_hb_from: false,
    startingheight: peer.startingHeight,
    presynced_headers: UNKNOWN_HEIGHT,
    ...findSyncedHeights(chain, peer),
    inflight: blocksInFlight(peer.id),
    addr_relay_enabled: details?.exchangesAddresses ?? false,
    addr_processed: details?.addressesProcessed ?? 0,
    addr_rate_limited: details?.addressesRefused ?? 0,
    permissions: [],
    minfeefilter: btcAmount(0n),
    bytessent_per_msg: details?.bytesSentByMessage ?? {},
    bytesrecv_per_msg: details?.bytesReceivedByMessage ?? {},
    connection_type: details?.connectionType ?? (isInbound ? 'inbound' : 'outbound-full-relay'),
    transport_protocol_type: 'libp2p',
    session_id: '',
    quarry_peer_id: peer.id,
    quarry_address: peer.address,
    quarry_blocks_first: firstCount,
    quarry_block_delay: toSecondsOrNone(medianDelayMs),
    quarry_last_ban_reason: details?.lastBanReason,
  }
}

/** `getpeerinfo` */
export const getPeerInfo = defineMethod({
  name: 'getpeerinfo',
  category: 'network',
  summary: 'Lists the peers.',
  params: [],
  result: { schema: z.array(PEER_SCHEMA) },
  examples: [[]],
  handler: (context: RpcContext) =>
    context.network.peers().map((peer) => describePeer(peer, context)),
})

/** `getconnectioncount` */
export const getConnectionCount = defineMethod({
  name: 'getconnectioncount',
  category: 'network',
  summary: 'Tells how many peers there are.',
  params: [],
  result: { schema: z.number(), description: 'The number of peers.' },
  examples: [[]],
  handler: ({ network }: RpcContext) => network.peers().length,
})

/** `getnettotals` */
export const getNetTotals = defineMethod({
  name: 'getnettotals',
  category: 'network',
  summary: 'Tells how many bytes have gone to peers and come from them since the start.',
  params: [],
  result: {
    schema: z.object({
      totalbytesrecv: z.number().describe('Bytes received.'),
      totalbytessent: z.number().describe('Bytes sent.'),
      timemillis: z.number().describe('The time now, in milliseconds since the Unix epoch.'),
      uploadtarget: z.object({
        timeframe: z.number().describe('Seconds that the limit is for.'),
        target: z.number().describe('The limit in bytes; 0 for none.'),
        target_reached: z.boolean().describe('Whether it is reached.'),
        serve_historical_blocks: z.boolean().describe('Whether old blocks are served.'),
        bytes_left_in_cycle: z.number().describe('Bytes left.'),
        time_left_in_cycle: z.number().describe('Seconds left.'),
      }),
    }),
  },
  examples: [[]],
  handler: ({ peers, clock }: RpcContext) => {
    const { bytesSent, bytesReceived } = peers.totals()
    return {
      totalbytesrecv: bytesReceived,
      totalbytessent: bytesSent,
      timemillis: clock.now(),
      uploadtarget: {
        timeframe: 86_400,
        target: 0,
        target_reached: false,
        serve_historical_blocks: true,
        bytes_left_in_cycle: 0,
        time_left_in_cycle: 0,
      },
    }
  },
})
