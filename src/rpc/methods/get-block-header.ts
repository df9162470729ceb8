/** @module One header. */

import * as z from 'zod'
import { encodeHeader } from '../../primitives/index.ts'
import { encodeHex } from '../../util/index.ts'
import { defineMethod } from '../define-method.ts'
import type { RpcContext } from '../rpc-context.ts'
import { hashSchema, requireEntry } from './arguments.ts'
import { describeHeader, HEADER_FIELDS } from './header-json.ts'

/** `getblockheader` */
export const getBlockHeader = defineMethod({
  name: 'getblockheader',
  category: 'blockchain',
  summary: 'Shows a block header, on the active chain or off it.',
  params: [
    {
      name: 'blockhash',
      schema: hashSchema('hash'),
      description: 'The block hash.',
    },
    {
      name: 'verbose',
      schema: z.boolean().default(true),
      description: 'True for an object, false for the 80 bytes in hexadecimal.',
    },
  ],
  result: [
    { condition: 'for verbose = true', schema: z.object(HEADER_FIELDS) },
    {
      condition: 'for verbose = false',
      schema: z.string(),
      description: 'The encoded header, 160 hex digits.',
    },
  ],
  examples: [['0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206']],
  handler: ({ chain }: RpcContext, { blockhash, verbose }) => {
    const entry = requireEntry(chain, blockhash)
    return verbose ? describeHeader(chain, entry) : encodeHex(encodeHeader(entry.header))
  },
})
