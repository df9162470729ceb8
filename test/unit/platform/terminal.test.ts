import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createStyle, supportsColor, Terminal } from '../../../src/platform/nodejs/terminal.ts'

class Screen extends Writable {
  readonly isTTY: boolean
  readonly columns = 20
  text = ''

  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

const CLEAR = '\r\u001b[2K'

describe('Terminal', () => {
  it('rewrites the live line and puts lines above it', () => {
    const screen = new Screen(true)
    const terminal = new Terminal(screen)
    terminal.live('one')
    terminal.live('two')
    terminal.line('above')
    terminal.endLive()
    terminal.line('end')
    expect(screen.text).toBe(`${CLEAR}one${CLEAR}two${CLEAR}above\ntwo\nend\n`)
  })

  it('cuts the live line to the width', () => {
    const screen = new Screen(true)
    new Terminal(screen).live('x'.repeat(50))
    expect(screen.text).toBe(`${CLEAR}${'x'.repeat(19)}`)
  })

  it('has no live line on a pipe', () => {
    const screen = new Screen(false)
    const terminal = new Terminal(screen)
    terminal.live('one')
    terminal.line('line')
    terminal.endLive()
    expect(screen.text).toBe('line\n')
  })

  it('survives a reader that goes away, and says so once', async () => {
    const screen = new Screen(false)
    let closedCount = 0
    const terminal = new Terminal(screen, () => closedCount++)
    screen.emit('error', Object.assign(new TypeError('write EPIPE'), { code: 'EPIPE' }))
    screen.emit('error', Object.assign(new TypeError('write EPIPE'), { code: 'EPIPE' }))
    terminal.line('lost')
    await terminal.flush()
    expect(closedCount).toBe(1)
    expect(screen.text).toBe('')
  })
})

describe('colours', () => {
  it('are for terminals whose person did not refuse them', () => {
    expect(supportsColor(new Screen(true), {})).toBe(true)
    expect(supportsColor(new Screen(true), { NO_COLOR: '1' })).toBe(false)
    expect(supportsColor(new Screen(true), { NO_COLOR: '' })).toBe(true)
    expect(supportsColor(new Screen(false), {})).toBe(false)
    expect(createStyle(false).red('x')).toBe('x')
    expect(createStyle(true).red('x')).toBe('\u001b[31mx\u001b[39m')
  })
})
