/** @module Stopping before the disk is full: what is on it then is whole, and there is room to start again. */

import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigError, type Timer } from '../../util/index.ts'
import { systemClock } from '../system.ts'

/** Below so much a node does not start, and stops. @see Bitcoin Core `CheckDiskSpace` */
export const MIN_FREE_DISK_BYTES = 50 * 1_048_576
const BYTES_PER_MB = 1_048_576
const WATCH_INTERVAL_MS = 1_000

async function measureFreeDisk(path: string): Promise<number> {
  const { bavail, bsize, blocks } = await statfs(path)
  // One without blocks, such as /proc, has no room to tell of.
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize
}

function tell(path: string, freeBytes: number): string {
  const [free, needed] = [freeBytes, MIN_FREE_DISK_BYTES].map((size) =>
    Math.floor(size / BYTES_PER_MB),
  )
  return `Only ${free} MB are free on the disk of ${path}, and a node needs ${needed} MB. Make room, or choose another disk with --datadir.`
}

/** The folder itself, or the one above it that is there already. */
function findExisting(path: string): string {
  const parent = dirname(path)
  return existsSync(path) || parent === path ? path : findExisting(parent)
}

/**
 * Looks before anything is written.
 *
 * @param path - A folder that may not be there yet.
 * @throws {@link ConfigError} `disk-full` if there is too little room to start.
 */
export async function checkFreeDisk(path: string): Promise<void> {
  const free = await measureFreeDisk(findExisting(path))
  if (free < MIN_FREE_DISK_BYTES) throw new ConfigError('disk-full', tell(path, free))
}

/**
 * Looks every second how much room is left.
 *
 * @param onLow - Called once, with words for the operator, when it is too little.
 * @returns What ends the watch.
 */
export function watchFreeDisk(path: string, onLow: (message: string) => void): () => void {
  let timer: Timer
  let isOver = false
  const look = async (): Promise<void> => {
    // A file system that does not tell is no reason to stop.
    const free = await measureFreeDisk(path).catch(() => Number.POSITIVE_INFINITY)
    if (isOver) return
    if (free < MIN_FREE_DISK_BYTES) onLow(tell(path, free))
    else timer = systemClock.schedule(WATCH_INTERVAL_MS, () => void look())
  }
  timer = systemClock.schedule(WATCH_INTERVAL_MS, () => void look())
  return () => {
    isOver = true
    timer.cancel()
  }
}
