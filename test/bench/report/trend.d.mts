export interface Run {
  readonly date: string
  readonly commit: string
  readonly machine: { readonly cpu: string; readonly cores: number; readonly nodejs: string }
  readonly load: number
  readonly sizes: Readonly<Record<string, unknown>>
  readonly ratios: Readonly<Record<string, number>>
}

export interface Trend {
  readonly ratio: string
  readonly last: number
  readonly before: number
  readonly medianBefore: number | null
  readonly change: number | null
}

export type Comparison = Omit<Run, 'ratios'> & { readonly ratios: readonly Trend[] }

export function parseHistory(text: string, name: string): Run[]
export function compareLastRun(runs: readonly Run[]): Comparison | undefined
