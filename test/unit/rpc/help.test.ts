import { describe, expect, it } from 'vitest'
import { createDispatcher, formatMethodHelp, formatUsage } from '../../../src/rpc/index.ts'
import { ManualClock, RecordingLog, SAMPLE_METHODS } from './sample-table.ts'

const dispatcher = createDispatcher({
  methods: SAMPLE_METHODS,
  context: { height: 5, calls: [] },
  log: new RecordingLog(),
  clock: new ManualClock(),
})

describe('help', () => {
  it('lists methods by category, hidden ones left out', async () => {
    expect(await dispatcher.execute('help')).toBe(
      [
        '== Blockchain ==',
        'getblock "blockhash" ( verbosity )',
        'getblockcount',
        'getblockhash height',
        '',
        '== Control ==',
        'getopenrpcinfo',
        'getrpcinfo',
        'help ( "command" )',
        '',
        '== Mining ==',
        'submitblock "hexdata"',
        '',
        '== Wallet ==',
        'sendtoaddress "address" amount ( options )',
      ].join('\n'),
    )
  })

  it('explains a method', async () => {
    expect(await dispatcher.execute('help', ['getblock'])).toBe(
      `getblock "blockhash" ( verbosity )

Returns a block.

Arguments:
1. blockhash    (string, required) The block hash.
2. verbosity    (numeric or boolean, optional, default=1) How much.

Result (for verbosity = 0):
"str"    (string) The block in hex.

Result (for verbosity = 1):
{                            (json object)
  "hash" : "str"             (string) The block hash.
  "tx" : [                   (json array)
    "str"                    (string) A txid.
    ...
  ]
  "nextblockhash" : "str"    (string, optional)
}

Examples:
> quarry rpc getblock 'it'\\''s' 1
> curl --user __cookie__ --data-binary '{"jsonrpc":"2.0","id":"curltest","method":"getblock","params":["it'\\''s",1]}' -H 'content-type: application/json' http://127.0.0.1:18443/`,
    )
  })

  it('answers for an unknown method as Bitcoin Core does', async () => {
    expect(await dispatcher.execute('help', ['nosuch'])).toBe('help: unknown command: nosuch')
  })

  it('can be made for every method of the table', () => {
    for (const method of dispatcher.methods().values()) {
      expect(formatMethodHelp(method)).toContain(`${formatUsage(method)}\n\n`)
    }
  })
})
