/**
 * Stands in for `webassembly-types.ts` where the DOM library describes WebAssembly: `tsconfig.isomorphic.json` resolves
 * to this file by its suffix.
 *
 * @module
 */

export type {}
