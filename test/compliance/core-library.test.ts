import { runInNewContext } from 'node:vm'
import { build, type Rolldown } from 'vite'
import { beforeAll, describe, expect, it } from 'vitest'
import { createConsensusParams, MAINNET_SPEC } from '../../src/consensus/index.ts'
import { type Block, encodeBlock, encodeHex } from '../../src/core.ts'

/** What a browser and a worker have besides the language itself, as far as the core needs it. */
const BROWSER_GLOBALS = { TextEncoder, TextDecoder }
const NODE_IMPORT = /(^node:|^(assert|buffer|crypto|fs|os|path|process|stream|util|vm)$)/

type Core = typeof import('../../src/core.ts')

/** Bundles the core as a page would, with its dependencies, and fails on whatever only Node.js has. */
async function bundleCore(): Promise<Rolldown.OutputChunk> {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      target: 'es2022',
      lib: { entry: 'src/core.ts', formats: ['iife'], name: 'core', fileName: 'core' },
    },
    plugins: [
      {
        name: 'no-nodejs',
        enforce: 'pre',
        resolveId(source, importer) {
          if (NODE_IMPORT.test(source)) this.error(`${importer} imports ${source}`)
          return null
        },
      },
    ],
  })
  const [bundle] = Array.isArray(result) ? result : [result]
  if (bundle === undefined || !('output' in bundle)) throw new Error('nothing was bundled')
  const [chunk, ...others] = bundle.output
  expect(others).toEqual([])
  return chunk
}

describe('quarry/core in a browser', () => {
  let chunk: Rolldown.OutputChunk
  let core: Core

  beforeAll(async () => {
    chunk = await bundleCore()
    core = runInNewContext(`${chunk.code}; core`, { ...BROWSER_GLOBALS }) as Core
  })

  it('bundles into one file that needs nothing else', () => {
    expect(chunk.imports).toEqual([])
    expect(chunk.dynamicImports).toEqual([])
    expect(chunk.code).not.toMatch(
      /__vite-browser-external|\brequire\(["'`]|\bprocess\.|\bBuffer\./,
    )
  })

  it('judges a block where there is no Node.js', () => {
    const { genesis } = createConsensusParams(MAINNET_SPEC)
    const bytes = core.decodeHex(encodeHex(encodeBlock(genesis)))
    const block: Block = core.decodeBlock(bytes)
    expect(core.toDisplayHex(core.computeBlockHash(block.header))).toBe(
      '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
    )
    core.checkBlock(block)
    bytes[bytes.length - 1] = 1
    expect(() => core.checkBlock(core.decodeBlock(bytes))).toThrow(
      expect.objectContaining({ code: 'bad-txnmrklroot' }),
    )
  })

  it('verifies a signature where there is no Node.js', () => {
    // The first transaction that spends: block 170, to Hal Finney.
    const tx = core.decodeTransaction(
      core.decodeHex(
        '0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402204e45e16932b8af51' +
          '4961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac46220822' +
          '21a8768d1d0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302f' +
          'a28414e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dc' +
          'db8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b' +
          '8643f656b412a3ac00000000',
      ),
    )
    const spent = [
      {
        value: 5_000_000_000n,
        scriptPubKey: core.decodeHex(
          '410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9' +
            'd4c03f999b8643f656b412a3ac',
        ),
      },
    ]
    const verify = (spentOutputs: typeof spent): void =>
      core.verifyInput(
        tx,
        0,
        spentOutputs,
        core.CONSENSUS_SCRIPT_FLAGS,
        core.precomputeTransactionData(tx, spentOutputs),
        core.nobleSignatureEngine,
      )
    expect(core.toDisplayHex(core.computeTxid(tx))).toBe(
      'f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16',
    )
    verify(spent)
    const [output] = spent
    if (output === undefined) throw new RangeError('no output')
    output.scriptPubKey[10] = (output.scriptPubKey[10] ?? 0) ^ 1
    expect(() => verify(spent)).toThrow(expect.objectContaining({ name: 'ScriptError' }))
  })
})
