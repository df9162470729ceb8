/**
 * What a devnet's launcher starts, reduced to the contract between the two: the flags of `start`, the
 * report over IPC, signals. How it behaves comes from the environment, one letter a trait:
 * p: claims that its port is taken, while that port is the first; d: dies before it is up; h: ignores
 * SIGTERM; n: never reports.
 */
import { existsSync, writeFileSync } from 'node:fs'

const argument = (flag) => process.argv[process.argv.indexOf(flag) + 1]
const traits = process.env.CHILD_TRAITS ?? ''
const directory = argument('--datadir')
const rpcPort = argument('--rpc-port')

process.stdout.write(`${JSON.stringify({ args: process.argv.slice(2) })}\n`)
process.stdout.write(
  `variables ${Object.keys(process.env).filter((name) => name.startsWith('QUARRY_'))}\n`,
)

if (traits.includes('p') && !existsSync(`${directory}/tried`)) {
  writeFileSync(`${directory}/tried`, rpcPort)
  process.exit(5)
}
if (traits.includes('d')) {
  process.stderr.write('cannot go on: the moon is full\n')
  process.exitCode = 1
} else {
  if (traits.includes('h')) process.on('SIGTERM', () => process.stdout.write('not yet\n'))
  else process.on('SIGTERM', () => process.exit(0))
  process.on('disconnect', () => process.exit(0))
  if (!traits.includes('n')) {
    process.send({ type: 'something else' })
    process.send({
      type: 'ready',
      ...(process.argv.includes('--stratum')
        ? { stratumUrl: `stratum+tcp://${argument('--stratum')}` }
        : {}),
      rpcUrl: `http://127.0.0.1:${rpcPort}`,
      cookiePath: `${directory}/.cookie`,
      multiaddr: argument('--listen'),
      pid: process.pid,
      chain: 'devnet',
    })
  }
}
