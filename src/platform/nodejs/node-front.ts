/** @module What the HTTP server asks of a node, from before the node is there. */

import type { QuarryNode } from '../../node/index.ts'
import { createDispatcher, type Dispatcher, type RestApi } from '../../rpc/index.ts'
import type { Clock, Logger } from '../../util/index.ts'
import type { HttpServerDeps, Readiness } from './http-server.ts'

/** What a front works with. */
export interface NodeFrontDeps {
  readonly clock: Clock
  readonly log: Logger
}

/** Answers for a node that is starting, with -28 and what it is at, then hands on to it. */
export class NodeFront {
  readonly #deps: NodeFrontDeps
  readonly #warmup: Dispatcher
  #status = 'RPC server started'
  #node: QuarryNode | undefined

  constructor(deps: NodeFrontDeps) {
    this.#deps = deps
    this.#warmup = createDispatcher<undefined>({
      ...deps,
      methods: [],
      context: undefined,
      warmupStatus: () => this.#status,
    })
  }

  /** Says what the start is at. */
  setStatus(status: string): void {
    this.#status = status
  }

  /** Hands on to the node from now on. */
  open(node: QuarryNode): void {
    this.#node = node
  }

  /** @param hasRest - Whether whoever has no password may read the chain. */
  toServerDeps(hasRest: boolean): HttpServerDeps {
    return {
      ...this.#deps,
      dispatcher: {
        handleText: (text, call) => (this.#node?.rpc ?? this.#warmup).handleText(text, call),
      },
      readiness: () => this.#readiness(),
      events: () => this.#node?.events,
      rest: hasRest ? this.#rest() : undefined,
    }
  }

  #readiness(): Readiness {
    const node = this.#node
    if (node === undefined) return { isReady: false, reasons: [this.#status] }
    const reasons = [...(node.isReady ? [] : ['not level with peers yet']), ...node.warnings]
    return { isReady: reasons.length === 0, reasons }
  }

  #rest(): RestApi {
    return {
      handle: async (request) => {
        if (this.#node !== undefined) return this.#node.rest.handle(request)
        const body = `Service temporarily unavailable: ${this.#status}\r\n`
        return { status: 503, contentType: 'text/plain', body }
      },
    }
  }
}
