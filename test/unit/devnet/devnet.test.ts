import { describe, expect, it } from 'vitest'
import {
  Devnet,
  type DevnetEvent,
  type DevnetNodeCommand,
  type DevnetOptions,
  type LaunchedNode,
  type LaunchRequest,
  type NodeExit,
} from '../../../src/devnet/index.ts'
import { FakeClock, settle } from '../../support/fake-clock.ts'

/** A node in memory: it answers what the test says and ends when it is told to. */
class MemoryNode {
  height = 0
  tip = 'genesis'
  isSilent = false
  stopCount = 0
  rules: unknown
  readonly node: LaunchedNode
  end: (exit: Partial<NodeExit>) => void = () => {}

  constructor(index: number) {
    const exited = new Promise<NodeExit>((resolve) => {
      this.end = (exit) =>
        resolve({ code: 0, signal: undefined, logPath: 'node.log', logTail: [], ...exit })
    })
    this.node = {
      address: {
        index,
        rpcUrl: `http://127.0.0.1:${index}`,
        cookiePath: '',
        multiaddr: `/ip4/127.0.0.1/tcp/1/p2p/${index}`,
        pid: 100 + index,
      },
      exited,
      stop: async () => {
        this.stopCount++
        this.end({})
      },
      kill: async () => this.end({ code: undefined, signal: 'SIGKILL' }),
    }
  }
}

function createBench(options: Partial<DevnetOptions> = {}) {
  const clock = new FakeClock()
  const events: DevnetEvent[] = []
  const requests: LaunchRequest[] = []
  const nodes: MemoryNode[] = []
  const controller = new AbortController()
  const devnet = new Devnet(
    {
      clock,
      onEvent: (event) => events.push(event),
      launcher: {
        launch: async (request) => {
          requests.push(request)
          const node = new MemoryNode(request.index)
          nodes.push(node)
          return node.node
        },
      },
      callNode: async ({ index }, [call]) => {
        const node = nodes.findLast(({ node: { address } }) => address.index === index)
        if (node === undefined || node.isSilent) return new Promise(() => {})
        if (call?.method === 'setfaults') {
          node.rules = call.params?.[0]
          return [node.rules]
        }
        return [
          { blocks: node.height, bestblockhash: node.tip, bits: '207fffff', quarry_reorgs: 0 },
          nodes.length - 1,
          { quarry_hashps: 10 },
        ]
      },
    },
    { nodeCount: 3, retargetWindowBlocks: 10, ...options },
  )
  const running = devnet.run(controller.signal)
  const set = (...states: [number, string][]): void => {
    states.forEach(([height, tip], index) => {
      const node = nodes[index]
      if (node !== undefined) Object.assign(node, { height, tip })
    })
  }
  const statuses = () => events.filter((event) => event.type === 'status')
  return { clock, devnet, events, requests, nodes, controller, running, set, statuses }
}

describe('Devnet', () => {
  it('starts nodes in order, each with the addresses of those before it', async () => {
    const { requests, events, controller, running } = createBench()
    await settle()
    expect(requests.map(({ peers }) => peers.length)).toEqual([0, 1, 2])
    expect(requests[2]?.peers).toEqual(['/ip4/127.0.0.1/tcp/1/p2p/0', '/ip4/127.0.0.1/tcp/1/p2p/1'])
    expect(events.slice(0, 3)).toMatchObject([
      { type: 'node', index: 0, pid: 100 },
      { type: 'node', index: 1, pid: 101 },
      { type: 'node', index: 2, pid: 102 },
    ])
    controller.abort()
    expect(await running).toMatchObject({ type: 'done' })
  })

  it('reports once a second', async () => {
    const { clock, controller, running, statuses } = createBench()
    await clock.advance(5_500)
    expect(statuses()).toHaveLength(6)
    expect(statuses()[0]).toMatchObject({ nextRetarget: 10, nodes: [{ peers: 2 }, {}, {}] })
    controller.abort()
    await running
  })

  it('is done when all are at the height on one tip, within 200 ms', async () => {
    const { clock, nodes, running, set, statuses } = createBench({ untilHeight: 5 })
    await settle()
    set([5, 'a'], [5, 'b'], [5, 'a'])
    await clock.advance(2_050)
    set([6, 'c'], [6, 'c'], [6, 'c'])
    await clock.advance(200)
    expect(await running).toEqual({ type: 'done', height: 6, tip: 'c' })
    expect(statuses().at(-1)).toMatchObject({ nodes: [{ tip: 'c' }, { tip: 'c' }, { tip: 'c' }] })
    expect(nodes.map(({ stopCount }) => stopCount)).toEqual([1, 1, 1])
  })

  it('fails after the time-out, saying where the nodes are', async () => {
    const { clock, nodes, running, set } = createBench({ untilHeight: 5, timeoutMs: 3_000 })
    await settle()
    set([5, 'aa'], [4, 'bb'], [5, 'aa'])
    await clock.advance(4_000)
    const outcome = await running
    expect(outcome.type).toBe('failed')
    expect(outcome).toMatchObject({ reason: expect.stringMatching(/time-out after 3 s.*height 5/) })
    expect(outcome).toMatchObject({ reason: expect.stringMatching(/node 1 at 4 bb/) })
    expect(nodes.map(({ stopCount }) => stopCount)).toEqual([1, 1, 1])
  })

  it('starts a node again that ends by itself, and goes on with the others meanwhile', async () => {
    const { clock, events, nodes, requests, controller, running, statuses } = createBench()
    await clock.advance(1_500)
    nodes[1]?.end({ code: undefined, signal: 'SIGKILL', logTail: ['last words'] })
    await clock.advance(600)
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'exit',
        index: 1,
        signal: 'SIGKILL',
        logTail: ['last words'],
        restart: 1,
      }),
    )
    expect(statuses().at(-1)).toMatchObject({ nodes: [{ index: 0 }, { index: 2 }], gone: [1] })
    await clock.advance(2_000)
    // It dials those as well that dialled it before, since they may know another address.
    expect(requests[3]).toEqual({
      index: 1,
      peers: ['/ip4/127.0.0.1/tcp/1/p2p/0', '/ip4/127.0.0.1/tcp/1/p2p/2'],
    })
    expect(statuses().at(-1)).toMatchObject({ nodes: [{}, { index: 1 }, {}], gone: [] })
    controller.abort()
    expect(await running).toMatchObject({ type: 'done' })
    expect(nodes.map(({ stopCount }) => stopCount)).toEqual([1, 0, 1, 1])
  })

  it('gives up on a node that ends again and again, unless it was steady', async () => {
    const { clock, events, nodes, controller, running, statuses } = createBench()
    await clock.advance(1_500)
    const endLast = async (upMs: number): Promise<void> => {
      await clock.advance(upMs)
      nodes.at(-1)?.end({ code: 1 })
      await clock.advance(2_000)
    }
    for (const upMs of [0, 0, 60_000, 0, 0, 0]) await endLast(upMs)
    const exits = events.filter((event) => event.type === 'exit')
    expect(exits.map(({ restart }) => restart)).toEqual([1, 2, 1, 2, 3, null])
    expect(statuses().at(-1)).toMatchObject({ gone: [2] })
    controller.abort()
    expect(await running).toMatchObject({ type: 'done' })
  })

  it('tells of each restart that fails, and ends when no node is left', async () => {
    const nodes: MemoryNode[] = []
    const events: DevnetEvent[] = []
    const clock = new FakeClock()
    const devnet = new Devnet(
      {
        clock,
        onEvent: (event) => events.push(event),
        callNode: async () => [],
        launcher: {
          launch: async ({ index }) => {
            if (nodes.length > 0) throw new TypeError('no more processes')
            const node = new MemoryNode(index)
            nodes.push(node)
            return node.node
          },
        },
      },
      { nodeCount: 1, retargetWindowBlocks: 10 },
    )
    const running = devnet.run(new AbortController().signal)
    await clock.advance(500)
    nodes[0]?.end({ code: 1 })
    await clock.advance(10_000)
    expect(await running).toEqual({ type: 'failed', reason: 'no more processes' })
    const failed = events.filter((event) => event.type === 'restart-failed')
    expect(failed.map(({ restart }) => restart)).toEqual([2, 3, null])
  })

  it('does not start again what ends while it stops', async () => {
    const { clock, nodes, requests, controller, running } = createBench()
    await clock.advance(1_500)
    nodes[0]?.end({ code: 1 })
    await clock.advance(500)
    controller.abort()
    await running
    await clock.advance(5_000)
    expect(requests).toHaveLength(3)
  })

  it('fails at once when a node ends that had a height to reach', async () => {
    const { clock, nodes, running } = createBench({ untilHeight: 5 })
    await clock.advance(1_500)
    nodes[2]?.end({ code: 9 })
    await clock.advance(1_000)
    expect(await running).toMatchObject({
      type: 'failed',
      reason: 'node 2 ended with exit code 9; its log is node.log',
    })
  })

  it('stops at once even while a node is silent', async () => {
    const { clock, nodes, controller, running } = createBench()
    await clock.advance(1_500)
    for (const node of nodes) node.isSilent = true
    await clock.advance(700)
    controller.abort()
    expect(await running).toMatchObject({ type: 'done' })
  })

  it('calls a stop before the height a failure', async () => {
    const { clock, controller, running } = createBench({ untilHeight: 5 })
    await clock.advance(1_500)
    controller.abort()
    expect(await running).toEqual({
      type: 'failed',
      reason: 'stopped before every node was at height 5',
    })
  })

  it('stops what is up when a later node does not start', async () => {
    const stopped: number[] = []
    const devnet = new Devnet(
      {
        clock: new FakeClock(),
        onEvent: () => {},
        callNode: async () => [],
        launcher: {
          launch: async ({ index }) => {
            if (index === 2) throw new TypeError('no more processes')
            const { node } = new MemoryNode(index)
            return { ...node, stop: async () => void stopped.push(index) }
          },
        },
      },
      { nodeCount: 3, retargetWindowBlocks: 10 },
    )
    const outcome = await devnet.run(new AbortController().signal)
    expect(outcome).toEqual({ type: 'failed', reason: 'no more processes' })
    expect(stopped).toEqual([0, 1])
  })
})

describe('Devnet, told what to do while it runs', () => {
  it('keeps a node down that was killed, and brings it back', async () => {
    const { clock, devnet, events, requests, controller, running } = createBench()
    await clock.advance(1_500)
    expect(await devnet.control({ type: 'kill', node: 1 })).toEqual({ type: 'down', index: 1 })
    await clock.advance(10_000)
    expect(requests).toHaveLength(3)
    expect(events).toContainEqual({ type: 'down', index: 1 })
    expect(await devnet.control({ type: 'status' })).toMatchObject({ type: 'status', gone: [1] })
    await expect(devnet.control({ type: 'kill', node: 1 })).rejects.toThrow(/restart 1 brings/)
    expect(await devnet.control({ type: 'restart', node: 1 })).toMatchObject({
      type: 'node',
      index: 1,
    })
    expect(requests[3]?.peers).toHaveLength(2)
    expect(await devnet.control({ type: 'status' })).toMatchObject({ gone: [] })
    controller.abort()
    expect(await running).toMatchObject({ type: 'done' })
  })

  it('goes on when every node was killed', async () => {
    const { clock, devnet, controller, running } = createBench({ nodeCount: 1 })
    await clock.advance(1_500)
    await devnet.control({ type: 'kill', node: 0 })
    await clock.advance(5_000)
    expect(await devnet.control({ type: 'restart', node: 0 })).toMatchObject({ type: 'node' })
    controller.abort()
    expect(await running).toMatchObject({ type: 'done' })
  })

  it('stops a node in order to restart it, and forgets no faults over that', async () => {
    const { clock, devnet, nodes, controller, running } = createBench()
    await clock.advance(1_500)
    await devnet.control({ type: 'partition', groups: [[1]] })
    await devnet.control({ type: 'restart', node: 1 })
    expect(nodes[1]?.stopCount).toBe(1)
    expect(nodes[3]?.rules).toEqual([
      { peer: '0', blocked: true },
      { peer: '2', blocked: true },
    ])
    controller.abort()
    await running
  })

  it('tells each node what its part of a partition and of slowness is', async () => {
    const { clock, devnet, events, nodes, controller, running } = createBench()
    await clock.advance(1_500)
    const faults = { type: 'faults', partition: [[0, 1], [2]], slow: [] }
    expect(await devnet.control({ type: 'partition', groups: [[0, 1]] })).toEqual(faults)
    expect(events).toContainEqual(faults)
    expect(nodes.map(({ rules }) => rules)).toEqual([
      [{ peer: '2', blocked: true }],
      [{ peer: '2', blocked: true }],
      [
        { peer: '0', blocked: true },
        { peer: '1', blocked: true },
      ],
    ])
    const slow = { type: 'slow', jitterMs: 0 } as const
    await devnet.control({ ...slow, node: 0, latencyMs: 500, bytesPerSecond: 9_000 })
    await devnet.control({ ...slow, node: 1, latencyMs: 100, jitterMs: 50, bytesPerSecond: 7_000 })
    const tooSlow = { ...slow, node: 2, latencyMs: 501 }
    await expect(devnet.control(tooSlow)).rejects.toThrow(/with node 0, .* 1001 ms a message/)
    const link = { latency_ms: 600, jitter_ms: 50, bytes_per_second: 7_000 }
    expect(nodes[0]?.rules).toEqual([
      { peer: '1', ...link },
      { peer: '2', blocked: true },
    ])
    expect(nodes[1]?.rules).toContainEqual({ peer: '0', ...link })
    expect(await devnet.control({ type: 'status' })).toMatchObject({
      partition: [[0, 1], [2]],
      slow: [
        { node: 0, latencyMs: 500, jitterMs: 0, bytesPerSecond: 9_000 },
        { node: 1, latencyMs: 100, jitterMs: 50, bytesPerSecond: 7_000 },
      ],
    })
    await devnet.control({ ...slow, node: 1, latencyMs: 0 })
    expect(nodes[0]?.rules).toContainEqual({
      peer: '1',
      latency_ms: 500,
      jitter_ms: 0,
      bytes_per_second: 9_000,
    })
    expect(await devnet.control({ type: 'heal' })).toEqual({
      type: 'faults',
      partition: null,
      slow: [],
    })
    expect(nodes.map(({ rules }) => rules)).toEqual([[], [], []])
    controller.abort()
    await running
  })

  it.each([
    [{ type: 'kill', node: 7 }, /no node 7: the nodes are 0 to 2/],
    [{ type: 'restart', node: 3 }, /no node 3/],
    [{ type: 'partition', groups: [[0], [0, 1]] }, /Node 0 is named twice/],
    [{ type: 'partition', groups: [[0, 1, 2]] }, /no partition/],
    [{ type: 'partition', groups: [[9]] }, /no node 9/],
    [{ type: 'slow', node: 1, latencyMs: 900, jitterMs: 101 }, /1001 ms a message.* waits 10 s/],
  ] as const)('refuses %j with the reason', async (command, reason) => {
    const { clock, devnet, events, controller, running } = createBench()
    await clock.advance(1_500)
    await expect(devnet.control(structuredClone(command) as DevnetNodeCommand)).rejects.toThrow(
      reason,
    )
    expect(events.some(({ type }) => type === 'faults' || type === 'down')).toBe(false)
    controller.abort()
    await running
  })
})
