/** Lines from one on, both inclusive. */
export interface Lines {
  readonly from: number
  readonly to: number
}
export function parseDiff(diff: string): ReadonlyMap<string, readonly Lines[]>
export function findChangedLines(root: string, ref: string): ReadonlyMap<string, readonly Lines[]>
