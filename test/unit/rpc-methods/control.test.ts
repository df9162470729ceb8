import { describe, expect, it } from 'vitest'
import { formatMethodHelp, RPC_METHODS, RpcError } from '../../../src/rpc/index.ts'
import { Cancellation } from '../../../src/util/index.ts'
import { createRegtestNode, REGTEST_NOW } from '../../support/regtest-node.ts'
import { TestWallet } from '../../support/wallet.ts'

const wallet = new TestWallet('control')

describe('the table of methods', () => {
  it('has what issue trackers, pools and explorers of Bitcoin call first', () => {
    expect(RPC_METHODS.map(({ name }) => name).sort()).toEqual([
      'abandontransaction',
      'addnode',
      'backupwallet',
      'bumpfee',
      'clearbanned',
      'combinepsbt',
      'createpsbt',
      'createrawtransaction',
      'createwallet',
      'decodepsbt',
      'decoderawtransaction',
      'decodescript',
      'deriveaddresses',
      'disconnectnode',
      'disconnectworker',
      'dumptxoutset',
      'encryptwallet',
      'estimatesmartfee',
      'finalizepsbt',
      'fundrawtransaction',
      'generateblock',
      'generatetoaddress',
      'generatetodescriptor',
      'getaddednodeinfo',
      'getaddressinfo',
      'getaddrmaninfo',
      'getbalance',
      'getbalances',
      'getbestblockhash',
      'getblock',
      'getblockchaininfo',
      'getblockcount',
      'getblockhash',
      'getblockheader',
      'getblockstats',
      'getblocktemplate',
      'getchaintips',
      'getchaintxstats',
      'getconnectioncount',
      'getdeploymentinfo',
      'getdescriptorinfo',
      'getdifficulty',
      'getfaults',
      'getindexinfo',
      'getmemoryinfo',
      'getmempoolancestors',
      'getmempooldescendants',
      'getmempoolentry',
      'getmempoolinfo',
      'getminerinfo',
      'getmininginfo',
      'getnettotals',
      'getnetworkhashps',
      'getnetworkinfo',
      'getnewaddress',
      'getnodeaddresses',
      'getpeerinfo',
      'getpoolinfo',
      'getprioritisedtransactions',
      'getrawchangeaddress',
      'getrawmempool',
      'getrawtransaction',
      'gettransaction',
      'gettxout',
      'gettxoutsetinfo',
      'getwalletinfo',
      'importdescriptors',
      'invalidateblock',
      'listbanned',
      'listdescriptors',
      'listlockunspent',
      'listpoolblocks',
      'listpoolworkers',
      'listtransactions',
      'listunspent',
      'listwalletdir',
      'listwallets',
      'loadtxoutset',
      'loadwallet',
      'lockunspent',
      'ping',
      'preciousblock',
      'prioritisetransaction',
      'pruneblockchain',
      'reconsiderblock',
      'rescanblockchain',
      'restorewallet',
      'send',
      'sendmany',
      'sendrawtransaction',
      'sendtoaddress',
      'setban',
      'setfaults',
      'setminers',
      'setmocktime',
      'setnetworkactive',
      'signrawtransactionwithkey',
      'signrawtransactionwithwallet',
      'stop',
      'submitblock',
      'submitheader',
      'submitpackage',
      'testmempoolaccept',
      'unloadwallet',
      'uptime',
      'validateaddress',
      'waitforblock',
      'waitforblockheight',
      'waitfornewblock',
      'walletcreatefundedpsbt',
      'walletlock',
      'walletpassphrase',
      'walletpassphrasechange',
      'walletprocesspsbt',
    ])
  })

  it.each(RPC_METHODS.map((method) => [method.name, method] as const))(
    'help for %s shows its result',
    (name, method) => {
      const help = formatMethodHelp(method)
      expect(help.startsWith(name)).toBe(true)
      expect(help).toContain('\nResult')
      expect(help).toContain('\nExamples:')
      expect(help).not.toContain('(any')
    },
  )

  it('refuses more arguments than a method has', async () => {
    const node = await createRegtestNode()
    expect(await node.refusal('getblockcount', 1)).toMatch(/^-1 getblockcount\n/)
    expect(await node.refusal('getblockhash')).toMatch(/^-1 getblockhash height\n/)
  })
})

describe('control', () => {
  it('uptime counts seconds', async () => {
    const node = await createRegtestNode()
    expect(await node.call('uptime')).toBe(0)
    node.clock.set(REGTEST_NOW + 61)
    expect(await node.call('uptime')).toBe(61)
  })

  it('stop asks for it and says so', async () => {
    const node = await createRegtestNode()
    expect(await node.call('stop')).toBe('Quarry stopping')
    expect(node.stopRequests()).toBe(1)
    expect(await node.call('stop', 0)).toBe('Quarry stopping')
    expect(await node.refusal('stop', 'soon')).toMatch(/^-3 Wrong type passed/)
    expect(node.stopRequests()).toBe(2)
  })

  it('stop answers after the wait, or as soon as the server stops', async () => {
    const node = await createRegtestNode()
    const cancellation = new Cancellation()
    let isAnswered = false
    const answer = node.rpc.execute('stop', [60_000], { signal: cancellation }).then((text) => {
      isAnswered = true
      return text
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect([node.stopRequests(), isAnswered]).toEqual([1, false])
    cancellation.abort(new RpcError(-1, 'Call aborted'))
    expect(await answer).toBe('Quarry stopping')
  })

  it('setmocktime sets the time that blocks are made and judged by', async () => {
    const node = await createRegtestNode()
    const later = REGTEST_NOW + 1_000_000
    expect(await node.call('setmocktime', later)).toBeNull()
    const [hash] = await node.mine(1, wallet.script('p2wpkh'))
    expect((await node.call('getblockheader', hash)).time).toBe(later)
    await node.call('setmocktime', 0)
    expect(node.clock.now()).toBe(REGTEST_NOW * 1_000)
    expect(await node.refusal('setmocktime', -1)).toBe(
      '-8 Mocktime must be in the range [0, 4294967295], not -1.',
    )
    const main = await createRegtestNode({ params: { rpcChain: 'main' } })
    expect(await main.refusal('setmocktime', later)).toBe(
      '-1 setmocktime is for regression testing (-regtest mode) only',
    )
  })

  it('getmemoryinfo has no locked memory to tell of', async () => {
    const node = await createRegtestNode()
    const { locked } = await node.call('getmemoryinfo')
    expect(Object.values(locked)).toEqual([0, 0, 0, 0, 0, 0])
    expect(await node.refusal('getmemoryinfo', 'mallocinfo')).toBe('-8 unknown mode mallocinfo')
  })

  it('getindexinfo has none', async () => {
    const node = await createRegtestNode()
    expect(await node.call('getindexinfo')).toEqual({})
    expect(await node.call('getindexinfo', 'txindex')).toEqual({})
  })
})

describe('validateaddress', () => {
  it.each([
    ['p2pkh', { isscript: false, iswitness: false }],
    ['p2wpkh', { isscript: false, iswitness: true, witness_version: 0 }],
    ['p2tr', { isscript: true, iswitness: true, witness_version: 1 }],
  ] as const)('knows %s', async (kind, wanted) => {
    const node = await createRegtestNode()
    const address = wallet.address(kind)
    const script = Buffer.from(wallet.script(kind)).toString('hex')
    expect(await node.call('validateaddress', address)).toEqual({
      isvalid: true,
      address,
      scriptPubKey: script,
      ...wanted,
      ...(wanted.iswitness ? { witness_program: script.slice(4) } : {}),
    })
  })

  it('spells addresses in one way', async () => {
    const node = await createRegtestNode()
    const address = wallet.address('p2wpkh')
    expect(await node.call('validateaddress', address.toUpperCase())).toMatchObject({
      isvalid: true,
      address,
    })
  })

  it.each([
    ['', 'Invalid checksum or length of Base58 address (P2PKH or P2SH)', /^it is empty$/],
    ['hello', 'Invalid or unsupported Segwit (Bech32) or Base58 encoding.', /^it has characters/],
    [
      'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4',
      'Invalid or unsupported Segwit (Bech32) or Base58 encoding.',
      /^it is an address of mainnet: it begins with bc1 instead of bcrt1$/,
    ],
  ])("refuses %j in Bitcoin Core's words, and in ours", async (text, error, reason) => {
    const node = await createRegtestNode()
    const answer = await node.call('validateaddress', text)
    expect(answer).toEqual({
      isvalid: false,
      error_locations: [],
      error,
      quarry_reason: expect.stringMatching(reason),
    })
  })
})
