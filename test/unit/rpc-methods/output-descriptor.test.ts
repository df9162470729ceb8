import { describe, expect, it } from 'vitest'
import { inferDescriptor } from '../../../src/rpc/methods/output-descriptor.ts'
import { withDescriptorChecksum } from '../../../src/script/index.ts'
import { decodeHex } from '../../../src/util/index.ts'
import { TestWallet } from '../../support/wallet.ts'

const KEY_G = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
const KEY_2G = 'c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5'

describe('withDescriptorChecksum', () => {
  it.each([
    // BIP-0380's own example.
    ['raw(deadbeef)', '89f8spxm'],
    // Of mainnet's genesis, as Bitcoin Core shows it.
    [
      'pk(04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e5' +
        '1ec112de5c384df7ba0b8d578a4c702b6bf11d5f)',
      'vlz6ztea',
    ],
  ])('of %s', (descriptor, checksum) => {
    expect(withDescriptorChecksum(descriptor)).toBe(`${descriptor}#${checksum}`)
  })
})

describe('inferDescriptor', () => {
  const infer = (hex: string, address?: string) =>
    inferDescriptor(decodeHex(hex), address).replace(/#[a-z0-9]{8}$/, '')

  it('names the keys of bare scripts', () => {
    expect(infer(`21${`02${KEY_G}`}ac`)).toBe(`pk(02${KEY_G})`)
    expect(infer(`5121${`02${KEY_G}`}21${`02${KEY_2G}`}52ae`)).toBe(
      `multi(1,02${KEY_G},02${KEY_2G})`,
    )
  })

  it('shows taproot outputs by their key, if it is one', () => {
    expect(infer(`5120${KEY_G}`, 'bcrt1p')).toBe(`rawtr(${KEY_G})`)
    expect(infer(`5120${'ff'.repeat(32)}`, 'bcrt1p')).toBe('addr(bcrt1p)')
  })

  it('falls back on the address, then on the bytes', () => {
    const wallet = new TestWallet('descriptor')
    const address = wallet.address('p2wpkh')
    expect(inferDescriptor(wallet.script('p2wpkh'), address)).toMatch(
      new RegExp(`^addr\\(${address}\\)#[a-z0-9]{8}$`),
    )
    expect(infer('51')).toBe('raw(51)')
    expect(infer('')).toBe('raw()')
  })
})
