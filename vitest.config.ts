import { defineConfig } from 'vitest/config'

const SETUP = ['./src/platform/nodejs/polyfills.ts']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,property,compliance,vectors,sim}/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts'],
          setupFiles: SETUP,
          // One file for each core: the default leaves one core idle, which on two is half.
          maxWorkers: '100%',
          // Files share what they import: importing it for each anew takes a quarter of all time.
          isolate: false,
          sequence: { groupOrder: 0 },
          // No test asserts a time, and a busy machine takes its own.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts'],
          setupFiles: SETUP,
          globalSetup: ['./test/support/build-first.ts'],
          // Every file starts processes that mine; more at once would measure the scheduler.
          fileParallelism: false,
          isolate: false,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'slow',
          // What is built is run as it is.
          server: { deps: { external: [/\/dist\//] } },
          include: ['test/**/*.slow.test.ts'],
          setupFiles: SETUP,
          globalSetup: ['./test/support/build-first.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          // Of tests that say they may run beside others.
          maxConcurrency: 2,
          testTimeout: 600_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
