import { describe, expect, it } from 'vitest'
// biome-ignore lint/correctness/useImportExtensions: the module beside its types is what runs.
import { parseDiff } from '../../mutation/changed-lines.mjs'
// biome-ignore lint/correctness/useImportExtensions: the module beside its types is what runs.
import { drawSample, type Mutant } from '../../mutation/sample-checker.mjs'

describe('parseDiff', () => {
  it('gives the new lines of each file, without those that are only gone', () => {
    const diff = [
      'diff --git a/src/chain/a.ts b/src/chain/a.ts',
      '--- a/src/chain/a.ts',
      '+++ b/src/chain/a.ts',
      '@@ -3 +3 @@ export function a() {',
      '-  one',
      '+  two',
      '@@ -10,0 +11,3 @@',
      '@@ -20,2 +23,0 @@',
      'diff --git a/src/chain/b.ts b/src/chain/b.ts',
      'new file mode 100644',
      '--- /dev/null',
      '+++ b/src/chain/b.ts',
      '@@ -0,0 +1,9 @@',
    ].join('\n')
    expect([...parseDiff(diff)]).toEqual([
      [
        'src/chain/a.ts',
        [
          { from: 3, to: 3 },
          { from: 11, to: 13 },
        ],
      ],
      ['src/chain/b.ts', [{ from: 1, to: 9 }]],
    ])
  })
})

describe('drawSample', () => {
  const mutants = (folder: string): readonly Mutant[] =>
    Array.from({ length: 50 }, (_, i) => ({
      id: `${i}`,
      fileName: `${folder}/src/chain/a.ts`,
      mutatorName: 'BooleanLiteral',
      replacement: 'false',
      location: { start: { line: i, column: 2 } },
    }))

  it('draws the same mutants with the same seed, wherever the source is copied to', () => {
    const one = drawSample(mutants('/tmp/one'), 10, '1')
    expect(one.size).toBe(10)
    expect(drawSample(mutants('/tmp/other'), 10, '1')).toEqual(one)
    expect(drawSample(mutants('/tmp/one'), 10, '2')).not.toEqual(one)
  })

  it('adds to a smaller sample when it draws a larger one', () => {
    const large = drawSample(mutants('/tmp'), 30, '1')
    for (const id of drawSample(mutants('/tmp'), 10, '1')) expect(large).toContain(id)
  })
})
