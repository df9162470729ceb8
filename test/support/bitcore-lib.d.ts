/** The part of bitcore-lib that tests compare with. The package has no types of its own. */
declare module 'bitcore-lib' {
  interface BitcoreScript {
    readonly __script: unique symbol
  }
  interface BitcoreTransaction {
    readonly __transaction: unique symbol
  }
  interface BitcoreInterpreter {
    readonly errstr: string
    verify(
      scriptSig: BitcoreScript,
      scriptPubKey: BitcoreScript,
      tx: BitcoreTransaction,
      index: number,
      flags: number,
      witness: readonly Uint8Array[],
      satoshis: number,
    ): boolean
  }
  const bitcore: {
    readonly Script: {
      (bytes: Uint8Array): BitcoreScript
      fromBuffer(bytes: Uint8Array): BitcoreScript
      readonly Interpreter: (new () => BitcoreInterpreter) & Readonly<Record<string, number>>
    }
    readonly Transaction: (new (
      bytes: Uint8Array,
    ) => BitcoreTransaction & { readonly inputs: { output?: unknown }[] }) & {
      readonly Output: new (fields: {
        readonly satoshis: number
        readonly script: BitcoreScript
      }) => unknown
    }
  }
  // biome-ignore lint/style/noDefaultExport: the package has one.
  export default bitcore
}
