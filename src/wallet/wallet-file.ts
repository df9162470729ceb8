/** @module The file of a wallet: everything that nobody could learn again from the chain. */

import { bytesToUtf8 } from '@noble/ciphers/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import * as z from 'zod'
import { encodeHex } from '../util/index.ts'
import { SEALED_SECRETS_SCHEMA } from './secrets.ts'
import { WalletError } from './wallet-error.ts'

/** Where the files of wallets are kept. Names are those of {@link isWalletName}. */
export interface WalletFiles {
  /** The names of all wallets that there are. */
  list(): Promise<readonly string[]>
  /** Undefined if there is none of that name. */
  read(name: string): Promise<Uint8Array | undefined>
  /** Replaces the whole file or nothing of it, for its owner's eyes only; on the disk when this resolves. */
  write(name: string, bytes: Uint8Array): Promise<void>
  /** Where it is, for people. */
  locate(name: string): string
}

const MAX_INDEX = 0x7fff_ffff
/** So many descriptors a wallet may have. */
export const MAX_DESCRIPTORS = 1_000

const CHAIN_SCHEMA = z.object({
  /** Without private keys. */
  descriptor: z.string(),
  /** Whether new addresses come from it. */
  isActive: z.boolean(),
  isInternal: z.boolean(),
  /** The first index that nobody has been given. */
  nextIndex: z.int().min(0).max(MAX_INDEX),
  /** Indexes below this are watched, however few are used. */
  rangeEnd: z.int().min(0).max(MAX_INDEX),
  /** Unix seconds before which it got nothing. */
  timestamp: z.int().min(0),
})

/** One descriptor of a wallet and how far it is used. */
export type ChainRecord = z.infer<typeof CHAIN_SCHEMA>

const ID_SCHEMA = z.string().regex(/^[0-9a-f]{32}$/)

const FILE_SCHEMA = z.object({
  format: z.literal('quarry-wallet'),
  version: z.literal(1),
  /** Bound to its encrypted keys: 16 bytes in hexadecimal. */
  id: ID_SCHEMA,
  /** Names its records in the store; another one in each copy. */
  recordsId: ID_SCHEMA,
  /** The chain's genesis block. */
  genesis: z.string(),
  /** Nothing of it is in blocks below this height. */
  birthHeight: z.int().min(0),
  /** Whether it is loaded when the node starts. */
  isLoadedOnStart: z.boolean(),
  chains: z.array(CHAIN_SCHEMA).max(MAX_DESCRIPTORS),
  /** Null for a wallet that never has private keys. */
  secrets: z
    .union([z.object({ sealed: SEALED_SECRETS_SCHEMA }), z.object({ plain: z.unknown() })])
    .nullable(),
})

/** The content of a wallet's file. */
export type WalletContent = z.infer<typeof FILE_SCHEMA>

const ENVELOPE_SCHEMA = z.object({ checksum: z.string(), wallet: z.unknown() })

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9 _.-]{0,63}$/

/** Whether a wallet may be called so. The empty name is that of the wallet without one. */
export function isWalletName(name: string): boolean {
  return name === '' || (NAME.test(name) && !name.endsWith('.') && !name.endsWith(' '))
}

function checksumOf(wallet: unknown): string {
  return encodeHex(sha256(utf8ToBytes(JSON.stringify(wallet))))
}

/** Writes the content with a checksum over it. */
export function encodeWalletFile(wallet: WalletContent): Uint8Array {
  const checksum = checksumOf(wallet)
  return utf8ToBytes(`${JSON.stringify({ checksum, wallet }, undefined, 1)}\n`)
}

/** @throws {@link WalletError} `damaged` */
export function decodeWalletFile(bytes: Uint8Array): WalletContent {
  try {
    const { checksum, wallet } = ENVELOPE_SCHEMA.parse(JSON.parse(bytesToUtf8(bytes)))
    if (checksum === checksumOf(wallet)) return FILE_SCHEMA.parse(wallet)
  } catch {
    // What was wrong could show a part of the file, which may hold keys.
  }
  throw new WalletError('damaged', 'The wallet file is damaged: restore it from a backup')
}
