import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { expectedReferences, readJson, readTable, withOverrides } from '../tools/structure.ts'

const folders = readTable()

describe('the table of ARCHITECTURE.md', () => {
  test('names every folder below src/, and no other', () => {
    const src = join(import.meta.dirname, '../src')
    const present = readdirSync(src).flatMap((name) =>
      name === 'adapters' ? readdirSync(join(src, name)).map((adapter) => `src/adapters/${adapter}`) : [`src/${name}`],
    )
    expect(folders.map(({ path }) => path).sort()).toEqual(present.sort())
  })

  test.each(folders)('$path: tsconfig.json references what the table allows', (folder) => {
    expect(readJson(`${folder.path}/tsconfig.json`).references).toEqual(expectedReferences(folder, folders))
  })

  test('the root project builds every folder', () => {
    expect(readJson('tsconfig.json').references).toEqual(folders.map(({ path }) => ({ path })))
  })

  test('biome.json restricts imports as the table says', () => {
    const biome = readJson('biome.json')
    expect(biome).toEqual(withOverrides(biome, folders))
    expect(biome.overrides.length).toBeGreaterThanOrEqual(folders.length)
  })
})
