/** @module A running node as `quarry mine` sees it: what to mine on, and where blocks go. */

import * as z from 'zod'
import { type BlockTemplate, MiningError } from '../../mining/index.ts'
import { type Block, encodeBlock } from '../../primitives/index.ts'
import type { JsonValue, RpcParams } from '../../rpc/index.ts'
import { type Clock, encodeHex, Mutex, sleep, toErrorMessage } from '../../util/index.ts'
import { type NodeAccess, readAccess } from './node-access.ts'
import { readTemplate, TEMPLATE_REQUEST } from './remote-template.ts'
import { callRpc, type RpcCallOptions } from './rpc-client.ts'

/**
 * How old a template gets while the tip stays: fresh time, and what the mempool has gained. Also how long a node
 * that does not answer is left alone.
 */
const TEMPLATE_AGE_MS = 1_000
const CALL_TIMEOUT_MS = 20_000
/** A node answers a long poll when there is a new tip, or new transactions after a minute; else it is asked again. */
const LONG_POLL_TIMEOUT_MS = 600_000

const headerSchema = z.object({ time: z.int().min(0) })
const parentSchema = z.object({
  previousblockhash: z.string(),
  longpollid: z.string().optional(),
})

/** Where the node is. */
export interface RemoteNodeOptions extends NodeAccess {
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

/** Keeps the template of a node fresh, by asking each second and by a long poll, and submits blocks to it. */
export class RemoteNode {
  readonly #options: RemoteNodeOptions
  readonly #events: RemoteNodeEvents
  readonly #clock: Clock
  #template: BlockTemplate | undefined
  readonly #turn = new Mutex()
  #tip = ''
  #tipTime = 0
  /** Names the template that is held; undefined without one, or where the node knows no long polling. */
  #longPollId: string | undefined
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
  async follow(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#keepFresh(signal), this.#awaitNews(signal)])
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

  async #keepFresh(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#update()
        this.#setProblem(undefined)
      } catch (error) {
        this.#template = undefined
        this.#tip = ''
        this.#longPollId = undefined
        this.#setProblem(toErrorMessage(error))
        this.#events.onTemplate()
      }
      await this.#pause(signal)
    }
  }

  /** Long polls, so that somebody else's block stops the work on its parent at once. @see BIP-0022 */
  async #awaitNews(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const longpollid = this.#longPollId
      try {
        if (longpollid === undefined) await this.#pause(signal)
        else {
          const request = { ...TEMPLATE_REQUEST, longpollid }
          const limits = { timeoutMs: LONG_POLL_TIMEOUT_MS, signal }
          await this.#call('getblocktemplate', [request], limits)
          // Fetched once more: this answer may be older than one that came meanwhile.
          await this.#update()
          // A node that answers without news would be asked without end.
          if (this.#longPollId === longpollid) await this.#pause(signal)
        }
      } catch {
        // Too many wait already, or the node is away, which is told of elsewhere.
        await this.#pause(signal)
      }
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return sleep(this.#clock, TEMPLATE_AGE_MS, signal).catch(() => undefined)
  }

  /** One at a time, so that an older answer never replaces a newer one. */
  #update(): Promise<void> {
    return this.#turn.run(async () => {
      const answer = await this.#call('getblocktemplate', [TEMPLATE_REQUEST])
      const { previousblockhash: parent, longpollid } = parentSchema.parse(answer)
      if (parent !== this.#tip) {
        this.#tipTime = headerSchema.parse(await this.#call('getblockheader', [parent])).time
      }
      this.#template = readTemplate(answer, this.#tipTime)
      this.#tip = parent
      this.#longPollId = longpollid
      this.#events.onTemplate()
    })
  }

  async #call(
    method: string,
    params: RpcParams,
    limits: Pick<RpcCallOptions, 'timeoutMs' | 'signal'> = { timeoutMs: CALL_TIMEOUT_MS },
  ): Promise<JsonValue> {
    return callRpc({ ...(await readAccess(this.#options)), method, params, ...limits })
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return
    this.#problem = problem
    this.#events.onConnection(problem)
  }
}
