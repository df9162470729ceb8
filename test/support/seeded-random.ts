/** @module Random numbers that a seed repeats, for tests in TypeScript. */
// biome-ignore lint/correctness/useImportExtensions: the module has a declaration file of its own beside it.
export { SeededRandom } from '../crash/seeded-random.mjs'
