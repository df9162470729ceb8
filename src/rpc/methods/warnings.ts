/** @module The list of warnings that three methods carry. */

import * as z from 'zod'

/** Empty while all is well. */
export const WARNINGS_FIELD = {
  warnings: z.array(z.string()).describe('Warnings that concern the whole node.'),
} as const
