/** @module Running the scripts that witnesses show. */

import { VERIFY_DISCOURAGE_OP_SUCCESS } from './flags.ts'
import { runScript } from './interpreter.ts'
import { isSuccessOpcode } from './opcodes.ts'
import { MAX_SCRIPT_ELEMENT_SIZE, ScriptCursor } from './script-bytes.ts'
import { require } from './script-error.ts'
import { MAX_STACK_SIZE, type ScriptRun } from './script-machine.ts'
import { decodeBoolean } from './script-number.ts'

/**
 * Whether a tapscript has an OP_SUCCESSx before anything that cannot be decoded.
 *
 * @throws {@link ScriptError} `BAD_OPCODE` if what cannot be decoded comes first.
 */
function hasSuccessOpcode(script: Uint8Array): boolean {
  const cursor = new ScriptCursor(script)
  while (cursor.next()) if (isSuccessOpcode(cursor.opcode)) return true
  require(cursor.isWhole, 'BAD_OPCODE')
  return false
}

/**
 * Runs a witness script or tapscript, which must leave exactly one value behind, a true one.
 *
 * @throws {@link ScriptError} as {@link runScript}, `CLEANSTACK`, `EVAL_FALSE` or `DISCOURAGE_OP_SUCCESS`.
 * @see Bitcoin Core `ExecuteWitnessScript`
 */
export function runWitnessScript(run: ScriptRun): void {
  if (run.version === 'tapscript') {
    // Consensus: this overrides every other rule, limits on sizes included.
    if (hasSuccessOpcode(run.script)) {
      require((run.flags & VERIFY_DISCOURAGE_OP_SUCCESS) === 0, 'DISCOURAGE_OP_SUCCESS')
      return
    }
    require(run.stack.length <= MAX_STACK_SIZE, 'STACK_SIZE')
  }
  const isShort = run.stack.every((value) => value.length <= MAX_SCRIPT_ELEMENT_SIZE)
  require(isShort, 'PUSH_SIZE')
  runScript(run)
  const [top] = run.stack
  require(top !== undefined && run.stack.length === 1, 'CLEANSTACK')
  require(decodeBoolean(top), 'EVAL_FALSE')
}
