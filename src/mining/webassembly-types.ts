/**
 * The part of WebAssembly's JavaScript interface that the hash core and the signature engine need. Every
 * runtime has it, but TypeScript describes it in its DOM library alone, which this project is compiled
 * without.
 *
 * @see WebAssembly JavaScript Interface, chapter 5
 * @module
 */

declare global {
  namespace WebAssembly {
    /** Compiled code without state. Crosses to another thread as it is. */
    class Module {
      constructor(bytes: Uint8Array)
    }

    /** Linear memory. */
    class Memory {
      readonly buffer: ArrayBuffer
    }

    /** A value that a module exports, such as an address in its memory. */
    class Global {
      readonly value: unknown
    }

    /** A module with memory of its own, ready to be called. */
    class Instance {
      constructor(
        module: Module,
        imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
      )
      readonly exports: Readonly<Record<string, unknown>>
    }

    /** Tells whether this runtime can compile a module. */
    function validate(bytes: Uint8Array): boolean
    function compile(bytes: Uint8Array): Promise<Module>
  }
}

// Makes this file a module, so that it can be imported for its types.
export type {}
