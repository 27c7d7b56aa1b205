import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { errorCatalogue } from '../src/core/errors.ts'
import { pages } from '../tools/docs.ts'

const root = join(import.meta.dirname, '..')

describe('generated pages', () => {
  test.each(Object.entries(pages()))('%s is what its source gives (npm run docs)', (file, text) => {
    expect(readFileSync(join(root, 'docs/reference', file), 'utf8')).toBe(text)
  })

  test('errors.md lists exactly the codes of the catalogue', () => {
    const listed = [...readFileSync(join(root, 'docs/reference/errors.md'), 'utf8').matchAll(/^## (.*)$/gm)].map(
      (match) => match[1],
    )
    expect(listed).toEqual(Object.keys(errorCatalogue))
  })
})

describe('the error catalogue', () => {
  test('has no code that nothing uses', () => {
    const sources = files(join(root, 'src'), /\.tsx?$/).filter((file) => !/\.test\.tsx?$|core\/errors\.ts$/.test(file))
    const text = sources.map((file) => readFileSync(file, 'utf8')).join('\n')
    const unused = Object.keys(errorCatalogue).filter((code) => !text.includes(`'${code}'`))
    expect(unused).toEqual([])
  })
})

describe('documents', () => {
  const documents = [
    ...readdirSync(root)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(root, name)),
    ...files(join(root, 'docs'), /\.md$/),
  ]

  test.each(documents.map((file) => relative(root, file)))('%s: every link to a file leads to one', (file) => {
    const text = readFileSync(join(root, file), 'utf8').replace(/```[\s\S]*?```/g, '')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)) {
      expect(() => statSync(join(root, dirname(file), target)), target).not.toThrow()
    }
  })

  test('every file that is named in backquotes is there', () => {
    for (const file of documents) {
      const text = readFileSync(file, 'utf8')
      for (const [, path = ''] of text.matchAll(/`((?:src|test|docs|tools|bench|assets)\/[\w./-]+\.\w+)`/g)) {
        expect(() => statSync(join(root, path)), `${relative(root, file)}: ${path}`).not.toThrow()
      }
    }
  })
})

function files(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
}
