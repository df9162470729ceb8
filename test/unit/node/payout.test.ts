import { describe, expect, it } from 'vitest'
import { loadPayoutScript, type SecretName } from '../../../src/node/index.ts'

/** A source that gives these pieces, one after another. */
function createScriptedRandom(pieces: readonly Uint8Array[]) {
  const left = [...pieces]
  return { float: () => 0, bytes: () => left.shift() ?? new Uint8Array(32) }
}

function createSecrets() {
  const kept = new Map<SecretName, Uint8Array>()
  return {
    kept,
    read: async (name: SecretName) => kept.get(name),
    write: async (name: SecretName, bytes: Uint8Array) => {
      kept.set(name, bytes)
    },
  }
}

describe('loadPayoutScript', () => {
  it('draws the key from the given source, once, and pays the same script from then on', async () => {
    const secrets = createSecrets()
    const key = new Uint8Array(32).fill(7)
    const script = await loadPayoutScript(secrets, createScriptedRandom([key]))
    expect(secrets.kept.get('miner')).toEqual(key)
    const other = createScriptedRandom([new Uint8Array(32).fill(8)])
    expect(await loadPayoutScript(secrets, other)).toEqual(script)
    expect(script).toHaveLength(22)
  })

  it('draws again when the bytes are no key: zero, or not below the order of the curve', async () => {
    const secrets = createSecrets()
    const key = new Uint8Array(32).fill(9)
    const pieces = [new Uint8Array(32), new Uint8Array(32).fill(0xff), key]
    await loadPayoutScript(secrets, createScriptedRandom(pieces))
    expect(secrets.kept.get('miner')).toEqual(key)
  })
})
