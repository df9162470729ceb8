/** @module Share difficulties, and the exact targets that they stand for. */

/** The target of difficulty 1: that of compact bits 1d00ffff. */
const DIFFICULTY_ONE_TARGET = 0xffffn << 208n
/** The largest 256-bit number. */
const MAX_TARGET = (1n << 256n) - 1n
/** The least difficulty of a share: at most one hash in two meets an easier target. */
export const MIN_DIFFICULTY = 2 ** -32
/** The greatest difficulty of a share: above 2^51 not every integer is a JSON number for every miner. */
export const MAX_DIFFICULTY = 2 ** 51

/**
 * The target of a difficulty, in integers: a double is a fraction with a power of two below, so nothing is rounded
 * but the last division.
 *
 * @param difficulty - Within {@link MIN_DIFFICULTY} and {@link MAX_DIFFICULTY}.
 */
export function difficultyToTarget(difficulty: number): bigint {
  let numerator = difficulty
  let shift = 0n
  while (!Number.isInteger(numerator)) {
    numerator *= 2
    shift += 1n
  }
  const target = (DIFFICULTY_ONE_TARGET << shift) / BigInt(numerator)
  return target > MAX_TARGET ? MAX_TARGET : target
}

/** The difficulty of a target or a hash, for people and for estimates. */
export function targetToDifficulty(target: bigint): number {
  return Number(DIFFICULTY_ONE_TARGET) / Math.max(Number(target), 1)
}

/** The greatest power of two that is not above a difficulty, within the bounds of a share. */
export function floorDifficulty(difficulty: number): number {
  const power = 2 ** Math.floor(Math.log2(difficulty))
  return Math.min(Math.max(power, MIN_DIFFICULTY), MAX_DIFFICULTY)
}

/**
 * A difficulty that a miner asks for, made usable: finite, positive, within bounds, and an integer if it is above 1,
 * because some firmware reads integers alone there.
 *
 * @returns Nothing for a value that is no difficulty.
 */
export function readDifficulty(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number) || number <= 0) return undefined
  const bounded = Math.min(Math.max(number, MIN_DIFFICULTY), MAX_DIFFICULTY)
  return bounded >= 1 ? Math.floor(bounded) : bounded
}

/** Expected hashes for a share that meets a target. @see Bitcoin Core `GetBlockProof` */
export function targetToWork(target: bigint): bigint {
  return (1n << 256n) / (target + 1n)
}
