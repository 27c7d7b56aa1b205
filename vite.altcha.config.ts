import { readFileSync } from 'node:fs'
import { defineConfig } from 'vite'

/** Goes along with every copy, as the licence wants it. */
const licence = readFileSync(new URL('node_modules/altcha/LICENSE.txt', import.meta.url), 'utf8')

const entry = '\0altcha'

/** Builds `/altcha.js`, the widget of ALTCHA for other people's pages, in English and Japanese, into one file. */
export default defineConfig({
  plugins: [
    {
      name: 'altcha-entry',
      // Vite makes a path of the entry's name.
      resolveId: (id) => (id.endsWith('altcha-entry') ? entry : undefined),
      load: (id) => (id === entry ? "import 'altcha'\nimport 'altcha/i18n/ja'\n" : undefined),
    },
  ],
  publicDir: false,
  build: {
    outDir: 'dist/snippet',
    // What is there already stays.
    emptyOutDir: false,
    target: 'es2022',
    rolldownOptions: { output: { postBanner: `/*!\n${licence.trim()}\n*/` } },
    lib: { entry: 'altcha-entry', formats: ['iife'], name: 'altcha', fileName: () => 'altcha.js' },
  },
})
