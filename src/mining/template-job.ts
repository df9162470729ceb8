/** @module A template as a job: the local miner's own work. */

import { targetToBytes } from '../consensus/index.ts'
import type { BlockTemplate } from './block-template.ts'
import { createWorkUnit } from './coinbase.ts'
import type { Job, JobHit } from './job-manager.ts'
import type { Payout } from './payout.ts'
import type { WorkUnit } from './work-unit.ts'

/** Of templates; background jobs have less. */
export const TEMPLATE_PRIORITY = 10
/** Version bits that miners may use as they like. @see BIP-0320 */
export const ROLLED_VERSION_BITS = 0x1fff_e000
/**
 * A hash below this is told of although it makes no block, so that the best one is known: one in 2^24, a few
 * seconds of one worker.
 */
const NOTABLE_TARGET = 1n << 232n

/** How a template is turned into work. */
export interface TemplateJobOptions {
  /** Who gets subsidy and fees of a template. Asked once for each. */
  readonly payouts: (template: BlockTemplate) => readonly Payout[]
  /** Readable text in the coinbase. */
  readonly tag: string
  /** Whether to roll {@link ROLLED_VERSION_BITS}. */
  readonly isVersionRolled: boolean
}

/** Endless units of one template. */
export class TemplateJob implements Job {
  readonly priority = TEMPLATE_PRIORITY
  readonly template: BlockTemplate
  readonly #options: TemplateJobOptions
  readonly #payouts: readonly Payout[]
  readonly #onHit: (job: TemplateJob, hit: JobHit) => void

  constructor(
    template: BlockTemplate,
    options: TemplateJobOptions,
    onHit: (job: TemplateJob, hit: JobHit) => void,
  ) {
    this.template = template
    this.#options = options
    this.#payouts = options.payouts(template)
    this.#onHit = onHit
  }

  createUnit(id: number, extraNonce1: Uint8Array): WorkUnit {
    const { tag, isVersionRolled } = this.#options
    const payouts = this.#payouts
    const { target } = this.template
    const wishes = { id, priority: this.priority, payouts, tag, extraNonce1 }
    return {
      ...createWorkUnit(this.template, wishes),
      versionMask: isVersionRolled ? ROLLED_VERSION_BITS : 0,
      shareTarget: targetToBytes(target > NOTABLE_TARGET ? target : NOTABLE_TARGET),
    }
  }

  onHit(hit: JobHit): void {
    this.#onHit(this, hit)
  }
}
