import { defineConfig } from 'vite'

/** Builds the pages below `/app/` into static files. JSX comes from tsconfig.json. */
export default defineConfig({
  root: 'src/dashboard',
  base: '/app/',
  build: { outDir: '../../dist/app', emptyOutDir: true },
})
