export class SeededRandom {
  constructor(seed: number)
  float(): number
  integer(min: number, max: number): number
  chance(share: number): boolean
  pick<Value>(values: readonly Value[]): Value
  bytes(size: number): Uint8Array
}
