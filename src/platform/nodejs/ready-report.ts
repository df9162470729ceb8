/** @module How a node that was started by another process tells it that it is up. */

/** What a parent process is told once the node answers. */
export interface ReadyReport {
  /** `http://127.0.0.1:18443` */
  readonly rpcUrl: string
  /** `stratum+tcp://127.0.0.1:3333`; undefined if miners cannot connect. */
  readonly stratumUrl: string | undefined
  readonly cookiePath: string
  /** With the peer id, so that whoever dials it knows whom he gets. */
  readonly multiaddr: string
  readonly pid: number
  /** The chain's own name. */
  readonly chain: string
}

/** The report as it travels between the processes. */
export interface ReadyMessage extends ReadyReport {
  readonly type: 'ready'
}

/** Tells the parent, if there is one that listens. */
export function reportReady(report: ReadyReport): void {
  const message: ReadyMessage = { type: 'ready', ...report }
  // The callback takes the error of a parent that has just gone: the disconnect says so anyway.
  if (process.connected) process.send?.(message, () => {})
}

/** Recognises {@link ReadyMessage}: what comes from another process is checked. */
export function isReadyMessage(message: unknown): message is ReadyMessage {
  if (typeof message !== 'object' || message === null) return false
  const { type, rpcUrl, stratumUrl, cookiePath, multiaddr, pid, chain } = message as Record<
    string,
    unknown
  >
  return (
    type === 'ready' &&
    [rpcUrl, cookiePath, multiaddr, chain].every((field) => typeof field === 'string') &&
    (stratumUrl === undefined || typeof stratumUrl === 'string') &&
    Number.isSafeInteger(pid)
  )
}
