/** @module The layer between transports and libp2p that does what the rules for faults say. */

import {
  type Connection,
  type ConnectionGater,
  type CreateListenerOptions,
  type DialTransportOptions,
  type PeerId as Libp2pPeerId,
  type Listener,
  type MultiaddrConnection,
  type Transport,
  transportSymbol,
  type Upgrader,
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '../sync/index.ts'
import { assertInvariant, type Clock, type Logger, type RandomSource } from '../util/index.ts'
import {
  ANY_PEER,
  type FaultControls,
  type FaultRule,
  type Faults,
  MAX_FAULT_RULES,
  NO_FAULTS,
} from './fault-controls.ts'
import { FaultyConnection } from './faulty-connection.ts'
import type { TransportFactory } from './libp2p-node.ts'
import { peerIdOf } from './parse-address.ts'

/** What the layer needs. */
export interface FaultLayerDeps {
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
}

/**
 * Faults are by peer, but a raw connection comes before its peer's identity. A dialled address names the peer; for
 * all others the gater does, which libp2p asks as soon as the connection is encrypted. Until then the faults of
 * everybody apply. So whoever is blocked is refused when dialled, when encrypted, and cut if connected.
 */
export class FaultLayer implements FaultControls {
  readonly #deps: FaultLayerDeps
  readonly #connections = new Set<FaultyConnection>()
  #rules: ReadonlyMap<PeerId, FaultRule> = new Map()
  #onChange: () => void = () => undefined

  constructor(deps: FaultLayerDeps) {
    this.#deps = deps
  }

  rules(): readonly FaultRule[] {
    return [...this.#rules.values()]
  }

  setRules(rules: readonly FaultRule[]): void {
    assertInvariant(rules.length <= MAX_FAULT_RULES, 'the rules have a bound')
    this.#rules = new Map(rules.map((rule) => [rule.peer, rule]))
    const open = [...this.#connections].filter(({ status }) => status === 'open')
    for (const connection of open) connection.applyFaults()
    this.#deps.log.info('Faults on purpose changed', {
      rules: this.#rules.size,
      blocked: rules.filter(({ isBlocked }) => isBlocked).length,
      connectionsCut: open.filter(({ status }) => status !== 'open').length,
    })
    this.#onChange()
  }

  /** Has somebody called after each change. */
  onChange(listener: () => void): void {
    this.#onChange = listener
  }

  /** Puts the layer into a transport. */
  wrapTransport(create: TransportFactory): TransportFactory {
    return (components) => new FaultyTransport(create(components), (raw) => this.#wrap(raw))
  }

  /** Has a gater refuse whoever is blocked, too. */
  wrapGater(gater: ConnectionGater): ConnectionGater {
    return {
      ...gater,
      denyDialPeer: async (id) => this.#isBlocked(id) || (await gater.denyDialPeer?.(id)) === true,
      denyInboundEncryptedConnection: async (id, raw) =>
        this.#identify(id, raw) || (await gater.denyInboundEncryptedConnection?.(id, raw)) === true,
      denyOutboundEncryptedConnection: async (id, raw) =>
        this.#identify(id, raw) ||
        (await gater.denyOutboundEncryptedConnection?.(id, raw)) === true,
    }
  }

  #faultsOf(peer: PeerId | undefined): Faults {
    const rule = peer === undefined ? undefined : this.#rules.get(peer)
    return rule ?? this.#rules.get(ANY_PEER) ?? NO_FAULTS
  }

  #isBlocked(id: Libp2pPeerId): boolean {
    return this.#faultsOf(id.toString()).isBlocked
  }

  /** @returns Whether to refuse. */
  #identify(id: Libp2pPeerId, raw: MultiaddrConnection): boolean {
    if (raw instanceof FaultyConnection) raw.identify(id.toString())
    return this.#isBlocked(id)
  }

  #wrap(raw: MultiaddrConnection): FaultyConnection {
    const { clock, random } = this.#deps
    const named = peerIdOf(raw.remoteAddr)
    const faultsOf = (peer: PeerId | undefined): Faults => this.#faultsOf(peer)
    const connection = new FaultyConnection(raw, { clock, random, faultsOf }, named)
    this.#connections.add(connection)
    void connection.closed.then(() => this.#connections.delete(connection))
    return connection
  }
}

type Wrap = (raw: MultiaddrConnection) => MultiaddrConnection

/** A transport whose connections are wrapped before libp2p upgrades them. */
class FaultyTransport implements Transport {
  readonly [transportSymbol] = true
  readonly #inner: Transport
  readonly #wrap: Wrap

  constructor(inner: Transport, wrap: Wrap) {
    this.#inner = inner
    this.#wrap = wrap
  }

  /** By this libp2p tells transports apart. */
  get [Symbol.toStringTag](): string {
    return this.#inner[Symbol.toStringTag]
  }

  dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    return this.#inner.dial(address, { ...options, upgrader: this.#wrapUpgrader(options.upgrader) })
  }

  createListener(options: CreateListenerOptions): Listener {
    return this.#inner.createListener({
      ...options,
      upgrader: this.#wrapUpgrader(options.upgrader),
    })
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.#inner.listenFilter(addresses)
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.#inner.dialFilter(addresses)
  }

  #wrapUpgrader(upgrader: Upgrader): Upgrader {
    const wrap = this.#wrap
    return {
      // Each has two signatures, which differ in options alone; those pass through as they are.
      upgradeOutbound: (raw: MultiaddrConnection, options: never) =>
        upgrader.upgradeOutbound(wrap(raw), options),
      upgradeInbound: (raw: MultiaddrConnection, options: never) =>
        upgrader.upgradeInbound(wrap(raw), options),
      createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
      getStreamMuxers: () => upgrader.getStreamMuxers(),
      getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
    }
  }
}
