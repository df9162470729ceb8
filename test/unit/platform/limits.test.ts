import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const sources = readdirSync(`${ROOT}src`, { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(`${ROOT}src/${name}`, 'utf8'))
  .join('\n')

/** Section 11 of ARCHITECTURE.md, row by row. */
const rows = (() => {
  const text = readFileSync(`${ROOT}ARCHITECTURE.md`, 'utf8')
  const section = text.slice(text.indexOf('## 11. Limits'), text.indexOf('## 12.'))
  return section.split('\n').flatMap((line) => {
    const [, names, values] = /^\| ([^|]*`[^|]*) \| ([^|]*) \|/.exec(line) ?? []
    return names === undefined || values === undefined ? [] : [{ names, values }]
  })
})()

/** Full names: `…_PER_PEER` after `MAX_BLOCKS` is `MAX_BLOCKS_PER_PEER`. */
function readNames(text: string): readonly string[] {
  const names: string[] = []
  for (const [, name = ''] of text.matchAll(/`([A-Z…][A-Z0-9_…]*)`/g)) {
    if (!name.startsWith('…')) names.push(name)
    else names.push(`*${name.slice(1)}`)
  }
  return names
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  kB: 1_000,
  MB: 1_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
}

/** `2,000` or `1.5 s`, as the code has it: milliseconds and bytes. Undefined for any other text. */
function readValue(text: string): number | undefined {
  const [, digits, unit = ''] =
    /^([\d,.]+)(?: (ms|s|min|h|kB|MB|KiB|MiB))?$/.exec(text.trim()) ?? []
  return digits === undefined ? undefined : Number(digits.replaceAll(',', '')) * (UNITS[unit] ?? 1)
}

/** What the code says, in each place that has a constant of this name; empty where none is a product of numbers. */
function readConstants(name: string): readonly number[] {
  const definitions = new RegExp(`const ${name}(?:: number)? = ([\\d_ *]*\\d)$`, 'gm')
  return [...sources.matchAll(definitions)].map(([, expression = '']) =>
    expression
      .split('*')
      .reduce((product, factor) => product * Number(factor.trim().replaceAll('_', '')), 1),
  )
}

describe('the table of limits in ARCHITECTURE.md', () => {
  it('names constants that the code has', () => {
    const names = rows.flatMap(({ names }) => readNames(names))
    expect(names.length).toBeGreaterThan(100)
    const missing = names.filter((name) =>
      name.startsWith('*')
        ? !new RegExp(`\\b\\w+${name.slice(1)}\\b`).test(sources)
        : !new RegExp(`\\b${name}\\b`).test(sources),
    )
    expect(missing).toEqual([])
  })

  it('has the values of the code', () => {
    const compared = rows.flatMap(({ names: text, values }) => {
      const names = readNames(text)
      const parts = values.split(/, (?!\d{3}\b)| and |; /).map(readValue)
      if (names.length !== parts.length) return []
      return names.flatMap((name, index) => {
        const [documented, actual] = [parts[index], readConstants(name)]
        return documented === undefined || actual.length === 0 ? [] : [{ name, documented, actual }]
      })
    })
    expect(compared.length).toBeGreaterThan(60)
    expect(compared.filter(({ documented, actual }) => !actual.includes(documented))).toEqual([])
  })
})
