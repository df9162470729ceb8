/** @module The tests that mutants are run against: those of the mutated folders. */

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: JSON.parse(process.env['MUTATION_TESTS'] ?? '[]'),
    exclude: ['**/*.slow.test.ts', '**/*-browser.test.ts'],
    setupFiles: ['./src/platform/nodejs/polyfills.ts'],
    testTimeout: 60_000,
  },
})
