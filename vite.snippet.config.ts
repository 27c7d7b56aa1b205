import { defineConfig } from 'vite'

/** Builds `/todoku.js`, the script for other people's pages, into one file that needs nothing. */
export default defineConfig({
  root: 'src/snippet',
  build: {
    outDir: '../../dist/snippet',
    // The declarations that tsc wrote there stay.
    emptyOutDir: false,
    target: 'es2022',
    lib: { entry: 'main.ts', formats: ['iife'], name: 'todoku', fileName: () => 'todoku.js' },
  },
})
