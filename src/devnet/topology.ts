/** @module Who dials whom. */

/** Up to this many nodes, everybody is connected to everybody. */
export const FULL_MESH_MAX_NODES = 5

/**
 * The nodes that a node dials when it starts: earlier ones only, since they are up. Small devnets are
 * a full mesh. Larger ones are a ring through node 0, to which every node is connected as well, so
 * that a block needs two hops at most.
 */
export function computeDialedNodes(index: number, nodeCount: number): readonly number[] {
  if (index === 0) return []
  if (nodeCount <= FULL_MESH_MAX_NODES) return Array.from({ length: index }, (_, i) => i)
  return index === 1 ? [0] : [0, index - 1]
}

/** Whether one of two nodes dials the other when all start in order. */
export function areNeighbours(a: number, b: number, nodeCount: number): boolean {
  return computeDialedNodes(Math.max(a, b), nodeCount).includes(Math.min(a, b))
}
