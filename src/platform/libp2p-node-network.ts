/** @module The network of a node over libp2p, on the transports that a runtime has. */

import type { CreateNodeNetwork, SecretStore } from '../node/index.ts'
import {
  createLibp2pNetwork,
  FaultLayer,
  generateIdentity,
  isIdentity,
  type Libp2pNetworkDeps,
} from '../p2p/index.ts'
import { ConfigError, type RandomSource } from '../util/index.ts'

/** What differs between runtimes. */
export type RuntimeTransports = Pick<Libp2pNetworkDeps, 'transports' | 'peerDiscovery'>

/** @throws {@link ConfigError} `datadir-unusable` if the stored bytes are not a key. */
async function loadIdentity(secrets: SecretStore, random: RandomSource): Promise<Uint8Array> {
  const stored = await secrets.read('identity')
  if (stored === undefined) {
    const created = await generateIdentity(random)
    await secrets.write('identity', created)
    return created
  }
  if (isIdentity(stored)) return stored
  throw new ConfigError(
    'datadir-unusable',
    'identity.key in the data directory is damaged: restore it from a backup, or delete it to get a new peer id.',
  )
}

/** Makes the networks of nodes on these transports. */
export function createLibp2pNodeNetwork(runtime: RuntimeTransports): CreateNodeNetwork {
  return async ({ clock, random, log: source, secrets, stores }, options) => {
    const log = source.child('p2p')
    const faults = options.hasDevFaults ? new FaultLayer({ clock, random, log }) : undefined
    const privateKey = await loadIdentity(secrets, random)
    return createLibp2pNetwork(
      { ...runtime, privateKey, faults, clock, random, log, stores },
      options,
    )
  }
}
