import fc from 'fast-check'
import { expect, test } from 'vitest'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import { readMail } from '../../mail/read-mail.ts'
import { composeContent } from './compose.ts'
import { contentId, markdownText, planContent } from './content.ts'

const deps = testDeps()
const plan = (subject: string, body: string) =>
  planContent(deps, {
    id: deps.ids.next(),
    role: 'alarm',
    recipient: 'ops@elsewhere.example',
    language: 'en',
    form: null,
    about: null,
    content: { subject, body },
  })
const compose = async (subject: string, body: string) =>
  await readMail(composeContent(deps, { ...plan(subject, body), lease: null, version: 1, attempts: 0 }).mail)

test('a text of its own becomes a mail from the instance', async () => {
  const mail = await compose('Alarm', 'Something **is** wrong.\n')
  expect(mail.subject).toBe('Alarm')
  expect(mail.text).toContain('Something is wrong.')
  expect(mail.from).toBe('Example 株式会社 <forms@example.jp>')
})

test('a value stays text: no Markdown, no Liquid, no HTML is made of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme-ascii', minLength: 1 }), async (value) => {
      const mail = await compose('x', `[${markdownText(value)}]\n`)
      expect(mail.text?.trim()).toBe(`[${value.replace(/\s+/g, ' ')}]`)
    }),
    { numRuns: 200 },
  )
  const mail = await compose('x', `${markdownText('{{ form }} {% if %} <b> [a](javascript:x) **b** `c`')}\n`)
  expect(mail.text?.trim()).toBe('{{ form }} {% if %} <b> [a](javascript:x) **b** `c`')
  expect(mail.html).not.toMatch(/<b>|<a |<strong>|<code>/)
})

test('a subject can’t make another header', async () => {
  const mail = await compose('a\r\nBcc: x@y.example', 'b')
  expect(mail.subject).toBe('a Bcc: x@y.example')
  expect(mail.headers.map(({ name }) => name.toLowerCase())).not.toContain('bcc')
})

test('the same facts give the same id, others another', () => {
  expect(contentId(deps, 'a', 1)).toMatch(/^[a-z2-7]{26}$/)
  expect(contentId(deps, 'a', 1)).toBe(contentId(deps, 'a', 1))
  expect(contentId(deps, 'a', 1)).not.toBe(contentId(deps, 'a1'))
})
