/** @module A power cut: what a database keeps of what was written without being synced, which may be nothing. */

import type { ByteDatabase } from '../../src/store/index.ts'

/** How long a write that is not synced takes: one that is can overtake it. */
const WRITE_DELAY_MS = 5
const BYTES = { keyEncoding: 'view', valueEncoding: 'view' } as const

type Write = (...given: unknown[]) => Promise<void>
interface Change {
  readonly key: Uint8Array
  /** Undefined if the key was deleted. */
  readonly value: Uint8Array | undefined
}
interface Operation {
  readonly type: 'put' | 'del'
  readonly key: Uint8Array
  readonly value?: Uint8Array
}

/** Records under which key was written what, and whether it was synced. */
export class SyncRecorder {
  readonly #database: ByteDatabase
  readonly #synced = new Map<string, Change>()
  #unsynced: Change[] = []
  #isCut = false

  /** @param database - Empty. What is written to it is recorded until the power is cut. */
  constructor(database: ByteDatabase) {
    this.#database = database
    this.#record('_put', ([key, value]) => [{ type: 'put', key, value }])
    this.#record('_del', ([key]) => [{ type: 'del', key }])
    this.#record('_batch', ([operations]) => operations)
  }

  /** Closes the database. What is still on its way is lost. */
  async cut(): Promise<void> {
    this.#isCut = true
    await new Promise((resolve) => setTimeout(resolve, 2 * WRITE_DELAY_MS))
    for (const name of ['_put', '_del', '_batch']) Reflect.deleteProperty(this.#database, name)
    await this.#database.close()
  }

  /**
   * Replaces what is in a database by what is left.
   *
   * @param database - Open.
   * @param losesUnsynced - Whether everything after the last synced write is lost; else nothing is.
   */
  async restore(database: ByteDatabase, losesUnsynced: boolean): Promise<void> {
    const left = new Map(this.#synced)
    if (!losesUnsynced) applyTo(left, this.#unsynced)
    await database.clear()
    const changes = [...left.values()]
    const puts = changes.flatMap(({ key, value }) =>
      value === undefined ? [] : [{ type: 'put' as const, key, value, ...BYTES }],
    )
    await database.batch(puts)
  }

  /** Every write of an `abstract-level` database ends in these, those of its sublevels too. */
  // biome-ignore lint/suspicious/noExplicitAny: what abstract-level hands over, by position.
  #record(name: string, read: (given: readonly any[]) => readonly Operation[]): void {
    const write: Write = Reflect.get(this.#database, name).bind(this.#database)
    const recorded: Write = async (...given) => {
      const changes = read(given).map(({ type, key, value }) => ({
        key: Uint8Array.from(key),
        value: type === 'put' && value !== undefined ? Uint8Array.from(value) : undefined,
      }))
      const isSynced = (given.at(-1) as { readonly sync?: boolean }).sync === true
      if (!isSynced) await new Promise((resolve) => setTimeout(resolve, WRITE_DELAY_MS))
      if (this.#isCut) return
      await write(...given)
      this.#unsynced.push(...changes)
      if (!isSynced) return
      applyTo(this.#synced, this.#unsynced)
      this.#unsynced = []
    }
    Reflect.set(this.#database, name, recorded)
  }
}

function applyTo(content: Map<string, Change>, changes: readonly Change[]): void {
  for (const change of changes) content.set(change.key.join(), change)
}
