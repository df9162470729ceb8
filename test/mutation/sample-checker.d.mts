/** What StrykerJS says of a mutant, as far as the sample looks at it. */
export interface Mutant {
  readonly id: string
  readonly fileName: string
  readonly mutatorName: string
  readonly replacement?: string
  readonly location: { readonly start: { readonly line: number; readonly column: number } }
}
export function drawSample(
  mutants: readonly Mutant[],
  count: number,
  seed: string,
): ReadonlySet<string>
