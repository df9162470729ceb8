import { describe, expect, it } from 'vitest'
// biome-ignore lint/correctness/useImportExtensions: the module beside its types is what runs.
import { compareLastRun, parseHistory, type Run } from '../../bench/report/trend.mjs'

const MACHINE = { cpu: 'Some Processor', cores: 2, nodejs: '20.19.0' }

function createRun(ratios: Run['ratios'], changes: Partial<Run> = {}): Run {
  const machine = MACHINE
  return {
    date: '2026-01-01T00:00:00Z',
    commit: 'a'.repeat(12),
    machine,
    load: 1,
    sizes: { rounds: 3, inputs: 5 },
    ratios,
    ...changes,
  }
}

describe('compareLastRun', () => {
  it('compares the last run with the median of all before it', () => {
    const runs = [4, 1, 2, 3].map((speed) => createRun({ speed }))
    const comparison = compareLastRun(runs)
    expect(comparison?.ratios).toEqual([
      { ratio: 'speed', last: 3, before: 3, medianBefore: 2, change: 0.5 },
    ])
  })

  it('takes the mean of the two middle runs when their number is even', () => {
    const [row] = compareLastRun([10, 1, 3, 2, 2.5].map((x) => createRun({ x })))?.ratios ?? []
    expect(row).toEqual({ ratio: 'x', last: 2.5, before: 4, medianBefore: 2.5, change: 0 })
  })

  it('has no median and no change for a first run and for a new ratio', () => {
    const unknown = { before: 0, medianBefore: null, change: null }
    expect(compareLastRun([createRun({ x: 1 })])?.ratios).toEqual([
      { ratio: 'x', last: 1, ...unknown },
    ])
    const rows = compareLastRun([createRun({ x: 1 }), createRun({ x: 1, y: 2 })])?.ratios
    expect(rows?.[1]).toEqual({ ratio: 'y', last: 2, ...unknown })
  })

  it('has no change from a median of zero', () => {
    const [row] = compareLastRun([createRun({ x: 0 }), createRun({ x: 1 })])?.ratios ?? []
    expect(row).toMatchObject({ medianBefore: 0, change: null })
  })

  it.each([
    ['CPU model', { machine: { ...MACHINE, cpu: 'Another Processor' } }],
    ['number of cores', { machine: { ...MACHINE, cores: 4 } }],
    ['size', { sizes: { rounds: 3, inputs: 6 } }],
    ['set of sizes', { sizes: { rounds: 3 } }],
  ])('leaves out runs with another %s', (_name, changes) => {
    const runs = [createRun({ x: 9 }, changes), createRun({ x: 1 }), createRun({ x: 2 })]
    expect(compareLastRun(runs)?.ratios[0]).toMatchObject({ before: 1, medianBefore: 1, change: 1 })
  })

  it('compares runs of other Node.js versions, loads and orders of sizes', () => {
    const other = createRun(
      { x: 1 },
      {
        machine: { ...MACHINE, nodejs: '22.0.0' },
        load: 9,
        sizes: { inputs: 5, rounds: 3 },
      },
    )
    expect(compareLastRun([other, createRun({ x: 1 })])?.ratios[0]).toMatchObject({ before: 1 })
  })

  it('names the run that it compares, and knows none in an empty history', () => {
    const last = createRun({ x: 1 }, { commit: 'b'.repeat(12), load: 3 })
    const { ratios: _ratios, ...about } = last
    expect(compareLastRun([createRun({ x: 1 }), last])).toMatchObject(about)
    expect(compareLastRun([])).toBeUndefined()
  })
})

describe('parseHistory', () => {
  it('reads the lines that benchmarks write and skips empty ones', () => {
    const runs = [createRun({ x: 1 }), createRun({ x: 2 })]
    const text = `${runs.map((run) => JSON.stringify(run)).join('\n\n')}\n`
    expect(parseHistory(text, 'x.jsonl')).toEqual(runs)
  })

  it.each([
    ['broken JSON', '{'],
    ['no object', 'null'],
    ['a ratio that is no number', JSON.stringify({ ...createRun({}), ratios: { x: '1' } })],
    ['no machine', JSON.stringify({ ...createRun({}), machine: undefined })],
  ])('names the line that has %s', (_name, line) => {
    const text = `${JSON.stringify(createRun({}))}\n${line}\n`
    expect(() => parseHistory(text, 'x.jsonl')).toThrow(/^x\.jsonl, line 2: /)
  })
})
