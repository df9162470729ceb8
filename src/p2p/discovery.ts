/** @module Looking for peers: the exchange of addresses, and the connect loop on what it has brought. */

import type { Connection, PrivateKey } from '@libp2p/interface'
import type { KeyValueStore, RandomSource } from '../util/index.ts'
import { AddrProtocol } from './addr-protocol.ts'
import type { AddressBook } from './address-book.ts'
import type { Node } from './libp2p-node.ts'
import { MAX_STREAMS_PER_PROTOCOL, paceOf } from './limits.ts'
import type { NetworkContext } from './network-context.ts'
import { Outbound, type OutboundDeps } from './outbound.ts'
import type { Peer } from './peer-table.ts'

/** What discovery works with. */
export interface DiscoveryDeps
  extends Pick<OutboundDeps, 'limits' | 'isActive' | 'dial' | 'feel' | 'book'> {
  readonly context: NetworkContext
  readonly node: Node
  readonly book: AddressBook
  readonly privateKey: PrivateKey
  readonly random: RandomSource
  readonly anchorStore: KeyValueStore | undefined
  /** On loopback alone, where all pauses are short. */
  readonly isDevnet: boolean
  whenPeer(connection: Connection): Promise<Peer>
}

/** Discovery in one running network. */
export class Discovery {
  readonly #deps: DiscoveryDeps
  readonly #addr: AddrProtocol
  readonly #outbound: Outbound

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps
    const pace = paceOf(deps.isDevnet)
    const addresses = (): readonly string[] =>
      deps.node.getMultiaddrs().map((address) => address.toString())
    this.#addr = new AddrProtocol({ ...deps, pace, addresses })
    this.#outbound = new Outbound({ ...deps, pace, addr: this.#addr })
  }

  /** Answers who asks. To be called before any connection exists. */
  async register(): Promise<void> {
    const { node, context } = this.#deps
    await node.handle(context.names.addrProtocol, (s, c) => this.#addr.serve(s, c), {
      maxInboundStreams: MAX_STREAMS_PER_PROTOCOL,
      maxOutboundStreams: MAX_STREAMS_PER_PROTOCOL,
    })
  }

  /** Begins to dial. */
  start(): Promise<void> {
    return this.#outbound.start()
  }

  /** Whether there is anybody to be dialled. */
  get hasCandidates(): boolean {
    return this.#deps.book.size > 0 || this.#outbound.hasAnchors
  }

  /** Settles when what was learnt is stored. */
  async stop(): Promise<void> {
    await this.#outbound.stop()
    await this.#deps.book.flush()
  }
}
