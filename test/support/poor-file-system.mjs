/** Loaded first into a process: its file system has no hard links and no permissions, and syncs no directories, as exFAT and some shares. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const refuse = (code, syscall) => async () => {
  throw Object.assign(new TypeError(`${code}: operation not permitted, ${syscall}`), {
    code,
    syscall,
  })
}
fs.promises.link = refuse('EPERM', 'link')
fs.promises.symlink = refuse('EPERM', 'symlink')
fs.promises.chmod = refuse('EPERM', 'chmod')
const { stat } = fs.promises
// The mount's mask decides for all files alike.
fs.promises.stat = async (...args) => {
  const stats = await stat(...args)
  stats.mode |= 0o055
  return stats
}
syncBuiltinESMExports()
