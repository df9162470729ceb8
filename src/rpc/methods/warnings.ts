/** @module The list of warnings that three methods carry. */

import * as z from 'zod'

/** Always empty for now: nothing that an operator must be warned of goes on quietly. */
export const WARNINGS_FIELD = {
  warnings: z.array(z.string()).describe('Warnings that concern the whole node.'),
} as const
