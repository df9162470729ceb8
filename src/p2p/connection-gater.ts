/** @module The hooks that libp2p asks before a connection counts. */

import type {
  ConnectionGater,
  PeerId as Libp2pPeerId,
  MultiaddrConnection,
} from '@libp2p/interface'
import type { BanList } from './ban-list.ts'
import { P2pError } from './p2p-error.ts'
import { PendingInbound } from './pending-inbound.ts'

/**
 * Refuses whoever is banned, and everybody while the network is off. Addresses are refused before anything is read
 * from them; a peer's id is known once the connection is encrypted, and the dialler of one that is refused then sees it
 * close.
 */
export function createConnectionGater(bans: BanList, isActive: () => boolean): ConnectionGater {
  const denyPeer = (id: Libp2pPeerId): boolean => !isActive() || bans.isBanned(id.toString())
  const denyConnection = ({ remoteAddr }: MultiaddrConnection): boolean =>
    !isActive() || bans.isAddressBanned(remoteAddr.toString())
  const pending = new PendingInbound<MultiaddrConnection>((connection) =>
    connection.abort(new P2pError('too-many-peers', 'too slow to say who it is')),
  )
  const denyInbound = (connection: MultiaddrConnection): boolean => {
    if (denyConnection(connection)) return true
    pending.add(connection)
    connection.addEventListener('close', () => pending.remove(connection))
    return false
  }
  return {
    denyDialPeer: denyPeer,
    // The browser build of libp2p would refuse loopback and private addresses, which a devnet lives on.
    denyDialMultiaddr: (address) => bans.isAddressBanned(address.toString()),
    denyInboundConnection: denyInbound,
    denyInboundEncryptedConnection: (id, connection) => {
      pending.remove(connection)
      return denyPeer(id)
    },
    // A name leads to an address that nobody has looked at yet.
    denyOutboundEncryptedConnection: (id, connection) => denyPeer(id) || denyConnection(connection),
  }
}
