/** @module A running node as `quarry mine` sees it: what to mine on, and where blocks go. */

import { join } from 'node:path'
import * as z from 'zod'
import { type BlockTemplate, MiningError } from '../../mining/index.ts'
import { type Block, encodeBlock } from '../../primitives/index.ts'
import type { JsonValue, RpcParams } from '../../rpc/index.ts'
import {
  type CancelSignal,
  type Clock,
  encodeHex,
  Mutex,
  sleep,
  toErrorMessage,
} from '../../util/index.ts'
import { COOKIE_FILE, readCookie, readRpcEndpoint } from './cookie.ts'
import { readTemplate, TEMPLATE_REQUEST } from './remote-template.ts'
import { callRpc, DEFAULT_RPC_URL } from './rpc-client.ts'

/** How often the tip is asked for: a block of somebody else's goes unnoticed for this long at most. */
const TIP_INTERVAL_MS = 200
/** How old a template gets while the tip stays: fresh time, and what the mempool has gained. */
const TEMPLATE_AGE_MS = 1_000
/** How long a node that does not answer is left alone. */
const RETRY_INTERVAL_MS = 1_000
const CALL_TIMEOUT_MS = 20_000

const headerSchema = z.object({ time: z.int().min(0) })
const parentSchema = z.object({ previousblockhash: z.string() })

/** Where the node is. */
export interface RemoteNodeOptions {
  /** `<datadir>/<rpcChain>` of the node: its cookie, and its address unless `url` is given. */
  readonly directory: string
  readonly url?: string | undefined
  /**
   * Seconds that a block must be later than the one before; 0 where difficulty sets the pace. Else blocks would
   * come without end where it never moves.
   */
  readonly minSpacingSeconds: number
}

/** What the node has done. */
export interface RemoteNodeEvents {
  /** There is other work, or none any more. */
  readonly onTemplate: () => void
  /** It answers again, or does not, and why. */
  readonly onConnection: (problem: string | undefined) => void
}

/** Keeps the template of a node fresh, and submits blocks to it. */
export class RemoteNode {
  readonly #options: RemoteNodeOptions
  readonly #events: RemoteNodeEvents
  readonly #clock: Clock
  #template: BlockTemplate | undefined
  readonly #turn = new Mutex()
  #tip = ''
  #tipTime = 0
  #fetchedMs = 0
  #problem: string | undefined

  constructor(options: RemoteNodeOptions, events: RemoteNodeEvents, clock: Clock) {
    this.#options = options
    this.#events = events
    this.#clock = clock
  }

  /** The template to mine on now, if the node has one and it is time for a block. */
  get template(): BlockTemplate | undefined {
    const template = this.#template
    const { minSpacingSeconds } = this.#options
    const isPaced = template !== undefined && template.time < template.prevTime + minSpacingSeconds
    return isPaced ? undefined : template
  }

  /** Why the node does not answer, if it does not. */
  get problem(): string | undefined {
    return this.#problem
  }

  /**
   * Fetches the first template.
   *
   * @throws {@link RpcClientError} if the node cannot be reached, {@link RpcError} if it has no template.
   */
  async open(): Promise<void> {
    await this.#update()
  }

  /** Follows the node until the signal is aborted. Survives a node that goes away. */
  async follow(signal: CancelSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#update()
        this.#setProblem(undefined)
      } catch (error) {
        this.#template = undefined
        this.#tip = ''
        this.#setProblem(toErrorMessage(error))
        this.#events.onTemplate()
      }
      const delayMs = this.#problem === undefined ? TIP_INTERVAL_MS : RETRY_INTERVAL_MS
      await sleep(this.#clock, delayMs, signal).catch(() => undefined)
    }
  }

  /**
   * Hands a block in, and then fetches what there is to mine after it.
   *
   * @throws {@link MiningError} `block-refused` with the node's reason if it does not take the block.
   * @throws {@link RpcClientError} if the node does not answer.
   */
  async submit(block: Block): Promise<void> {
    const reason = await this.#call('submitblock', [encodeHex(encodeBlock(block))])
    if (reason !== null) throw new MiningError('block-refused', String(reason))
    // If the node has gone since, whoever follows it notices.
    await this.#update().catch(() => undefined)
  }

  /** One at a time, so that an older answer never replaces a newer one. */
  #update(): Promise<void> {
    return this.#turn.run(async () => {
      const tip = await this.#call('getbestblockhash', [])
      const isFresh = this.#clock.monotonic() - this.#fetchedMs < TEMPLATE_AGE_MS
      if (tip === this.#tip && isFresh) return
      const answer = await this.#call('getblocktemplate', [TEMPLATE_REQUEST])
      const { previousblockhash: parent } = parentSchema.parse(answer)
      if (parent !== this.#tip) {
        this.#tipTime = headerSchema.parse(await this.#call('getblockheader', [parent])).time
      }
      this.#template = readTemplate(answer, this.#tipTime)
      this.#tip = parent
      this.#fetchedMs = this.#clock.monotonic()
      this.#events.onTemplate()
    })
  }

  async #call(method: string, params: RpcParams): Promise<JsonValue> {
    const { directory, url } = this.#options
    // Read anew each time: a node that was started again has another cookie, and perhaps another port.
    const auth = await readCookie(join(directory, COOKIE_FILE))
    const address = url ?? (await readRpcEndpoint(directory))?.url ?? DEFAULT_RPC_URL
    return callRpc({ url: address, auth, method, params, timeoutMs: CALL_TIMEOUT_MS })
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return
    this.#problem = problem
    this.#events.onConnection(problem)
  }
}
