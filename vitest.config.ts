import { defineConfig } from 'vitest/config'

// No default export elsewhere; Vitest wants one here.
export default defineConfig({
  test: {
    reporters: ['default', './test/reporter.ts'],
    globalSetup: ['./test/temporary-folder.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          // A simulated day of posts takes seconds on a machine that does other things as well.
          testTimeout: 30_000,
          include: [
            'src/**/*.test.ts',
            'src/**/*.test.tsx',
            'test/*.test.ts',
            'test/fakes/**/*.test.ts',
            'bench/**/*.test.ts',
          ],
        },
      },
      { test: { name: 'contracts', testTimeout: 30_000, include: ['test/contracts/**/*.test.ts'] } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Each file starts processes of its own (server, browser), and mostly waits for them: two at once fill 2 cores.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
