/** @module The keys of one wallet: its file, its passphrase, its addresses. */

import {
  type Clock,
  encodeHex,
  Mutex,
  type RandomSource,
  type Timer,
  toErrorMessage,
} from '../util/index.ts'
import { type Descriptor, type DescriptorKind, parseDescriptor } from './descriptor.ts'
import { type KeyChain, KeyRing, type OwnScript } from './key-ring.ts'
import type { KeyNetwork } from './key-source.ts'
import {
  createKeyDerivation,
  deriveKey,
  type KeyDerivation,
  openSecrets,
  parseSecrets,
  type SealedSecrets,
  type Secrets,
  sealSecrets,
} from './secrets.ts'
import { createMnemonic, deriveAccounts, SEED_ENTROPY_SIZE } from './seed.ts'
import { WalletError } from './wallet-error.ts'
import {
  type ChainRecord,
  encodeWalletFile,
  MAX_DESCRIPTORS,
  type WalletContent,
  type WalletFiles,
} from './wallet-file.ts'

/** What keys are kept with. */
export interface WalletKeysDeps {
  readonly files: WalletFiles
  readonly network: KeyNetwork
  readonly clock: Clock
  readonly random: RandomSource
}

/** How a new wallet is to be. */
export interface NewKeys {
  /** Encrypts the keys; undefined leaves them in the open, in a file that its owner alone may read. */
  readonly passphrase: string | undefined
  /** Whether it has no keys at first. */
  readonly isBlank: boolean
  readonly hasPrivateKeys: boolean
  readonly isLoadedOnStart: boolean
  /** The words of a seed; a new one is made without. */
  readonly mnemonic?: string | undefined
  readonly birthHeight: number
  /** Unix seconds. */
  readonly birthTime: number
  /** Display hex. */
  readonly genesis: string
}

/** A descriptor to be taken in. */
export interface NewDescriptor {
  readonly descriptor: Descriptor
  readonly isActive: boolean
  readonly isInternal: boolean
  readonly nextIndex: number
  readonly rangeEnd: number
  readonly timestamp: number
}

const ID_SIZE = 16
const LOCKED_MESSAGE = 'Error: Please enter the wallet passphrase with walletpassphrase first.'

/** A name that nothing else has. */
export function createId(random: RandomSource): string {
  return encodeHex(random.bytes(ID_SIZE))
}

/** Derives what is needed to encrypt with a passphrase. */
async function protect(passphrase: string, random: RandomSource) {
  const derivation = createKeyDerivation(random)
  return { derivation, key: await deriveKey(passphrase, derivation) }
}

function toRecord(descriptor: Descriptor, rest: Omit<ChainRecord, 'descriptor'>): ChainRecord {
  return { descriptor: descriptor.toPublicText(), ...rest }
}

/** The content of a new wallet's file. */
export async function createWalletContent(
  wishes: NewKeys,
  { network, random }: Pick<WalletKeysDeps, 'network' | 'random'>,
): Promise<WalletContent> {
  const { genesis, birthHeight, birthTime, isLoadedOnStart, passphrase } = wishes
  const hasSeed = wishes.hasPrivateKeys && !wishes.isBlank
  const mnemonic = hasSeed
    ? (wishes.mnemonic ?? createMnemonic(random.bytes(SEED_ENTROPY_SIZE)))
    : null
  const accounts = mnemonic === null ? [] : deriveAccounts(mnemonic, network)
  const chains = accounts.map(({ descriptor, isInternal }) =>
    toRecord(descriptor, {
      isActive: true,
      isInternal,
      nextIndex: 0,
      rangeEnd: 0,
      timestamp: birthTime,
    }),
  )
  const plain: Secrets = {
    mnemonic,
    descriptors: accounts.map(({ descriptor }) => descriptor.toPrivateText()),
  }
  const id = createId(random)
  const recordsId = createId(random)
  const head = { format: 'quarry-wallet', version: 1, id, recordsId } as const
  const content = { ...head, genesis, birthHeight, isLoadedOnStart, chains }
  if (!wishes.hasPrivateKeys) return { ...content, secrets: null }
  if (passphrase === undefined) return { ...content, secrets: { plain } }
  const { derivation, key } = await protect(passphrase, random)
  return { ...content, secrets: { sealed: sealSecrets(plain, key, derivation, id, random) } }
}

/** The keys of a wallet that is loaded. Whatever changes is in its file before anybody hears of it. */
export class WalletKeys {
  readonly name: string
  readonly ring: KeyRing
  readonly #deps: WalletKeysDeps
  readonly #saving = new Mutex()
  /** Passphrases are tried and changed one at a time. */
  readonly #guard = new Mutex()
  #content: WalletContent
  /** Undefined while they are locked. */
  #secrets: Secrets | undefined
  /** What the passphrase stands for, while unlocked. */
  #key: Uint8Array | undefined
  #lockTimer: Timer | undefined
  #unlockedUntil = 0
  /** Descriptors with private keys by position, as far as they were needed. */
  readonly #privateDescriptors = new Map<number, Descriptor>()

  private constructor(deps: WalletKeysDeps, name: string, content: WalletContent, ring: KeyRing) {
    this.#deps = deps
    this.name = name
    this.#content = content
    const { secrets } = content
    if (secrets !== null && 'plain' in secrets) this.#secrets = parseSecrets(secrets.plain)
    this.ring = ring
  }

  /** Takes what a wallet's file has. @throws {@link WalletError} `damaged` */
  static async open(
    deps: WalletKeysDeps,
    name: string,
    content: WalletContent,
  ): Promise<WalletKeys> {
    const ring = await KeyRing.open(deps.network, content.chains, deps.clock)
    return new WalletKeys(deps, name, content, ring)
  }

  get network(): KeyNetwork {
    return this.#deps.network
  }

  /** Bound to the encrypted keys. */
  get id(): string {
    return this.#content.id
  }

  get birthHeight(): number {
    return this.#content.birthHeight
  }

  get isLoadedOnStart(): boolean {
    return this.#content.isLoadedOnStart
  }

  get hasPrivateKeys(): boolean {
    return this.#content.secrets !== null
  }

  get isEncrypted(): boolean {
    return this.#sealed() !== undefined
  }

  get isLocked(): boolean {
    return this.hasPrivateKeys && this.#secrets === undefined
  }

  /** Until when it is unlocked, Unix seconds; 0 if it is locked. */
  get unlockedUntil(): number {
    return this.isLocked ? 0 : this.#unlockedUntil
  }

  #sealed(): SealedSecrets | undefined {
    const { secrets } = this.#content
    return secrets !== null && 'sealed' in secrets ? secrets.sealed : undefined
  }

  /** The file's bytes as they should be now. */
  #encode(): Uint8Array {
    const chains = this.ring.chains.map(({ record }) => record)
    this.#content = { ...this.#content, chains }
    return encodeWalletFile(this.#content)
  }

  /** Writes the file. @throws {@link WalletError} `not-written` */
  save(): Promise<void> {
    return this.#saving.run(async () => {
      try {
        await this.#deps.files.write(this.name, this.#encode())
      } catch (error) {
        const message = `Error: The wallet could not be written. ${toErrorMessage(error)}`
        throw new WalletError('not-written', message, { cause: error })
      }
    })
  }

  /** A copy of the file, for a backup. */
  toBackup(): Uint8Array {
    return this.#encode()
  }

  async setLoadedOnStart(isLoadedOnStart: boolean): Promise<void> {
    if (isLoadedOnStart === this.#content.isLoadedOnStart) return
    this.#content = { ...this.#content, isLoadedOnStart }
    await this.save()
  }

  /** @throws {@link WalletError} `no-private-keys`, `locked` */
  requireUnlocked(): Secrets {
    if (!this.hasPrivateKeys) {
      throw new WalletError('no-private-keys', 'Error: Private keys are disabled for this wallet')
    }
    if (this.#secrets === undefined) throw new WalletError('locked', LOCKED_MESSAGE)
    return this.#secrets
  }

  /** Whether outputs of a descriptor can be spent. @throws {@link WalletError} `no-private-keys`, `locked` */
  canSpend(chain: KeyChain): boolean {
    return (this.requireUnlocked().descriptors[chain.position] ?? '') !== ''
  }

  /** The private key that spends an output of ours: 32 bytes. Undefined if it is only watched. */
  privateKeyOf({ chain, index }: OwnScript): Uint8Array | undefined {
    const text = this.requireUnlocked().descriptors[chain.position] ?? ''
    if (text === '') return undefined
    let descriptor = this.#privateDescriptors.get(chain.position)
    if (descriptor === undefined) {
      descriptor = parseDescriptor(text, this.#deps.network)
      this.#privateDescriptors.set(chain.position, descriptor)
    }
    return descriptor.derivePrivateKey(index)
  }

  /** A descriptor's text with its private key; undefined if it has none. A secret. */
  privateTextOf(chain: KeyChain): string | undefined {
    const text = this.requireUnlocked().descriptors[chain.position] ?? ''
    return text === '' ? undefined : text
  }

  /** The active descriptor of a form. */
  findActive(kind: DescriptorKind, isInternal: boolean): KeyChain | undefined {
    return this.ring.chains.find(
      ({ descriptor, record }) =>
        record.isActive && record.isInternal === isInternal && descriptor.kind === kind,
    )
  }

  /** An address that nobody has been given; written down before this resolves. */
  async takeAddress(chain: KeyChain): Promise<OwnScript> {
    const own = this.ring.takeNext(chain)
    if (own === undefined) {
      throw new WalletError(
        'keys-ran-out',
        'Error: Keypool ran out, please call keypoolrefill first',
      )
    }
    await this.save()
    return own
  }

  #replaceSecrets(secrets: Secrets, key: Uint8Array, derivation: KeyDerivation): void {
    const sealed = sealSecrets(secrets, key, derivation, this.id, this.#deps.random)
    this.#content = { ...this.#content, secrets: { sealed } }
  }

  /** Takes descriptors in, each with its private key if it has one. */
  async addDescriptors(list: readonly NewDescriptor[], birthHeight: number): Promise<void> {
    const news = []
    for (const { descriptor, ...rest } of list) {
      const record = toRecord(descriptor, rest)
      news.push({ descriptor, record, keys: await this.ring.deriveAhead(record, this.#deps.clock) })
    }
    if (this.ring.chains.length + news.length > MAX_DESCRIPTORS) {
      throw new WalletError('refused', `A wallet has at most ${MAX_DESCRIPTORS} descriptors`)
    }
    const secrets = this.hasPrivateKeys ? this.requireUnlocked() : undefined
    const descriptors = [...(secrets?.descriptors ?? [])]
    for (const { descriptor, record, keys } of news) {
      if (record.isActive) this.#retire(descriptor.kind, record.isInternal)
      const chain = this.ring.add(record, keys)
      if (descriptor.hasPrivateKey) descriptors[chain.position] = descriptor.toPrivateText()
      else descriptors[chain.position] ??= ''
    }
    this.#content = {
      ...this.#content,
      birthHeight: Math.min(this.#content.birthHeight, birthHeight),
    }
    if (secrets !== undefined) this.#keepSecrets({ ...secrets, descriptors })
    this.#privateDescriptors.clear()
    await this.save()
  }

  #keepSecrets(secrets: Secrets): void {
    const sealed = this.#sealed()
    if (sealed === undefined) this.#content = { ...this.#content, secrets: { plain: secrets } }
    else if (this.#key !== undefined) this.#replaceSecrets(secrets, this.#key, sealed)
    else throw new WalletError('locked', LOCKED_MESSAGE)
    this.#secrets = secrets
  }

  /** Of each form only one descriptor gives new addresses. */
  #retire(kind: DescriptorKind, isInternal: boolean): void {
    const chain = this.findActive(kind, isInternal)
    if (chain !== undefined) this.ring.update(chain, { isActive: false })
  }

  /** Encrypts the keys, and locks them. @throws {@link WalletError} `wrong-encryption-state`, `no-private-keys` */
  encrypt(passphrase: string): Promise<void> {
    return this.#guard.run(async () => {
      if (this.isEncrypted) {
        throw new WalletError(
          'wrong-encryption-state',
          'Error: running with an encrypted wallet, but encryptwallet was called.',
        )
      }
      this.requireUnlocked()
      const { derivation, key } = await protect(passphrase, this.#deps.random)
      await this.#reseal(this.requireUnlocked(), key, derivation)
      this.lock()
    })
  }

  /** Writes the secrets encrypted anew; if that fails nothing has changed. */
  async #reseal(secrets: Secrets, key: Uint8Array, derivation: KeyDerivation): Promise<void> {
    const before = this.#content.secrets
    this.#replaceSecrets(secrets, key, derivation)
    try {
      await this.save()
    } catch (error) {
      this.#content = { ...this.#content, secrets: before }
      throw error
    }
  }

  #requireSealed(method: string): SealedSecrets {
    const sealed = this.#sealed()
    if (sealed !== undefined) return sealed
    throw new WalletError(
      'wrong-encryption-state',
      `Error: running with an unencrypted wallet, but ${method} was called.`,
    )
  }

  /** Encrypts with another passphrase, and locks. @throws {@link WalletError} `wrong-passphrase` */
  changePassphrase(old: string, passphrase: string): Promise<void> {
    return this.#guard.run(async () => {
      const sealed = this.#requireSealed('walletpassphrasechange')
      const oldKey = await deriveKey(old, sealed)
      const { derivation, key } = await protect(passphrase, this.#deps.random)
      // Read last: what was imported meanwhile belongs to it.
      const current = this.#requireSealed('walletpassphrasechange')
      await this.#reseal(openSecrets(current, oldKey, this.id), key, derivation)
      this.lock()
    })
  }

  /** Decrypts the keys for a while. @throws {@link WalletError} `wrong-passphrase`, `wrong-encryption-state` */
  unlock(passphrase: string, durationMs: number): Promise<void> {
    return this.#guard.run(async () => {
      const sealed = this.#requireSealed('walletpassphrase')
      const key = await deriveKey(passphrase, sealed)
      const secrets = openSecrets(this.#requireSealed('walletpassphrase'), key, this.id)
      const { clock } = this.#deps
      this.#lockTimer?.cancel()
      this.#key = key
      this.#secrets = secrets
      this.#unlockedUntil = Math.floor((clock.now() + durationMs) / 1_000)
      this.#lockTimer = clock.schedule(durationMs, () => this.lock())
    })
  }

  /** Forgets the keys until the passphrase is given again. Does nothing to a wallet that is not encrypted. */
  lock(): void {
    this.#lockTimer?.cancel()
    this.#lockTimer = undefined
    if (!this.isEncrypted) return
    this.#key?.fill(0)
    this.#key = undefined
    this.#secrets = undefined
    this.#unlockedUntil = 0
    this.#privateDescriptors.clear()
  }

  /** @throws {@link WalletError} `wrong-encryption-state` */
  lockOnRequest(): void {
    this.#requireSealed('walletlock')
    this.lock()
  }
}
