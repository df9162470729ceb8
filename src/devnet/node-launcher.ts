/** @module What a devnet needs of whoever starts nodes: processes, containers, or one process for all. */

import type { CancelSignal } from '../util/index.ts'

/** What one node is started with. Ports and files are the launcher's business. */
export interface LaunchRequest {
  /** Counts from 0 within the devnet. */
  readonly index: number
  /** Multiaddrs to stay connected to. */
  readonly peers: readonly string[]
}

/** Where to reach a node. */
export interface NodeAddress {
  readonly index: number
  readonly rpcUrl: string
  /** Where miners connect; undefined if they cannot. */
  readonly stratumUrl?: string | undefined
  readonly cookiePath: string
  /** With the peer id. */
  readonly multiaddr: string
  readonly pid: number
}

/** How a node ended. */
export interface NodeExit {
  /** Undefined if a signal ended it. */
  readonly code: number | undefined
  readonly signal: string | undefined
  readonly logPath: string
  /** The last lines of its log, oldest first. */
  readonly logTail: readonly string[]
}

/** A node that is up. */
export interface LaunchedNode {
  readonly address: NodeAddress
  /** Resolves when the node is gone, for whatever reason. Never rejects. */
  readonly exited: Promise<NodeExit>
  /**
   * Ends the node: asks first, then forces. Resolves when it is gone, even if it hangs. Idempotent.
   */
  stop(): Promise<void>
  /** Ends the node as a crash would. Resolves when it is gone. */
  kill(): Promise<void>
}

/** Starts nodes that run beside each other. */
export interface NodeLauncher {
  /**
   * Starts a node and waits until it answers.
   *
   * @param signal - When aborted, the node is ended and the promise rejects.
   * @throws DevnetError `node-not-started` with the end of the node's log; nothing is left running.
   */
  launch(request: LaunchRequest, signal: CancelSignal): Promise<LaunchedNode>
}
