import { HDKey } from '@scure/bip32'
import { mnemonicToSeedSync } from '@scure/bip39'
import { describe, expect, it } from 'vitest'
import { encodeAddress } from '../../src/script/index.ts'
import { decodeHex, encodeHex } from '../../src/util/index.ts'
import {
  createKeyNetwork,
  createMnemonic,
  deriveAccounts,
  parseDescriptor,
} from '../../src/wallet/index.ts'

const MAIN = createKeyNetwork(true, 0x80)
const MAIN_PREFIXES = { pubkeyHash: 0, scriptHash: 5, secretKey: 0x80, bech32: 'bc' }
const ABOUT = `${'abandon '.repeat(11)}about`

function addressOf(descriptor: string, index: number): string | undefined {
  const { scriptPubKey } = parseDescriptor(descriptor, MAIN).derive(index)
  return encodeAddress(scriptPubKey, MAIN_PREFIXES)
}

describe('BIP-0039', () => {
  // Of the reference implementation's vectors, whose passphrase is TREZOR.
  it.each([
    [
      '00000000000000000000000000000000',
      ABOUT,
      'c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04',
    ],
    [
      '7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f',
      'legal winner thank year wave sausage worth useful legal winner thank yellow',
      '2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6fa457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607',
    ],
    [
      'ffffffffffffffffffffffffffffffff',
      'zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong',
      'ac27495480225222079d7be181583751e86f571027b0497b5b5d11218e0a8a13332572917f0f8e5a589620c6f15b11c61dee327651a14c34e18231052e48c069',
    ],
  ])('entropy %s', (entropy, words, seed) => {
    expect(createMnemonic(decodeHex(entropy))).toBe(words)
    expect(encodeHex(mnemonicToSeedSync(words, 'TREZOR'))).toBe(seed)
  })

  it('refuses words that are no seed, and does not repeat them', () => {
    const words = `${'abandon '.repeat(11)}abandon`
    expect(() => deriveAccounts(words, MAIN)).toThrow('These are not the words of a seed')
  })
})

describe('BIP-0032', () => {
  it('test vector 1', () => {
    const master = HDKey.fromMasterSeed(decodeHex('000102030405060708090a0b0c0d0e0f'))
    expect(master.derive("m/0'/1/2'/2/1000000000").publicExtendedKey).toBe(
      'xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy',
    )
  })

  it('descriptors take the hardened steps at once, so that public keys do for the rest', () => {
    const xprv =
      'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi'
    const descriptor = parseDescriptor(`wpkh(${xprv}/0'/1/2'/2/1000000000)`, MAIN)
    const key =
      'xpub6D4BDPcP2GT577Vvch3R8wDkScZWzQzMMUm3PWbmWvVJrZwQY4VUNgqFJPMM3No2dFDFGTsxxpG5uJh7n7epu4trkrX7x7DogT5Uv6fcLW5'
    expect(descriptor.toPublicText()).toContain(`[3442193e/0h/1/2h]${key}/2/1000000000)`)
    expect(encodeHex(descriptor.derive(0).publicKey)).toBe(
      '022a471424da5e657499d1ff51cb43c47481a03b1e77f951fe64cec9f5a48f7011',
    )
    expect(parseDescriptor(descriptor.toPublicText(), MAIN, true).derive(0).publicKey).toEqual(
      descriptor.derive(0).publicKey,
    )
  })
})

describe('BIP-0084 and BIP-0086', () => {
  it.each([
    [0, 0, 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu'],
    [0, 1, 'bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g'],
    [1, 0, 'bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el'],
    [2, 0, 'bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr'],
    [2, 1, 'bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh'],
    [3, 0, 'bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7'],
  ])('descriptor %i, index %i', (position, index, address) => {
    const accounts = deriveAccounts(ABOUT, MAIN)
    const descriptor = accounts[position]?.descriptor
    expect(descriptor?.hasPrivateKey).toBe(true)
    expect(addressOf(descriptor?.toPublicText() ?? '', index)).toBe(address)
  })
})

describe('descriptors of one key', () => {
  // BIP-0381, BIP-0382 and BIP-0386 give these, with the output scripts.
  it.each([
    [
      'pkh(L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1)',
      '76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac',
    ],
    [
      'wpkh(L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1)',
      '00149a1c78a507689f6f54b847ad1cef1e614ee23f1e',
    ],
    [
      'sh(wpkh(03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd))',
      'a91484ab21b1b2fd065d4504ff693d832434b6108d7b87',
    ],
    [
      'tr(a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)',
      '512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11',
    ],
    [
      'tr(L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1)',
      '512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11',
    ],
  ])('%s', (text, script) => {
    expect(encodeHex(parseDescriptor(text, MAIN).derive(0).scriptPubKey)).toBe(script)
  })

  it.each([
    ['wpkh(5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss)', 'Uncompressed keys'],
    ['wpkh()', 'No key provided'],
    ['multi(1,02aa)', "'multi' is not a valid descriptor function"],
    ['wpkh(xprvnonsense/0/*)', 'A key is not valid'],
    [
      'wpkh(03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)#aaaaaaaa',
      'checksum',
    ],
  ])('refuses %s', (text, message) => {
    expect(() => parseDescriptor(text, MAIN)).toThrow(message)
  })
})
