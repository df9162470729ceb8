/** @module What nobody else may know, in the open and encrypted. */

import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { bytesToUtf8 } from '@noble/ciphers/utils.js'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import * as z from 'zod'
import { decodeHex, encodeHex, type RandomSource } from '../util/index.ts'
import { WalletError } from './wallet-error.ts'

const HEX_SCHEMA = z.string().regex(/^([0-9a-f]{2})*$/)

const SECRETS_SCHEMA = z.object({
  /** The words of the seed; null if the wallet has none. */
  mnemonic: z.string().nullable(),
  /** For each of the wallet's descriptors its text with private keys; empty if it has none. */
  descriptors: z.array(z.string()),
})

/** A wallet's secrets. */
export type Secrets = z.infer<typeof SECRETS_SCHEMA>

/** Encrypted secrets as a wallet's file has them. */
export const SEALED_SECRETS_SCHEMA = z.object({
  kdf: z.literal('scrypt'),
  /** Cost: a power of two. Bounded, so that a file cannot ask for any amount of memory. */
  n: z.int().min(2).max(1_048_576),
  r: z.int().min(1).max(16),
  p: z.int().min(1).max(16),
  salt: HEX_SCHEMA,
  cipher: z.literal('xchacha20-poly1305'),
  nonce: HEX_SCHEMA,
  ciphertext: HEX_SCHEMA,
})

/** See {@link SEALED_SECRETS_SCHEMA}. */
export type SealedSecrets = z.infer<typeof SEALED_SECRETS_SCHEMA>

/** How a passphrase becomes a key. */
export type KeyDerivation = Pick<SealedSecrets, 'kdf' | 'n' | 'r' | 'p' | 'salt'>

/** 64 MiB and a fraction of a second for each guess. */
const SCRYPT_COST = { kdf: 'scrypt', n: 65_536, r: 8, p: 1 } as const
const SALT_SIZE = 16
const NONCE_SIZE = 24
const KEY_SIZE = 32
/** How long the derivation may keep others waiting at a time, in milliseconds. */
const KDF_TICK_MS = 10

/** What a key is derived with, made anew. */
export function createKeyDerivation(random: RandomSource): KeyDerivation {
  return { ...SCRYPT_COST, salt: encodeHex(random.bytes(SALT_SIZE)) }
}

/** The key that a passphrase stands for. Takes a while, on purpose, and lets others work meanwhile. */
export function deriveKey(
  passphrase: string,
  { n, r, p, salt }: KeyDerivation,
): Promise<Uint8Array> {
  const options = { N: n, r, p, dkLen: KEY_SIZE, asyncTick: KDF_TICK_MS }
  return scryptAsync(utf8ToBytes(passphrase.normalize('NFKC')), decodeHex(salt), options)
}

/** What is not secret but must not be changed either. */
function bind(walletId: string, { kdf, n, r, p, salt }: KeyDerivation): Uint8Array {
  return utf8ToBytes(JSON.stringify([walletId, kdf, n, r, p, salt]))
}

/** Encrypts secrets for one wallet. */
export function sealSecrets(
  secrets: Secrets,
  key: Uint8Array,
  derivation: KeyDerivation,
  walletId: string,
  random: RandomSource,
): SealedSecrets {
  const { kdf, n, r, p, salt } = derivation
  const nonce = random.bytes(NONCE_SIZE)
  const cipher = xchacha20poly1305(key, nonce, bind(walletId, derivation))
  return {
    ...{ kdf, n, r, p, salt },
    cipher: 'xchacha20-poly1305',
    nonce: encodeHex(nonce),
    ciphertext: encodeHex(cipher.encrypt(utf8ToBytes(JSON.stringify(secrets)))),
  }
}

/** Reads secrets out of bytes of a file. @throws {@link WalletError} `damaged` */
export function parseSecrets(value: unknown): Secrets {
  const parsed = SECRETS_SCHEMA.safeParse(value)
  if (parsed.success) return parsed.data
  throw new WalletError('damaged', "The wallet's keys are damaged: restore it from a backup")
}

/**
 * Decrypts.
 *
 * @throws {@link WalletError} `wrong-passphrase` if the key is another, or somebody has changed the file.
 */
export function openSecrets(sealed: SealedSecrets, key: Uint8Array, walletId: string): Secrets {
  const cipher = xchacha20poly1305(key, decodeHex(sealed.nonce), bind(walletId, sealed))
  let bytes: Uint8Array
  try {
    bytes = cipher.decrypt(decodeHex(sealed.ciphertext))
  } catch {
    throw new WalletError('wrong-passphrase', 'Error: The wallet passphrase entered was incorrect.')
  }
  return parseSecrets(JSON.parse(bytesToUtf8(bytes)))
}
