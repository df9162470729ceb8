import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createDispatcher } from '../../../src/rpc/index.ts'
import { ManualClock, RecordingLog, SAMPLE_METHODS } from './sample-table.ts'

const log = new RecordingLog()
const dispatcher = createDispatcher({
  methods: SAMPLE_METHODS.filter(({ name }) => name !== 'explode'),
  context: { height: 5, calls: [] },
  log,
  clock: new ManualClock(),
})

const methodName = fc.oneof(
  fc.constantFrom(...dispatcher.methods().keys(), '__proto__', 'toString'),
  fc.jsonValue(),
)
const request = fc.record(
  {
    jsonrpc: fc.oneof(fc.constantFrom('1.0', '1.1', '2.0'), fc.jsonValue()),
    id: fc.jsonValue(),
    method: methodName,
    params: fc.oneof(
      fc.array(fc.jsonValue(), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(
          fc.constantFrom('args', 'height', 'blockhash', 'verbosity', 'amount'),
          fc.string(),
        ),
        fc.jsonValue(),
      ),
      fc.jsonValue(),
    ),
  },
  { requiredKeys: [] },
)
const body = fc.oneof(
  fc.string(),
  fc.json(),
  fc.oneof(request, fc.array(fc.oneof(request, fc.jsonValue()), { maxLength: 4 })).map(toText),
)

function toText(value: unknown): string {
  return JSON.stringify(value)
}

it('answers any input with JSON that fits its status, and never fails inside', async () => {
  await fc.assert(
    fc.asyncProperty(body, async (input) => {
      const { status, text } = await dispatcher.handleText(input)
      if (status === 204) {
        expect(text).toBe('')
        return
      }
      const reply: unknown = JSON.parse(text)
      for (const item of Array.isArray(reply) ? reply : [reply]) {
        const error = item.error ?? null
        expect(error === null || Number.isInteger(error.code)).toBe(true)
        expect(Object.hasOwn(item, 'result')).toBe(item.jsonrpc === undefined || error === null)
        if (status !== 200) expect(error).not.toBeNull()
      }
    }),
    { numRuns: 5_000 },
  )
  expect(log.lines).toEqual([])
})
