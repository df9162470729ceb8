import { describe, expect, it } from 'vitest'
import { FeeEstimator, type MempoolEntry, type MempoolEvents } from '../../../src/mempool/index.ts'
import { EventEmitter } from '../../../src/util/index.ts'

/** A chain that takes what pays enough at once, and the rest later. */
class Market {
  readonly events = new EventEmitter<MempoolEvents>()
  readonly estimator = new FeeEstimator(this.events)
  #height = 0
  #count = 0

  /** @param rate - Satoshis per 1,000 virtual bytes. */
  send(rate: number, parents = 0): MempoolEntry {
    const entry = {
      txid: `${this.#count++}`,
      fee: BigInt(rate),
      virtualSize: 1_000,
      height: this.#height,
      parents: new Set(Array.from({ length: parents }, (_, i) => i)),
    } as unknown as MempoolEntry
    this.events.emit('added', entry)
    return entry
  }

  mine(...confirmed: readonly MempoolEntry[]): void {
    this.#height += 1
    this.events.emit('blockPassed', this.#height)
    for (const entry of confirmed) this.events.emit('confirmed', entry)
  }
}

describe('FeeEstimator', () => {
  it('knows nothing before it has seen enough', () => {
    const market = new Market()
    expect(market.estimator.estimate(6, 'economical')).toBeUndefined()
    market.mine(market.send(5_000))
    expect(market.estimator.estimate(6, 'economical')).toBeUndefined()
  })

  it('asks for more the sooner it has to be', () => {
    const market = new Market()
    let waiting: MempoolEntry[] = []
    for (let round = 0; round < 20; round++) {
      const rich = [market.send(20_000), market.send(20_000)]
      const poor = [market.send(1_000), market.send(1_000)]
      market.mine(...rich)
      waiting.push(...poor)
      for (let i = 0; i < 5; i++) market.mine()
      market.mine(...waiting)
      waiting = []
    }
    for (const mode of ['economical', 'conservative'] as const) {
      expect(market.estimator.estimate(2, mode)).toBeCloseTo(20_000)
      expect(market.estimator.estimate(10, mode)).toBeCloseTo(1_000)
      expect(market.estimator.estimate(1_008, mode)).toBeCloseTo(1_000)
    }
  })

  it('is surer in the conservative mode', () => {
    const market = new Market()
    for (let round = 0; round < 20; round++) {
      const prompt = Array.from({ length: 9 }, () => market.send(2_000))
      const late = market.send(2_000)
      const rich = market.send(50_000)
      market.mine(...prompt, rich)
      for (let i = 0; i < 3; i++) market.mine()
      market.mine(late)
    }
    // Nine of ten made it in time.
    expect(market.estimator.estimate(2, 'economical')).toBeCloseTo(2_000)
    expect(market.estimator.estimate(2, 'conservative')).toBeCloseTo(50_000)
  })

  it('counts those that still wait, and those that never made it', () => {
    const market = new Market()
    for (let i = 0; i < 10; i++) market.mine(market.send(3_000))
    expect(market.estimator.estimate(2, 'economical')).toBeCloseTo(3_000)
    const stuck = Array.from({ length: 10 }, () => market.send(3_000))
    for (let i = 0; i < 4; i++) market.mine()
    expect(market.estimator.estimate(2, 'economical')).toBeUndefined()
    for (const entry of stuck) market.events.emit('dropped', { entry, reason: 'conflict' })
    expect(market.estimator.estimate(2, 'economical')).toBeUndefined()
    // They had waited no longer than that.
    expect(market.estimator.estimate(20, 'economical')).toBeCloseTo(3_000)
  })

  it('leaves out what waits for its parents', () => {
    const market = new Market()
    for (let i = 0; i < 10; i++) market.mine(market.send(9_000, 1))
    expect(market.estimator.estimate(2, 'economical')).toBeUndefined()
  })

  it('forgets', () => {
    const market = new Market()
    for (let i = 0; i < 10; i++) market.mine(market.send(3_000))
    for (let i = 0; i < 500; i++) market.mine()
    expect(market.estimator.estimate(2, 'economical')).toBeUndefined()
  })

  it('forgets those that a reorganisation confirmed or did away with', () => {
    const market = new Market()
    for (let round = 0; round < 10; round++) market.mine(market.send(1_000), market.send(1_000))
    expect(market.estimator.estimate(2, 'economical')).toBeCloseTo(1_000)
    for (const reason of ['block', 'reorg'] as const) {
      for (let i = 0; i < 10; i++) {
        market.events.emit('removed', { txid: market.send(1_000).txid, reason })
      }
    }
    for (let i = 0; i < 5; i++) market.mine()
    expect(market.estimator.estimate(2, 'economical')).toBeCloseTo(1_000)
  })
})
