/** @module What every node of this runtime has in common about peers. */

/** The most peers at a time. @see Bitcoin Core `DEFAULT_MAX_PEER_CONNECTIONS` */
export const MAX_PEERS = 125
/** Whether every address is on this machine: then peers cannot be told apart by theirs. */
export function isLoopbackOnly(addresses: readonly string[]): boolean {
  return addresses.every((address) => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address))
}
