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
          include: [
            'src/**/*.test.ts',
            'src/**/*.test.tsx',
            'test/*.test.ts',
            'test/fakes/**/*.test.ts',
            'bench/**/*.test.ts',
          ],
        },
      },
      { test: { name: 'contracts', include: ['test/contracts/**/*.test.ts'] } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Each file starts processes of its own (server, browser); two at once are slower than one after the other on 2 cores.
          fileParallelism: false,
        },
      },
    ],
  },
})
