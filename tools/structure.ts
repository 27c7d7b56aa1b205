/**
 * Reads the table "Folders, and who may import what" of ARCHITECTURE.md and derives from it what the compiler
 * (references of each TypeScript project) and Biome (restricted imports per folder) must say.
 *
 * `npm run structure` writes both; `test/structure.test.ts` fails when they differ from the table.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export type Folder = { path: string; imports: string[]; packages: string[] }

const root = join(import.meta.dirname, '..')

/** The rows of the table: folder, our folders it may import, packages it may import (globs; `node:*` for Node itself). */
export function readTable(markdown = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')): Folder[] {
  const rows: Folder[] = []
  for (const line of markdown.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim())
    const path = /^`(src\/[a-z0-9/-]+)\/`$/.exec(cells[1] ?? '')?.[1]
    if (path === undefined) continue
    const names = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string)
    rows.push({ path, imports: names(cells[3]).map((name) => `src/${name}`), packages: names(cells[4]) })
  }
  return rows
}

/** Our folders a row means: `src/adapters` in the table stands for every adapter. */
function foldersOf(row: Folder, all: Folder[]): string[] {
  return row.imports.flatMap((name) =>
    name === 'src/adapters' ? all.map((f) => f.path).filter((path) => path.startsWith('src/adapters/')) : [name],
  )
}

/** The `references` that the tsconfig.json of a folder must have. */
export function expectedReferences(row: Folder, all: Folder[]): { path: string }[] {
  return foldersOf(row, all).map((path) => ({ path: relative(row.path, path) }))
}

/** The Biome override of a folder: nothing but relative imports into allowed folders and the packages of the table. */
export function expectedOverride(row: Folder, all: Folder[]) {
  const allowed = new Set([row.path, ...foldersOf(row, all)])
  const denied = all.filter((other) => !allowed.has(other.path))
  const own = [...row.imports.map((name) => name.slice('src/'.length)), ...row.packages]
  const packages = row.packages.flatMap((name) => [`!${name}`, `!${name}/**`])
  return {
    includes: [`${row.path}/**`, `!${row.path}/**/*.test.ts`, `!${row.path}/**/*.test.tsx`],
    linter: {
      rules: {
        style: {
          noRestrictedImports: {
            level: 'error',
            options: {
              patterns: [
                {
                  group: ['**', '!./**', '!../**', ...packages],
                  message: `${row.path} may import only itself${own.length > 0 ? `, ${own.join(', ')}` : ''} (ARCHITECTURE.md).`,
                },
                {
                  group: denied.flatMap(({ path }) => deniedGlobs(row.path, path)),
                  message: `${row.path} may not import from this folder (ARCHITECTURE.md).`,
                },
              ],
            },
          },
        },
      },
    },
  }
}

/** How a file anywhere below `from` could name the folder `to` in a relative import. */
function deniedGlobs(from: string, to: string): string[] {
  const path = relative(from, to)
  return [`${path}/**`, `**/${path}/**`]
}

type Biome = { overrides: { includes: string[] }[] }

/** Biome's overrides for the folders of the table, after those that are there for other reasons. */
export function withOverrides(biome: Biome, all: Folder[]): Biome {
  const ours = all.map((row) => expectedOverride(row, all))
  const folders = new Set(ours.map((override) => override.includes[0]))
  const others = biome.overrides.filter((override) => !folders.has(override.includes[0] as string))
  return { ...biome, overrides: [...others, ...ours] }
}

export const readJson = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))

function write(path: string, value: unknown) {
  writeFileSync(join(root, path), `${JSON.stringify(value, null, 2)}\n`)
}

if (import.meta.main) {
  const all = readTable()
  for (const row of all) {
    const file = `${row.path}/tsconfig.json`
    const present = existsSync(join(root, file))
    const depth = relative(join(root, row.path), root)
    const config = present
      ? readJson(file)
      : {
          extends: `${depth}/tsconfig.base.json`,
          compilerOptions: { rootDir: '.', outDir: `${depth}/dist/${relative('src', row.path)}` },
          include: ['**/*.ts', '**/*.tsx'],
          exclude: ['**/*.test.ts', '**/*.test.tsx'],
        }
    write(file, { ...config, references: expectedReferences(row, all) })
  }
  write('tsconfig.json', { files: [], references: all.map((row) => ({ path: row.path })) })
  write('biome.json', withOverrides(readJson('biome.json'), all))
  console.log(`${all.length} folders written from ARCHITECTURE.md`)
}
