import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from './forms-sync.ts'

test('where every form is left out, it says why', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sync-'))
  const config = join(folder, 'todoku.yaml')
  writeFileSync(config, 'publicUrl: https://forms.example.jp\n')
  writeFileSync(
    join(folder, 'a.html'),
    '<!doctype html><body><form action="https://formspree.io/f/abc" method="post"><input name="email"></form></body>',
  )
  let text = ''
  const out = (more: string) => {
    text += more
  }
  const flags = { config, data: join(folder, 'data') }
  expect(await run({ terminal: { out, error: out }, arguments: [folder], flags })).toBe(0)
  expect(text).toContain('No page has a form of ours')
  expect(text).toContain('note: /a.html, form abc: it posts to https://formspree.io')
})
