// @ts-check
/** @module The lines of the source that differ from a commit. */

import { spawnSync } from 'node:child_process'

/** @typedef {{ readonly from: number, readonly to: number }} Lines - From one on, both inclusive. */

/**
 * Reads the new side of a diff without context.
 *
 * @param {string} diff @returns {ReadonlyMap<string, readonly Lines[]>}
 */
export function parseDiff(diff) {
  /** @type {Map<string, Lines[]>} */
  const changed = new Map()
  let file = ''
  for (const line of diff.split('\n')) {
    const name = /^\+\+\+ b\/(.*)$/.exec(line)?.[1]
    if (name !== undefined) file = name
    const hunk = /^@@ -\S+ \+(\d+)(?:,(\d+))? @@/.exec(line)
    if (hunk === null) continue
    const [from, count] = [Number(hunk[1]), Number(hunk[2] ?? 1)]
    // Lines that are only gone leave nothing to mutate.
    if (count === 0) continue
    changed.set(file, [...(changed.get(file) ?? []), { from, to: from + count - 1 }])
  }
  return changed
}

/** @param {string} root @param {string} ref - A commit. */
export function findChangedLines(root, ref) {
  const args = ['diff', '--unified=0', '--no-color', '--no-ext-diff', ref, '--', 'src']
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new RangeError(`git diff: ${stderr}`)
  return parseDiff(stdout)
}
