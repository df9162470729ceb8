import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEVNET_SPEC_PATH, loadChainSpec } from '../../../src/platform/nodejs/chain-choice.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarry-chain-choice-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function load(text: string) {
  const path = join(folder, 'chain.json')
  writeFileSync(path, text)
  return loadChainSpec(path)
}

describe('a chain spec in a file', () => {
  it('is read', async () => {
    expect(await loadChainSpec(DEVNET_SPEC_PATH)).toMatchObject({ name: 'devnet' })
  })

  it.each([
    ['a key that stands twice', '{"version":2,"name":"a","name":"b"}', '"name" stands twice'],
    ['one within', '{"version":2,"name":"a","genesis":{"time":1,"time":2}}', '"time" stands twice'],
    ['__proto__', '{"version":2,"name":"a","__proto__":{"powLimit":1}}', '__proto__'],
    ['no JSON', '{', 'chain.json: '],
  ])('is refused for %s', async (_, text, message) => {
    await expect(load(text)).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'bad-chain-spec',
      message: expect.stringContaining(message),
    })
  })
})
