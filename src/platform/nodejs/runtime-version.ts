/** @module Which Node.js this program needs. Imports nothing: it is asked before anything else is loaded. */

/** As in `package.json` and `scripts/prepare.sh`: major, minor. */
const NODEJS_MIN = [20, 19] as const

/** Says that this Node.js is too old; undefined if it is not. */
export function findRuntimeProblem(version = process.versions.node): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isNewEnough = major > NODEJS_MIN[0] || (major === NODEJS_MIN[0] && minor >= NODEJS_MIN[1])
  if (isNewEnough) return undefined
  return `Quarry needs Node.js ${NODEJS_MIN.join('.')} or newer; this is ${version}. Get a newer one from https://nodejs.org/.`
}
