/** How a process ends and logs, tried with real processes. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const CHILD = fileURLToPath(new URL('../support/shutdown-child.mjs', import.meta.url))

interface Running {
  readonly child: ChildProcess
  out(): string
  err(): string
  /** Resolves with exit code or signal. */
  readonly ended: Promise<number | string>
}

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

async function start(environment: Record<string, string> = {}, withIpc = false): Promise<Running> {
  const child = spawn(process.execPath, [CHILD], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe', ...(withIpc ? (['ipc'] as const) : [])],
  })
  children.push(child)
  const text = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text.out += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text.err += chunk
  })
  // After a disconnect by the parent Node.js 20 never emits `close`.
  const last = withIpc ? 'exit' : 'close'
  const ended = once(child, last).then(([code, signal]) => (code ?? signal) as number | string)
  while (!text.err.includes('up\n')) {
    await Promise.race([once(child.stderr as NodeJS.ReadableStream, 'data'), ended])
  }
  return { child, ended, out: () => text.out, err: () => text.err }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function parseLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('a process that is told to stop', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('stops cleanly on %s', async (signal) => {
    const { child, ended, out, err } = await start({ STOP_MS: '100' })
    child.kill(signal)
    expect(await ended).toBe(0)
    expect(err()).toContain('Stopping; press Ctrl-C again to force.')
    // Not always last: a line that is being written when the process ends may come after those flushed then.
    const stopped = parseLines(out()).filter(({ msg }) => msg === 'stopped')
    expect(stopped).toMatchObject([{ subsystem: 'platform' }])
  })

  it('is forced by a second signal', async () => {
    const { child, ended, out } = await start({ STOP_MS: '60000' })
    child.kill('SIGINT')
    await wait(100)
    child.kill('SIGTERM')
    expect(await ended).toBe(1)
    expect(out()).not.toContain('stopped')
  })

  it('ends by itself when stopping hangs', async () => {
    const { child, ended, err } = await start({ STOP_MS: '60000', WATCHDOG_MS: '300' })
    child.kill('SIGTERM')
    expect(await ended).toBe(1)
    expect(err()).toContain('Not stopped after 0.3 s')
  })

  it('says when stopping fails', async () => {
    const { child, ended, out } = await start({ STOP_FAILS: '1' })
    child.kill('SIGTERM')
    expect(await ended).toBe(1)
    const failure = parseLines(out()).find(({ level }) => level === 'error')
    expect(failure).toMatchObject({
      level: 'error',
      error: { message: 'the door is stuck' },
    })
  })

  it('waits for a start that is under way, then stops', async () => {
    const { child, ended, out } = await start({ ATTACH_MS: '300' })
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(out()).toContain('"stopped"')
  })
})

describe('a process that fails', () => {
  it.each(['throw', 'reject'])('stops what it can after a %s', async (fault) => {
    const { ended, out } = await start({ FAULT: fault })
    expect(await ended).toBe(1)
    const messages = parseLines(out()).map(({ msg }) => msg)
    expect(messages).toContain(fault === 'throw' ? 'Uncaught exception' : 'Unhandled rejection')
    // Not always last, as above.
    expect(messages).toContain('stopped')
    expect(out()).toContain('nobody caught this')
  })
})

describe('a process with a parent', () => {
  it('stops when the channel closes', async () => {
    const { child, ended, out } = await start({}, true)
    child.disconnect()
    expect(await ended).toBe(0)
    await wait(50)
    expect(parseLines(out())).toContainEqual(expect.objectContaining({ msg: 'stopped' }))
  })
})

describe('the log', () => {
  it('is JSON on a pipe, by subsystem and level, without secrets', async () => {
    const { child, ended, out } = await start()
    child.kill('SIGTERM')
    await ended
    const [first] = parseLines(out())
    expect(first).toEqual({
      level: 'debug',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      subsystem: 'p2p',
      msg: 'shown',
      password: '[secret]',
      nested: { cookie: '[secret]' },
      height: 5,
    })
    expect(out()).not.toContain('not shown')
  })

  it('is for people when asked, even on a pipe', async () => {
    const { child, ended, out } = await start({ LOG_FORMAT: 'pretty' })
    child.kill('SIGTERM')
    await ended
    expect(out()).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] DEBUG: p2p: shown .*"height":5/)
    expect(out()).not.toContain('hunter2')
    expect(out()).toContain('platform: stopped')
  })

  it.each(['json', 'pretty'])(
    'in %s does not end the process when nobody reads',
    async (format) => {
      const { child, ended } = await start({ LOG_FORMAT: format })
      child.stdout?.destroy()
      await wait(400)
      expect(child.exitCode).toBeNull()
      child.kill('SIGTERM')
      expect(await ended).toBe(0)
    },
  )
})
