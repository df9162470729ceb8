/**
 * A process with our log and our way to end, and nothing else. How it behaves comes from the environment:
 * STOP_MS is how long stopping takes, STOP_FAILS makes it fail, WATCHDOG_MS is the longest it may take,
 * FAULT is `throw` or `reject` for an error that nobody catches, ATTACH_MS delays the moment from which
 * there is something to stop. ALIVE_PATH names a file that says how often the timer has fired.
 */
import { writeFileSync } from 'node:fs'
import { createProcessLog } from '../../dist/platform/nodejs/logger.js'
import { installShutdown } from '../../dist/platform/nodejs/signals.js'
import { tolerateLostReaders } from '../../dist/platform/nodejs/terminal.js'

tolerateLostReaders()

const { STOP_MS = '0', STOP_FAILS, WATCHDOG_MS = '5000', FAULT, ATTACH_MS = '0' } = process.env
const { ALIVE_PATH } = process.env
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const log = await createProcessLog({
  levels: { fallback: 'info', bySubsystem: { p2p: 'debug', sync: 'warn' } },
  format: process.env.LOG_FORMAT ?? 'auto',
  isTerminal: process.stdout.isTTY === true,
  isColored: false,
})
const own = log.child('platform')
const shutdown = installShutdown({
  say: (message) => process.stderr.write(`${message}\n`),
  report: (message, error) => own.error(message, { error }),
  beforeExit: () => log.flush(),
  stopTimeoutMs: Number(WATCHDOG_MS),
})

// Keeps the process alive like a node's sockets would, and its log busy.
let ticks = 0
setInterval(() => {
  own.info('tick')
  process.stderr.write('tick\n')
  ticks += 1
  if (ALIVE_PATH !== undefined) writeFileSync(ALIVE_PATH, `${ticks}`)
}, 50)

log.child('p2p').debug('shown', { password: 'hunter2', nested: { cookie: 'crumbs' }, height: 5 })
log.child('sync').info('not shown')
process.stderr.write('up\n')
await wait(Number(ATTACH_MS))
shutdown.attach(async () => {
  own.info('stopping')
  await wait(Number(STOP_MS))
  if (STOP_FAILS !== undefined) throw new TypeError('the door is stuck')
  own.info('stopped')
})
if (FAULT === 'throw') setTimeout(() => JSON.parse('nobody caught this'), 10)
if (FAULT === 'reject') void Promise.reject(new TypeError('nobody caught this'))
