// biome-ignore lint/correctness/useImportExtensions: the types beside it are none to import.
import type { SeededRandom } from './seeded-random.mjs'

export interface MadeBlock {
  readonly hashHex: string
  readonly hash: Uint8Array
  readonly height: number
  readonly hex: string
  readonly parent: MadeBlock | undefined
  readonly transactions: readonly string[]
}

export function createFastSpec(): { readonly version: 1; readonly name: string }

export class BlockMaker {
  readonly genesis: MadeBlock
  constructor(spec: unknown, random: SeededRandom)
  countCoins(block: MadeBlock): number
  make(parent: MadeBlock, transactionCount: number): MadeBlock
}

export function parentOf(block: MadeBlock): MadeBlock
